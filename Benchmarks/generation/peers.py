"""Times generation by transformers and llama.cpp, and by Needletail in turns with them.

    /tmp/oracle/bin/python peers.py --folder /tmp/peers --rounds 3 --out peers.jsonl
    /tmp/oracle/bin/python peers.py --engine llama.cpp --model gpt2 --precision q8 --batch 8 --phase decode

Every option that names a case takes several values and leaves out the rest. Each case runs in a process of its own, the
engines of a case and their variants one after another, all cases once a round; compare.py takes the better variant.
`--with COMMAND` runs a program beside them, in which {folder}, {model}, {precision}, {batch}, {phase} and {threads} are
filled in; it prints JSON objects, one a line.

decode: DECODED tokens a sequence after a prompt of PROMPT; prefill: prompts of PREFILL[batch] tokens, the head for the
last of each. A figure is the best of the repeats, its median beside it, in tokens of all sequences a second.
`other_busy_cores` is how many cores other processes kept busy: above 0.1 the figure says little.
"""

import argparse
import json
import os
import pathlib
import shlex
import statistics
import subprocess
import sys
import time

import compare

MODELS, PRECISIONS, BATCHES, PHASES = ("gpt2", "llama"), ("f32", "bf16", "q8"), (1, 8, 32), ("prefill", "decode")
ENGINES = ("transformers", "llama.cpp")
PROMPT, DECODED = 128, 128
PREFILL = {1: 512, 8: 128, 32: 64}
# Ways to run each engine (engines.py), the fastest first.
VARIANTS = {"transformers": ["dynamic", "static", "compiled"], "llama.cpp": ["flash", "plain"]}


def busy():
    """Seconds of processor time that all processes have had so far, and this one."""
    fields = [int(f) for f in open("/proc/stat").readline().split()[1:9]]
    return (sum(fields) - fields[3] - fields[4]) / os.sysconf("SC_CLK_TCK"), time.process_time()


def repeat(work, undo, options):
    """Seconds of each repeat of `work`, `undo` between them, and the busy cores of others during the fastest."""
    seen, start = [], time.perf_counter()
    while len(seen) < options.repeats and (len(seen) < 2 or time.perf_counter() - start < options.budget):
        (all_before, own_before), begun = busy(), time.perf_counter()
        work()
        seconds = time.perf_counter() - begun
        all_after, own_after = busy()
        others = (all_after - all_before - own_after + own_before) / seconds
        seen.append((seconds, max(0.0, round(others, 2))))
        undo()
    return [s for s, _ in seen], min(seen)[1]


def measure(options, variant):
    """The case that `options` names, in this process: one object for each phase."""
    import engines
    import numpy as np

    [name], [model], [precision], [batch] = options.engine, options.model, options.precision, options.batch
    engine = engines.ENGINES[name](options.folder / f"{model}-{precision}", batch, options.threads, variant)
    ids = np.random.default_rng(batch).integers(0, 32000, (batch, engines.CONTEXT))
    engine.prefill(ids[:, :8])
    engine.decode(ids[:, 8], 2)
    for phase in options.phase:
        if phase == "prefill":
            length, prompt = PREFILL[batch], ids[:, : PREFILL[batch]]
            seconds, others = repeat(lambda: engine.prefill(prompt), lambda: None, options)
        else:
            length, first = options.tokens, engine.prefill(ids[:, :PROMPT])
            rewind = lambda: engine.rewind(PROMPT, length)
            seconds, others = repeat(lambda: engine.decode(first, length), rewind, options)
        yield dict(
            engine=name, model=model, precision=precision, batch=batch, phase=phase, threads=options.threads,
            tokens_per_second=round(batch * length / min(seconds), 2),
            median_tokens_per_second=round(batch * length / statistics.median(seconds), 2),
            repeats=len(seconds), prompt=PROMPT if phase == "decode" else length, tokens=length, variant=variant,
            other_busy_cores=others, version=engine.describe())  # fmt: skip


def run(command, out):
    """Runs one case's program; gives the objects that it prints, none where it failed."""
    process = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    rows = [json.loads(line) for line in process.stdout.splitlines() if line.startswith("{")]
    if process.returncode or not rows:
        print(f"{shlex.join(command)}\nended with {process.returncode}:\n{process.stderr[-2000:]}", file=sys.stderr)
        return []
    for row in rows:
        if out:
            with open(out, "a") as file:
                file.write(json.dumps(row) + "\n")
        print(" ".join(f"{row.get(k, '-')!s:>{w}}" for k, w in (
            ("engine", 12), ("variant", 13), ("model", 6), ("precision", 5), ("batch", 3), ("phase", 8),
            ("tokens_per_second", 10), ("other_busy_cores", 6))), file=sys.stderr, flush=True)  # fmt: skip
    return rows


def commands(options, model, precision, batch):
    """The programs of a case, one engine after another."""
    for phase in options.phase if options.beside else ():
        names = dict(folder=options.folder, model=model, precision=precision, batch=batch, phase=phase,
                     threads=options.threads)  # fmt: skip
        yield [part.format(**names) for part in shlex.split(options.beside)]
    for engine in options.engine:
        if (engine, precision) == ("transformers", "q8"):
            continue
        for variant in [v for v in VARIANTS[engine] if v in options.variant]:
            command = [sys.executable, __file__, "--here", "--engine", engine, "--model", model, "--batch", str(batch),
                       "--precision", precision, "--phase", *options.phase, "--variant", variant]  # fmt: skip
            for key in ("folder", "threads", "tokens", "repeats", "budget"):
                command += [f"--{key}", str(getattr(options, key))]
            yield command


def drive(options):
    rows, failures = [], 0
    cases = [(m, p, b) for m in options.model for p in options.precision for b in options.batch]
    for _ in range(options.rounds):
        for case in cases:
            for command in commands(options, *case):
                seen = run(command, options.out)
                rows += seen
                failures += not seen
    return rows, failures


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for key, values in (("engine", ENGINES), ("model", MODELS), ("precision", PRECISIONS), ("phase", PHASES)):
        parser.add_argument(f"--{key}", nargs="*", choices=values, default=list(values))
    parser.add_argument("--batch", nargs="+", type=int, choices=BATCHES, default=list(BATCHES))
    parser.add_argument("--folder", type=pathlib.Path, default=pathlib.Path("/tmp/peers"), help="of make_models.py")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--tokens", type=int, default=DECODED, help="written a sequence")
    parser.add_argument("--repeats", type=int, default=5, help="the most in one process")
    parser.add_argument("--budget", type=float, default=20, help="seconds after which only a second repeat is begun")
    parser.add_argument("--variant", nargs="+", choices=sum(VARIANTS.values(), []),
                        default=["dynamic", "flash"], help="ways to run an engine, instead of the fastest")  # fmt: skip
    parser.add_argument("--with", dest="beside", help="a program to run in turns with the peers")
    parser.add_argument("--out", type=pathlib.Path, help="a file to which the objects are added")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.here:
        for row in measure(options, options.variant[0]):
            print(json.dumps(row), flush=True)
        return
    rows, failures = drive(options)
    print(compare.table(rows))
    raise SystemExit(f"{failures} programs failed" if failures else 0)


if __name__ == "__main__":
    main()
