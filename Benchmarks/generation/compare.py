"""One table of Needletail and its peers from the objects that they printed.

    python3 compare.py peers.jsonl needletail.jsonl [--median]

An object has engine, model, precision, batch, phase and tokens_per_second, and bandwidth_share where Needletail
decodes a single sequence. Of several rounds and variants of a case the best counts, or with `--median` the median of
the rounds' medians in the variant where that is highest. A ratio above 1 says that Needletail is ahead of the faster.
"""

import argparse
import collections
import json
import pathlib
import statistics

KEYS = ("model", "precision", "batch", "phase")
PRECISIONS = {"float32": "f32", "bfloat16": "bf16", "int8": "q8", "q8_0": "q8"}
PEERS = ("transformers", "llama.cpp")


def read(paths):
    """The objects of files with one a line or an array of them; other lines are left out."""
    rows = []
    for path in paths:
        text = pathlib.Path(path).read_text().strip()
        if text.startswith("["):
            rows += json.loads(text)
        else:
            rows += [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    return [row | {"precision": PRECISIONS.get(row["precision"], row["precision"])} for row in rows]


def figures(rows, median):
    """Of each (case, engine): (tokens a second, variant, the last object)."""
    seen = collections.defaultdict(list)
    for row in rows:
        case = tuple(row[k] for k in KEYS)
        seen[case, row["engine"], row.get("variant", "")].append(row)
    best = {}
    for (case, engine, variant), group in seen.items():
        if median:
            value = statistics.median(r.get("median_tokens_per_second", r["tokens_per_second"]) for r in group)
        else:
            value = max(r["tokens_per_second"] for r in group)
        if value > best.get((case, engine), (0,))[0]:
            best[case, engine] = (value, variant, group[-1])
    return best


def number(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def table(rows, median=False):
    best = figures(rows, median)
    order = {"gpt2": 0, "f32": 0, "bf16": 1, "prefill": 0}
    cases = {case for case, _ in best}
    cases = sorted(cases, key=lambda c: [(order.get(part, 2), part) for part in (c[0], c[3], c[1])] + [c[2]])
    heads = ["model", "phase", "precision", "batch", "Needletail", *PEERS, "ratio to the faster", "of bandwidth"]
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for case in cases:
        model, precision, batch, phase = case
        ours = best.get((case, "needletail"))
        theirs = [best.get((case, peer)) for peer in PEERS]
        fastest = max((t[0] for t in theirs if t), default=None)
        share = ours[2].get("bandwidth_share") if ours else None
        cells = [number(ours[0]) if ours else "–"]
        cells += [f"{number(t[0])} ({t[1]})" if t and t[1] else number(t[0]) if t else "–" for t in theirs]
        cells += [f"{ours[0] / fastest:.2f}" if ours and fastest else "–", f"{100 * share:.0f} %" if share else "–"]
        lines.append(f"| {model} | {phase} | {precision} | {batch} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="+")
    parser.add_argument("--median", action="store_true")
    options = parser.parse_args()
    print("tokens/s of all sequences\n\n" + table(read(options.files), options.median))


if __name__ == "__main__":
    main()
