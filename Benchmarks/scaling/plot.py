"""Draws what measure.py measured: a picture of every sweep and a table of all, in Benchmarks/results.

    /tmp/oracle/bin/python Benchmarks/scaling/plot.py [SCALING.json] [--output FOLDER]
"""

import argparse
import json
import pathlib
import statistics

import matplotlib

matplotlib.use("svg")
from matplotlib import pyplot, ticker  # noqa: E402
from measure import PROGRAMS, RESULTS, flops, others, seconds  # noqa: E402

TITLES = {
    "context": "Context: tokens in a row, 8,192 tokens a step",
    "memory": "Memory: one row of the context's length",
    "width": "Width: heads of 64, 4 × 256 tokens a step",
    "depth": "Depth: layers, 4 × 256 tokens a step",
    "vocabulary": "Vocabulary, 4 × 256 tokens a step",
    "batch": "Batch: rows of 256 tokens a step",
}
NAMES = {"needletail": "Needletail", "pytorch": "PyTorch"}
COLOURS = {"needletail": "#1f77b4", "pytorch": "#e4572e"}
MIB = 2**20


def tokens_per_second(point, program):
    return point["batch"] * point["length"] / seconds(point, program)


def gflops_per_second(point, program):
    return flops(point) / seconds(point, program) / 1e9


def fma_peak(point):
    return max(run["fma_peak_gflops_per_second"] for run in point["needletail"])


def peak_memory(point, program):
    return max(run["peak_memory_bytes"] for run in point[program])


def saved(point):
    """What Needletail keeps between forward and backward, (predicted, measured) in bytes, where it says so."""
    run = point["needletail"][0]
    return (run["predicted_saved_bytes"], run["measured_saved_bytes"]) if "predicted_saved_bytes" in run else None


# MARK: Pictures


def draw(sweep, points, folder):
    quantities = {
        "tokens/s": tokens_per_second,
        "model GF/s": gflops_per_second,
        "peak memory, MiB": lambda point, program: peak_memory(point, program) / MIB,
    }
    if sweep == "memory":  # Its few steps are not for timing.
        quantities = {"peak memory, MiB": quantities["peak memory, MiB"]}
    figure, panels = pyplot.subplots(1, len(quantities), figsize=(4 * len(quantities) + 1, 3.4), squeeze=False)
    values = [point["value"] for point in points]
    for axes, (label, quantity) in zip(panels[0], quantities.items()):
        for program in PROGRAMS:
            heights = [quantity(point, program) for point in points]
            axes.plot(values, heights, "o-", color=COLOURS[program], label=NAMES[program], markersize=4)
        if sweep == "memory":
            draw_saved(axes, points)
        else:
            axes.set_xscale("log", base=2)
        # On a linear axis the first two of the lengths are too close to be read.
        ticks = values[2:] if sweep == "memory" else values
        axes.set_xticks(ticks, [f"{value:,}" for value in ticks], rotation=45, ha="right", fontsize=8)
        if label == "tokens/s":
            axes.set_yscale("log")
            axes.yaxis.set_major_locator(ticker.LogLocator(subs=(1, 2, 3, 5, 7)))
            axes.yaxis.set_major_formatter("{x:,.0f}")
        else:
            if label == "model GF/s":
                peaks = [fma_peak(point) for point in points]
                axes.plot(values, peaks, "--", color="grey", linewidth=1, label="FMA peak of the machine")
            axes.set_ylim(bottom=0)
        axes.minorticks_off()
        axes.set_title(label, fontsize=10)
        axes.grid(alpha=0.3)
    # Beside the peak, so that its name is there too.
    panels[0][min(1, len(quantities) - 1)].legend(fontsize=8)
    figure.suptitle(TITLES[sweep], fontsize=11)
    figure.tight_layout()
    figure.savefig(folder / f"{sweep}.svg", metadata={"Date": None})
    pyplot.close(figure)


def draw_saved(axes, points):
    known = [(point["value"], *saved(point)) for point in points if saved(point)]
    if known:
        values, predicted, measured = zip(*known)
        axes.plot(values, [b / MIB for b in predicted], "-", color="green", linewidth=1, label="savedBytes, predicted")
        axes.plot(values, [b / MIB for b in measured], "x", color="green", label="kept by forward, measured")


# MARK: Tables


