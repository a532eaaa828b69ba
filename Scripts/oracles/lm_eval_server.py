"""Holds lm_eval through `needletail serve` to lm_eval's own `hf` backend, and both to `needletail evaluate`.

    nice /tmp/oracle/bin/python lm_eval_server.py BINARY

A tiny Llama learns a few dozen sentences, so that it is sure of some words and not of others; transformers saves it with
its tokenizer. Local documents (made here, no network) become four tasks: lambada_openai and wikitext as lm_eval has
them (Benchmarks/evaluation/tasks), a log-likelihood task with contexts that are empty and targets of many tokens, and a
multiple choice. lm_eval runs them with `hf`, with `local-completions` and transformers' tokenizer (prompts of ids, four
requests at once), the same with the server's (`tokenizer_backend=remote`), eight prompts a request, and prompts as text.

Compared to `hf`: every metric, every document's log-likelihood (to 1e-3, and to 1e-4 for each token of its target), and
whether the target is what the model would write. Then `needletail evaluate` does lambada (Megatron's), lambada_openai
and wikitext on the same documents. Prints a table; exits 1 on a difference, or where documents tell nothing (all or no
targets are the model's first choice).
"""

import argparse
import json
import math
import os
import pathlib
import random
import subprocess
import sys
import tempfile

