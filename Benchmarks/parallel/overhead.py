"""Tokens/s of the same training on one rank of two threads and on two ranks of one thread: tensor, pipeline and data
parallel, in alternated rounds.

    Benchmarks/parallel/overhead.py --prefix corpus/web [--binary B] [--recipe R] [--steps N] [--rounds N] [--mesh M ...]
        [--set K=V ...]

A step's time is the median, over all rounds, of "seconds" in the metrics, the first two steps of a run left out. Waiting is
what rank 0 waited for others, as the run's summary says it; its median. Needs nothing but Python.
"""

import argparse
import json
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
SKIPPED = 2
DEFAULTS = [
    "training.global_batch=16",
    "training.microbatch=2",
    "training.sequence_length=256",
    "training.evaluation_interval=0",
]
# Ranks, threads of each, and how the ranks divide the work.
MESHES = {
    "serial": (1, 2, []),
    "TP2": (2, 1, ["mesh.tensor=2"]),
    "TP2 + sequence": (2, 1, ["mesh.tensor=2", "mesh.sequence_parallel=true"]),
    "PP2": (2, 1, ["mesh.pipeline=2"]),
    "DP2": (2, 1, ["mesh.data=2"]),
    "PP2, v = 2": (2, 1, ["mesh.pipeline=2", "mesh.interleave=2"]),
    "PP2, zero_bubble": (2, 1, ["mesh.pipeline=2", "mesh.schedule=zero_bubble"]),
}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default=ROOT / ".build/release/needletail", type=pathlib.Path)
    parser.add_argument("--recipe", default=ROOT / "Recipes/gpt2-124m.yaml", type=pathlib.Path)
    parser.add_argument("--prefix", required=True, help="a Megatron dataset, without .bin and .idx")
    parser.add_argument("--steps", default=6, type=int, help=f"of a run; the first {SKIPPED} are not counted")
    parser.add_argument("--rounds", default=3, type=int)
    parser.add_argument("--mesh", action="append", choices=list(MESHES), help="besides serial; by default all")
    parser.add_argument("--set", action="append", default=[], metavar="PATH=VALUE", help="besides " + " ".join(DEFAULTS))
    options = parser.parse_args()
    if options.steps <= SKIPPED:
        parser.error(f"--steps must be more than {SKIPPED}, got {options.steps}")
    if options.rounds < 1:
        parser.error(f"--rounds must be at least 1, got {options.rounds}")
    options.mesh = ["serial"] + [mesh for mesh in MESHES if mesh in (options.mesh or MESHES) and mesh != "serial"]
    return options


def train(options, mesh):
    """(tokens, seconds) of each counted step of one run, and the share of its time that rank 0 waited."""
    ranks, threads, changes = MESHES[mesh]
    with tempfile.TemporaryDirectory() as folder:
        metrics = pathlib.Path(folder) / "metrics.jsonl"
        # Later settings override earlier ones: the caller's the defaults, and what is compared all of them.
        settings = [
            *DEFAULTS,
            *options.set,
            f"data.prefix={options.prefix}",
            f"training.steps={options.steps}",
            f"training.threads={threads}",
            f"checkpoint.directory={folder}/run",
            "checkpoint.interval=0",
            *changes,
        ]
        command = [options.binary, "train", options.recipe, "--metrics", metrics, "--carrier", "local", "--ranks", ranks]
        command += [word for setting in settings for word in ("--set", setting)]
        result = subprocess.run([str(word) for word in command], capture_output=True, text=True)
        if result.returncode != 0:
            raise SystemExit(f"overhead: {mesh}: status {result.returncode}: {result.stderr.strip()}")
        steps = [json.loads(line) for line in metrics.read_text().splitlines()]
    steps = [(step["tokens"], step["seconds"]) for step in steps if "seconds" in step][SKIPPED:]
    if len(steps) != options.steps - SKIPPED:
        raise SystemExit(f"overhead: {mesh}: {len(steps)} steps counted, expected {options.steps - SKIPPED}")
    waiting = re.search(r"^waiting for ranks\s+([\d.]+)%", result.stdout, re.MULTILINE)
    if waiting is None and ranks > 1:
        raise SystemExit(f"overhead: {mesh}: the summary has no line \"waiting for ranks\":\n{result.stdout}")
    return steps, float(waiting[1]) / 100 if waiting else None


def main():
    options = arguments()
    seconds = {mesh: [] for mesh in options.mesh}
    waiting = {mesh: [] for mesh in options.mesh}
    tokens = {}
    for number in range(options.rounds):
        # Every other round the other way around: no mesh always runs behind the same one.
        for mesh in options.mesh[:: 1 if number % 2 == 0 else -1]:
            steps, waited = train(options, mesh)
            seconds[mesh] += [took for _, took in steps]
            tokens[mesh] = steps[0][0]
            if waited is not None:
                waiting[mesh].append(waited)
            median = statistics.median(took for _, took in steps)
            print(f"round {number + 1}, {mesh}: {tokens[mesh] / median:.0f} tokens/s", file=sys.stderr, flush=True)
    counted = options.rounds * (options.steps - SKIPPED)
    print(f"{options.recipe.name}, {tokens['serial']} tokens a step; {' '.join(options.set) or 'defaults'};", end=" ")
    print(f"medians of {counted} steps in {options.rounds} rounds\n")
    print("| | ranks × threads | step, s | fastest | slowest | tokens/s | of serial | waiting for ranks |")
    print("|---|---|---|---|---|---|---|---|")
    rate = {mesh: tokens[mesh] / statistics.median(seconds[mesh]) for mesh in options.mesh}
    for mesh in options.mesh:
        ranks, threads, _ = MESHES[mesh]
        times = seconds[mesh]
        waited = f"{statistics.median(waiting[mesh]):.1%}" if waiting[mesh] else "–"
        print(
            f"| {mesh} | {ranks} × {threads} | {statistics.median(times):.4f} | {min(times):.4f} | {max(times):.4f} "
            f"| {rate[mesh]:.0f} | {rate[mesh] / rate['serial']:.1%} | {waited} |"
        )


if __name__ == "__main__":
    main()