def table(sweep, points):
    lines = [f"| {sweep} | tokens | Needletail, tokens/s | PyTorch, tokens/s | ratio | GF/s | of FMA peak | PyTorch, GF/s "
             "| peak memory, MiB | PyTorch, MiB |", "|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|"]  # fmt: skip
    for point in points:
        ours, theirs = (tokens_per_second(point, program) for program in PROGRAMS)
        rate, their_rate = (gflops_per_second(point, program) for program in PROGRAMS)
        memory = [peak_memory(point, program) / MIB for program in PROGRAMS]
        lines.append(f"| {point['value']:,} | {point['batch']} × {point['length']} | {ours:,.0f} | {theirs:,.0f} "
                     f"| {ours / theirs:.2f} | {rate:.0f} | {100 * rate / fma_peak(point):.0f} % | {their_rate:.0f} "
                     f"| {memory[0]:,.0f} | {memory[1]:,.0f} |")  # fmt: skip
    return lines


def memory_table(points):
    """Peak memory along one row's length, its straight line, and what the product says it keeps."""
    lines = ["| context | peak memory, MiB | PyTorch, MiB | savedBytes, MiB | kept by forward, measured, MiB | prediction is off by |",
             "|--:|--:|--:|--:|--:|--:|"]  # fmt: skip
    for point in points:
        memory = [peak_memory(point, program) / MIB for program in PROGRAMS]
        kept = "– | – | –"
        if saved(point):
            predicted, measured = saved(point)
            kept = f"{predicted / MIB:,.1f} | {measured / MIB:,.1f} | {100 * (predicted / measured - 1):+.1f} %"
        lines.append(f"| {point['value']:,} | {memory[0]:,.0f} | {memory[1]:,.0f} | {kept} |")
    if len(points) < 3:
        return lines
    lengths = [point["value"] for point in points]
    for program in PROGRAMS:
        peaks = [peak_memory(point, program) for point in points]
        line = statistics.linear_regression(lengths, peaks)
        off = max(abs(peak / (line.slope * n + line.intercept) - 1) for n, peak in zip(lengths, peaks))
        lines += ["", f"{NAMES[program]}'s peak is {line.intercept / MIB:,.0f} MiB and {line.slope / 1024:,.1f} KiB a "
                      f"token, within {100 * off:.1f} %: a straight line."]  # fmt: skip
        if off > 0.05:
            lines[-1] = lines[-1].replace(": a straight line", ": no straight line")
    return lines


def report(results, sweeps):
    machine, points = results["machine"], results["points"]

    def all_of(key):
        return ", ".join(sorted({str(point[key]) for point in points}))

    worst = max(points, key=others)
    rounds = max(len(point["pytorch"]) for point in points)
    lines = [
        "# Speed and memory against the size of the work", "",
        "`/tmp/oracle/bin/python Benchmarks/scaling/measure.py` measured it; `plot.py` beside it wrote this page from",
        "[scaling.json](scaling.json).", "",
        f"{all_of('date')}; {machine['cores']} vCPU of an {machine['processor']} (Zen 4, AVX-512), "
        f"{machine['memory_bytes'] / 2**30:.0f} GiB, {all_of('threads')} threads.",
        f"Needletail {machine['needletail']} at {all_of('commit')}; PyTorch {machine['torch']}, eager, fused AdamW, glibc "
        "kept from returning memory.", "",
        "What a sweep leaves alone: GPT-2's shape with 4 layers, 256 wide, 4 heads, a vocabulary of 8,192; 4 × 256 random",
        f"tokens a step, f32, AdamW, clipping. Both programs in turns; the median step of {rounds} runs.",
        "Peak memory is the process's resident set; PyTorch's library alone takes "
        f"{machine['torch_import_bytes'] / MIB:.0f} MiB of it, and in",
        "the sweep called memory, which is not timed, glibc may return memory: slower, but PyTorch's peak is lower. Other",
        f"programs kept at most {others(worst):.2f} cores busy ({worst['sweep']} {worst['value']:,}).",
    ]  # fmt: skip
    for sweep, points in sweeps.items():
        lines += ["", f"## {TITLES[sweep]}", "", f"![{sweep}](scaling/{sweep}.svg)", ""]
        lines += memory_table(points) if sweep == "memory" else table(sweep, points)
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", nargs="?", type=pathlib.Path, default=RESULTS)
    parser.add_argument("--output", type=pathlib.Path, default=RESULTS.parent, help="the folder to write to")
    options = parser.parse_args()
    results = json.loads(options.results.read_text())
    sweeps = {name: sorted((p for p in results["points"] if p["sweep"] == name), key=lambda p: p["value"])
              for name in TITLES}  # fmt: skip
    sweeps = {name: points for name, points in sweeps.items() if points}
    pictures = options.output / "scaling"
    pictures.mkdir(parents=True, exist_ok=True)
    # Text as text, and the same file from the same numbers.
    pyplot.rcParams |= {"svg.fonttype": "none", "svg.hashsalt": "needletail", "font.family": "sans-serif"}
    for name, points in sweeps.items():
        draw(name, points, pictures)
    (options.output / "scaling.md").write_text(report(results, sweeps))


if __name__ == "__main__":
    main()