# Before lm_eval is imported.
os.environ |= {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"}

from lm_eval_documents import CONTEXT, TASKS, World, learn
from served import Serve, quiet, silenced

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
SUM, TOKEN = 1e-3, 1e-4
NAMES = [*TASKS, "lambada_openai_local", "wikitext_local"]


def lm_eval(model, arguments, batch=1):
    """By task and name the metrics, by task and document the (log-likelihood, is greedy) of each request, and requests."""
    with silenced():
        from lm_eval import simple_evaluate
        from lm_eval.tasks import TaskManager

        tasks = TaskManager(include_path=[str(REPOSITORY / "Benchmarks/evaluation/tasks"), "tasks"])
        results = simple_evaluate(
            model=model, model_args=arguments, tasks=NAMES, task_manager=tasks, batch_size=batch, device="cpu",
            bootstrap_iters=0, log_samples=True)  # fmt: skip
    samples = {}
    for task, documents in results["samples"].items():
        for document in documents:
            scores = [response[0] for response in document["resps"]]
            samples[task, document["doc_id"]] = [s if isinstance(s, tuple | list) else (s, None) for s in scores]
    metrics = {
        (task, name): value for task, figures in results["results"].items() for name, value in figures.items()
        if isinstance(value, float) and "stderr" not in name}  # fmt: skip
    requests = {(task, d["doc_id"]): d["arguments"] for task, all in results["samples"].items() for d in all}
    return metrics, samples, requests


class Table:
    def __init__(self):
        self.failed = False
        print(f"{'against hf':36}{'task':22}{'documents':>10}{'wrong':>6}   {'ln p':<10}{'a token':<10}{'metrics':<10}")

    def row(self, who, task, count, wrong, worst, worst_token, metrics):
        self.failed |= bool(wrong)
        print(f"{who:36}{task:22}{count:10}{len(wrong):6}   {worst:<10.1e}{worst_token:<10.1e}{metrics:<10.1e}", flush=True)
        for problem in wrong[:5]:
            print("   ", problem)


def relative(got, wanted):
    difference = abs(got - wanted) / max(abs(wanted), 1e-12)
    return difference if math.isfinite(difference) else math.inf


def compare(table, who, task, got, wanted, lengths):
    """`got` and `wanted`: metrics by name, and by document a list of (log-likelihood, is greedy); None: not told."""
    (got_metrics, got_samples), (metrics, samples) = got, wanted
    wrong, worst, worst_token, worst_metric = [], 0.0, 0.0, 0.0
    if got_samples.keys() != samples.keys():
        wrong.append(f"{len(got_samples)} documents, expected {len(samples)}")
    for document in got_samples.keys() & samples.keys():
        for n, ((ours, we_greedy), (theirs, greedy)) in enumerate(zip(got_samples[document], samples[document], strict=True)):
            difference, length = abs(ours - theirs), lengths[document][n]
            worst, worst_token = max(worst, difference), max(worst_token, difference / length)
            if not (difference <= SUM and difference / length <= TOKEN):
                wrong.append(f"document {document}.{n} ({length} tokens): ln p {ours:.6f}, expected {theirs:.6f}")
            if we_greedy is not None and greedy is not None and we_greedy != greedy:
                wrong.append(f"document {document}.{n}: is_greedy {we_greedy}, expected {greedy}")
    for name in got_metrics.keys() & metrics.keys():
        difference = relative(got_metrics[name], metrics[name])
        worst_metric = max(worst_metric, difference)
        if difference > TOKEN:
            wrong.append(f"{name} {got_metrics[name]:.8g}, expected {metrics[name]:.8g}")
    if not got_metrics.keys() & metrics.keys():
        wrong.append("no metric in common")
    table.row(who, task, len(samples), wrong, worst, worst_token, worst_metric)


def of_task(task, metrics, samples):
    return ({name: value for (of, name), value in metrics.items() if of == task},
            {document: scores for (of, document), scores in samples.items() if of == task})  # fmt: skip


def length(tokenizer, *texts):
    """Tokens of a request's target; a rolling one is all target."""
    context = "".join(texts[:-1])
    return max(1, len(tokenizer.encode(context + texts[-1])) - len(tokenizer.encode(context)))


def evaluate(binary, model, task, file):
    """The same of `needletail evaluate`, under lm_eval's names."""
    done = subprocess.run(
        [binary, "evaluate", model, "--task", task, "--data", file, "--json", "--threads", "1", "--samples", "ours.jsonl"],
        capture_output=True, text=True)  # fmt: skip
    if done.returncode:
        raise SystemExit(f"needletail evaluate: {done.stderr.strip()}")
    figures = json.loads(done.stdout)
    lines = [json.loads(line) for line in open("ours.jsonl", encoding="utf-8")]
    metrics = {f"{ {'accuracy': 'acc'}.get(name, name)},none": v for name, v in figures.items() if isinstance(v, int | float)}
    return metrics, {line["document"]: [(line["log_likelihood"], line.get("is_correct"))] for line in lines}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary", type=pathlib.Path)
    parser.add_argument("--steps", type=int, default=150, help="of learning; its loss is printed")
    options = parser.parse_args()
    quiet()
    binary, world = options.binary.resolve(), World(random.Random(1))
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        os.environ["HF_DATASETS_CACHE"] = f"{folder}/cache"
        os.mkdir("tasks")
        for name, text in TASKS.items():
            pathlib.Path(f"tasks/{name}.yaml").write_text(text)
        for name, documents in world.documents().items():
            lines = [json.dumps(document, ensure_ascii=False) + "\n" for document in documents]
            pathlib.Path(f"{name}.jsonl").write_text("".join(lines), encoding="utf-8")
        tokenizer, loss = learn(world, "model", options.steps)
        print(f"a Llama after {options.steps} steps: loss {loss:.3f}")
        sys.exit(judge(binary, f"{folder}/model", tokenizer))


def judge(binary, model, tokenizer):
    table = Table()
    metrics, samples, requests = lm_eval("hf", f"pretrained={model},dtype=float32,max_length={CONTEXT}")
    lengths = {key: [length(tokenizer, *texts) for texts in all] for key, all in requests.items()}
    greedy = [is_greedy for scores in samples.values() for _, is_greedy in scores if is_greedy is not None]
    print(f"{'hf':36}{sum(greedy)} of {len(greedy)} targets are the model's first choice")
    table.failed |= not len(greedy) // 10 < sum(greedy) < len(greedy) * 9 // 10
    with Serve(binary, model, "--weights", "f32") as serve:
        shared = f"base_url={serve.url}/v1/completions,model={serve.name},max_retries=1,max_length={CONTEXT},"
        local = f"tokenizer_backend=huggingface,tokenizer={model},"
        for who, arguments, batch in (
            ("huggingface's tokenizer", local + "num_concurrent=4,tokenized_requests=True", 1),
            ("the server's tokenizer", "tokenizer_backend=remote,num_concurrent=4,tokenized_requests=True", 1),
            ("batches of prompts", local + "num_concurrent=1,tokenized_requests=True", 8),
            ("prompts as text", local + "num_concurrent=4,tokenized_requests=False", 1),
        ):  # fmt: skip
            found = lm_eval("local-completions", shared + arguments, batch)
            for task in NAMES:
                counts = {document: count for (of, document), count in lengths.items() if of == task}
                compare(table, who, task, of_task(task, *found[:2]), of_task(task, metrics, samples), counts)
    for task, theirs, file in (
        ("lambada_openai", "lambada_openai_local", "lambada.jsonl"), ("lambada", "lambada_openai_local", "lambada.jsonl"),
        ("wikitext", "wikitext_local", "pages.jsonl")):  # fmt: skip
        counts = {document: count for (of, document), count in lengths.items() if of == theirs}
        compare(table, f"needletail evaluate: {task}", theirs, evaluate(binary, model, task, file),
                of_task(theirs, metrics, samples), counts)  # fmt: skip
    print("FAILED" if table.failed else "all the same")
    return table.failed


if __name__ == "__main__":
    main()
