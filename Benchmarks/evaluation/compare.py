"""`needletail evaluate` beside lm-eval's `hf` backend: the same model, documents and threads, in turns.

    python compare.py MODEL HF --wikitext wiki.test.raw --lambada lambada_test.jsonl [--threads 2] [--rounds 3]
                      [--batch 1 8 32] [--needletail PATH]

MODEL is a directory of Needletail's, HF the same model for transformers. lm-eval runs in this process, its model loaded
once and each batch size given in turn; needletail is started anew each time and its whole life counted. Prints both
programs' figures, then medians of seconds: the scoring alone, the whole, and processor time of the whole, which other
work on the machine changes less. Exits 1 where a figure differs by more
than 1e-6 of itself.
"""

import argparse
import json
import os
import pathlib
import resource
import statistics
import subprocess
import tempfile
import time

os.environ.setdefault("HF_DATASETS_OFFLINE", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")

HERE = pathlib.Path(__file__).resolve().parent
FIGURES = {  # ours: theirs
    "lambada_openai": {"accuracy": "acc,none", "perplexity": "perplexity,none"},
    "wikitext": {name: f"{name},none" for name in ("word_perplexity", "byte_perplexity", "bits_per_byte")},
}


def pages(text):
    """The articles of a file of WikiText, cut at the titles as EleutherAI/wikitext_document_level's are."""
    result, lines = [], []
    for line in text.split("\n"):
        closed = line.replace("= = =", "===").replace("= =", "==").strip()
        if closed.startswith("= ") and closed.endswith(" ="):
            if "\n".join(lines).strip():
                result.append("\n".join(lines))
            lines = []
        lines.append(line)
    return result + ["\n".join(lines)]


class LMEval:
    def __init__(self, path, threads):
        import torch
        from lm_eval.models.huggingface import HFLM
        from lm_eval.tasks import TaskManager

        torch.set_num_threads(threads)
        self.lm = HFLM(pretrained=path, dtype="float32", device="cpu", batch_size=1)
        self.tasks = TaskManager(include_path=str(HERE / "tasks"))
        self.scoring = 0.0
        for name in ("loglikelihood", "loglikelihood_rolling"):
            setattr(self.lm, name, self.timed(getattr(self.lm, name)))

    def timed(self, function):
        def run(*arguments, **named):
            start = time.monotonic()
            result = function(*arguments, **named)
            self.scoring += time.monotonic() - start
            return result

        return run

    def run(self, task, batch):
        from lm_eval import simple_evaluate

        self.lm.batch_size_per_gpu = batch
        self.scoring, start, processor = 0.0, time.monotonic(), time.process_time()
        results = simple_evaluate(
            model=self.lm, tasks=[f"{task}_local"], task_manager=self.tasks, bootstrap_iters=0, log_samples=False,
            verbosity="ERROR")
        seconds = self.scoring, time.monotonic() - start, time.process_time() - processor
        return results["results"][f"{task}_local"], *seconds


def needletail(program, model, task, data, threads):
    start, processor = time.monotonic(), children()
    output = subprocess.run(
        [program, "evaluate", model, "--task", task, "--data", data, "--json", "--threads", str(threads)],
        check=True, capture_output=True)  # fmt: skip
    figures = json.loads(output.stdout)
    return figures, figures["seconds"], time.monotonic() - start, children() - processor


def children():
    """Processor time of the programs that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("hf", type=pathlib.Path)
    parser.add_argument("--wikitext", type=pathlib.Path)
    parser.add_argument("--lambada", type=pathlib.Path)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batch", type=int, nargs="+", default=[1, 8, 32])
    parser.add_argument("--needletail", type=pathlib.Path, default=HERE.parents[1] / ".build/release/needletail")
    options = parser.parse_args()
    data = {"lambada_openai": options.lambada, "wikitext": options.wikitext}
    data = {task: path.resolve() for task, path in data.items() if path}
    model, hf, program = options.model.resolve(), options.hf.resolve(), options.needletail.resolve()
    os.chdir(tempfile.mkdtemp())
    if options.lambada:
        pathlib.Path("lambada.jsonl").symlink_to(data["lambada_openai"])
    if options.wikitext:
        with open("pages.jsonl", "w") as file:
            for page in pages(data["wikitext"].read_text(encoding="utf-8")):
                file.write(json.dumps({"page": page}) + "\n")
    os.environ["HF_DATASETS_CACHE"] = str(pathlib.Path("cache").resolve())
    peer = LMEval(str(hf), options.threads)
    worst = 0.0
    for task, path in data.items():
        times = {"needletail": []} | {batch: [] for batch in options.batch}
        for round in range(options.rounds):
            ours, *seconds = needletail(program, model, task, path, options.threads)
            times["needletail"].append(seconds)
            for batch in options.batch:
                theirs, *seconds = peer.run(task, batch)
                times[batch].append(seconds)
        print(f"\n{task}, {path.name}, {options.threads} threads, {options.rounds} rounds in turns")
        for name, key in FIGURES[task].items():
            difference = abs(ours[name] - theirs[key]) / max(abs(theirs[key]), 1e-300)
            worst = max(worst, difference)
            print(f"  {name:16} needletail {ours[name]:<18.12g} lm-eval {theirs[key]:<18.12g} {difference:.1e}")
        for who, pairs in times.items():
            scoring, whole, processor = (statistics.median(column) for column in zip(*pairs))
            label = who if who == "needletail" else f"lm-eval, batch {who}"
            print(f"  {label:20} scoring {scoring:8.2f} s   whole {whole:8.2f} s   processor {processor:8.2f} s   (scoring: "
                  + ", ".join(f"{pair[0]:.2f}" for pair in pairs) + ")", flush=True)
    print(f"largest relative difference {worst:.1e}")
    raise SystemExit(0 if worst < 1e-6 else 1)


if __name__ == "__main__":
    main()
