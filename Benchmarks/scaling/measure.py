"""Whole training steps against the size of the work, in Needletail and in PyTorch: tokens/s, model GF/s and peak
memory along context, width, depth, vocabulary and batch.

    /tmp/oracle/bin/python Benchmarks/scaling/measure.py [--quick] [--only SWEEP] [--fresh]
    /tmp/oracle/bin/python Benchmarks/scaling/plot.py

Both programs are given the same shape, batch and threads, f32 and AdamW, and run in turns. Every point is kept as it
comes; a run that was stopped goes on where it was. Needs the oracles' environment (Scripts/oracles/setup.sh) and a
built needletail.
"""

import argparse
import datetime
import json
import os
import pathlib
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
RESULTS = ROOT / "Benchmarks/results/scaling.json"
PEER = ROOT / "Benchmarks/pytorch"

# A GPT-2 so small that its work is a matter of seconds: what a sweep leaves alone is as it is here.
BASE = json.loads((PEER / "shapes/gpt2-6x384.json").read_text()) | {"vocabulary": 8192, "context": 1024}


def case(length=256, batch=4, layers=4, width=256, malloc="keep", **changes):
    """Rows of `length` tokens, `batch` of them, and the shape that reads them; heads are 64 wide."""
    heads = {"heads": width // 64, "key_value_heads": width // 64, "head_width": 64}
    sizes = {"layers": layers, "width": width, "feed_forward_width": 4 * width}
    return {"batch": batch, "length": length, "malloc": malloc, "shape": BASE | sizes | heads | changes}


CONTEXTS = [256, 512, 1024, 2048, 4096, 8192]
SWEEPS = {
    # The tokens of a step stay, and so does the model: what grows is attention.
    "context": (CONTEXTS, lambda n: case(length=n, batch=8192 // n, context=8192)),
    # One row, so that its length is all that memory can depend on; not for timing, so PyTorch may be small, not fast.
    "memory": (CONTEXTS, lambda n: case(length=n, batch=1, context=8192, malloc="default")),
    "width": ([128, 256, 384, 512, 768, 1024], lambda n: case(width=n)),
    "depth": ([1, 2, 4, 8, 16], lambda n: case(layers=n)),
    # GPT-2, cl100k, o200k and Gemma, in multiples of 128.
    "vocabulary": ([50_304, 100_352, 200_064, 256_000], lambda n: case(vocabulary=n)),
    "batch": ([1, 2, 4, 8, 16], lambda n: case(batch=n)),
}


def flops(case):
    """Model FLOPs of a step: 6 a weight of a matrix product and token, 12 · layers · width · length of attention."""
    shape, tokens = case["shape"], case["batch"] * case["length"]
    weights = shape["width"] * (12 * shape["layers"] * shape["width"] + shape["vocabulary"])
    return tokens * (6 * weights + 12 * shape["layers"] * shape["width"] * case["length"])


def busy_seconds():
    """Processor seconds that the whole machine and this program's children have spent so far."""
    user, nice, system, _, _, interrupts, soft, *_ = map(int, open("/proc/stat").readline().split()[1:])
    own = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (user + nice + system + interrupts + soft) / os.sysconf("SC_CLK_TCK"), own.ru_utime + own.ru_stime


def run(*command):
    """The last line a command prints, read as JSON, with the number of cores that others kept busy meanwhile."""
    machine, own, start = *busy_seconds(), time.monotonic()
    result = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, text=True)
    if result.returncode != 0:
        raise SystemExit(f"measure: status {result.returncode} from {' '.join(map(str, command))}")
    others = [now - then for now, then in zip(busy_seconds(), (machine, own))]
    seconds = time.monotonic() - start
    return json.loads(result.stdout.splitlines()[-1]) | {"others": max(0, others[0] - others[1]) / seconds}


def needletail(options, case, steps, folder):
    recipe = folder / "recipe.json"
    training = {"global_batch": case["batch"], "microbatch": case["batch"], "sequence_length": case["length"]}
    recipe.write_text(json.dumps({"model": case["shape"], "training": training}))
    return run(options.needletail, "benchmark", recipe, "--threads", options.threads, "--steps", steps, "--json")


def pytorch(options, case, steps, folder):
    shape = folder / "shape.json"
    shape.write_text(json.dumps(case["shape"]))
    line = run(sys.executable, PEER / "train_step.py", "--shape", shape, "--batch", case["batch"], "--tokens",
               case["length"], "--threads", options.threads, "--steps", steps, "--warmup", 2,
               "--malloc", case["malloc"])  # fmt: skip
    return line | {"peak_memory_bytes": line["peak_rss_bytes"]}


PROGRAMS = {"needletail": needletail, "pytorch": pytorch}
KEPT = (
    "step_seconds peak_memory_bytes others fma_peak_gflops_per_second predicted_saved_bytes measured_saved_bytes"
).split()


def measure(options, sweep, value, case, folder):
    """A point: what each program's runs said, one program after the other in every round."""
    # Two seconds of steps: the small ones are short and noisy, the large ones steady.
    steps = 1 if sweep == "memory" or options.quick else max(2, min(20, round(2 * 150e9 / flops(case))))
    rounds = 1 if sweep == "memory" or options.quick else options.rounds
    point = {"sweep": sweep, "value": value, "threads": options.threads, "date": str(datetime.date.today()),
             "commit": output_of("git", "-C", options.needletail.parent, "log", "-1", "--format=%h", "--", ":/Sources"),
             **case, "needletail": [], "pytorch": []}  # fmt: skip
    for _ in range(rounds):
        parameters = set()
        for name, program in PROGRAMS.items():
            line = program(options, case, steps, folder)
            parameters.add(line["parameters"])
            counted = line["model_gflops_per_second"] * 1e9 / line["tokens_per_second"] * case["batch"] * case["length"]
            if len(parameters) > 1 or abs(counted / flops(case) - 1) > 1e-3:
                raise SystemExit(f"measure: {name} differs at {sweep} {value}: {parameters} parameters, {counted} FLOPs")
            point[name].append({key: line[key] for key in KEPT if key in line})
    return point


def seconds(point, program):
    """The median step of all of a program's runs."""
    return statistics.median(second for run in point[program] for second in run["step_seconds"])


def others(point):
    """Cores that other programs kept busy in the worst of a point's runs."""
    return max(run["others"] for name in PROGRAMS for run in point[name])


def write(results, path):
    """A point a line, and never half a file."""
    points = ",\n".join(map(json.dumps, results["points"]))
    partial = path.with_suffix(".partial")
    partial.write_text(f'{{"machine": {json.dumps(results["machine"])},\n"points": [\n{points}\n]}}\n')
    partial.replace(path)


def output_of(*command):
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, check=True).stdout.strip()


def machine(options):
    """What the measurements were taken with."""
    processor = next(line for line in open("/proc/cpuinfo") if line.startswith("model name")).split(":")[1].strip()
    code = "import resource, torch; print(torch.__version__, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)"
    torch, resident = output_of(sys.executable, "-c", code).split()
    return {"processor": processor, "cores": os.cpu_count(), "system": platform.platform(),
            "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
            "needletail": output_of(options.needletail, "--version"), "torch": torch,
            "torch_import_bytes": int(resident), "python": platform.python_version()}  # fmt: skip


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", action="append", choices=SWEEPS, metavar="SWEEP", help=", ".join(SWEEPS))
    parser.add_argument("--quick", action="store_true", help="the first and the third point, one step, one round; "
                        "kept in the temporary folder unless --output says where")  # fmt: skip
    parser.add_argument("--fresh", action="store_true", help="measure again what is there already")
    parser.add_argument("--redo-above", type=float, metavar="CORES",
                        help="measure again the points where other programs kept so much of the machine busy")  # fmt: skip
    parser.add_argument("--rounds", type=int, default=2, help="runs of each program at a point")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--needletail", type=pathlib.Path, default=ROOT / ".build/release/needletail")
    parser.add_argument("--output", type=pathlib.Path)
    options = parser.parse_args()
    quick = pathlib.Path(tempfile.gettempdir()) / "scaling-quick.json"
    options.output = options.output or (quick if options.quick else RESULTS)
    return options


def main():
    options = arguments()
    sweeps = options.only or list(SWEEPS)
    results = json.loads(options.output.read_text()) if options.output.exists() else {"points": []}
    results["machine"] = machine(options)
    limit = -1 if options.fresh else options.redo_above
    if limit is not None:
        results["points"] = [p for p in results["points"] if p["sweep"] not in sweeps or others(p) <= limit]
    there = {(point["sweep"], point["value"], point["threads"]) for point in results["points"]}
    with tempfile.TemporaryDirectory() as folder:
        for sweep in sweeps:
            values, case_of = SWEEPS[sweep]
            for value in values[:3:2] if options.quick else values:
                if (sweep, value, options.threads) in there:
                    continue
                start = time.monotonic()
                point = measure(options, sweep, value, case_of(value), pathlib.Path(folder))
                results["points"].append(point)
                write(results, options.output)
                rates = [f"{name} {point['batch'] * point['length'] / seconds(point, name):.0f}" for name in PROGRAMS]
                print(f"{sweep} {value}: {', '.join(rates)} tokens/s; {time.monotonic() - start:.0f} s, others kept "
                      f"{others(point):.2f} cores busy", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
