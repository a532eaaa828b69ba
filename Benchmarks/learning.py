"""Trains the same small model in Needletail and in PyTorch, from the same weights on the same rows in the same
order, and compares the losses step by step.

    /tmp/oracle/bin/python Benchmarks/learning.py TEXT... [--steps 300] [--output Benchmarks/results/learning]

TEXT is read by characters (bytes). The rows are Needletail's own, in Megatron's order: sample k of the shuffled
order starts at token k * length of the one document. Needs the oracles' environment (Scripts/oracles/setup.sh)
and a built needletail.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy

ROOT = pathlib.Path(__file__).resolve().parent.parent
NEEDLETAIL = ROOT / ".build/release/needletail"
SEED, BATCH, LENGTH, RATE, LEAST, WARMUP = 1234, 16, 128, 1e-3, 1e-4, 20
VOCABULARY = 384  # 256 bytes and an end-of-text token, rounded up to a multiple of 128


def run(*command):
    subprocess.run([str(word) for word in command], check=True, stdout=sys.stderr)


def order(token_count, steps):
    """Starts of all rows: the first epoch of GPTDataset with one document (shared reference, A3)."""
    samples = (token_count - 1) // LENGTH
    if samples < steps * BATCH:
        raise SystemExit(f"the text has {samples} rows, {steps} steps read {steps * BATCH}: choose fewer steps")
    shuffled = numpy.arange(samples, dtype=numpy.uint32)
    numpy.random.RandomState(SEED).shuffle(shuffled)
    return (shuffled[: steps * BATCH].astype(int) * LENGTH).reshape(steps, BATCH).tolist()


def losses(path):
    lines = [json.loads(line) for line in open(path)]
    return [line["loss"] for line in lines if "loss" in line]


def compare(text, steps, folder):
    run(NEEDLETAIL, "tokenizer", "train", "--input", text, "--format", "text", "--vocabulary", 257,
        "--output", folder / "tokenizer")
    run(NEEDLETAIL, "corpus", "build", "--input", text, "--format", "text", "--tokenizer", folder / "tokenizer",
        "--output", folder / "corpus")
    # The peer holds out the end of its tokens: it gets some more, so that what it trains on is all of ours.
    ids = numpy.fromfile(folder / "corpus.bin", numpy.uint16)
    extra = 10 * LENGTH
    numpy.concatenate([ids, ids[:extra]]).tofile(folder / "longer.bin")
    (folder / "order.json").write_text(json.dumps({"offsets": order(len(ids), steps)}))
    run(sys.executable, ROOT / "Benchmarks/pytorch/learning_curve.py", "--text", folder / "longer.bin", "--type", "u16",
        "--shape", "bytes-4x128", "--set", f"vocabulary={VOCABULARY}", "--steps", steps, "--batch", BATCH,
        "--tokens", LENGTH, "--learning-rate", RATE, "--minimum-learning-rate", LEAST, "--warmup", WARMUP,
        "--schedule", "cosine", "--order", folder / "order.json", "--save-initial", folder / "start",
        "--evaluate-every", steps, "--held-out", extra / (len(ids) + extra), "--output", folder / "pytorch.jsonl")
    recipe = {
        "model": {"layers": 4, "width": 128, "heads": 4, "context": 128, "vocabulary": VOCABULARY},
        "data": {"prefix": str(folder / "corpus"), "split": "1,0,0"},
        "training": {"steps": steps, "global_batch": BATCH, "microbatch": BATCH, "seed": SEED,
                     "evaluation_interval": 0, "initial_model": str(folder / "start/model.safetensors")},
        "optimizer": {"beta1": 0.9, "beta2": 0.95, "epsilon": 1e-8, "weight_decay": 0.1, "clip": 1.0},
        "schedule": {"kind": "cosine", "learning_rate": RATE, "minimum_learning_rate": LEAST, "warmup_steps": WARMUP},
        "checkpoint": {"directory": str(folder / "run"), "interval": 0},
    }
    (folder / "recipe.yaml").write_text(json.dumps(recipe))
    run(NEEDLETAIL, "train", folder / "recipe.yaml")
    return losses(folder / "run/metrics.jsonl"), losses(folder / "pytorch.jsonl")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("text", nargs="+", type=pathlib.Path)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--output", type=pathlib.Path, help="a folder for the curves")
    options = parser.parse_args()
    for text in options.text:
        with tempfile.TemporaryDirectory() as folder:
            ours, theirs = compare(text.resolve(), options.steps, pathlib.Path(folder))
        difference = [abs(a - b) for a, b in zip(ours, theirs)]
        print(f"{text.parent.name}/{text.name}: {len(ours)} steps")
        for step in sorted({1, 10, len(ours) // 3, 2 * len(ours) // 3, len(ours)}):
            print(f"  step {step:4d}   needletail {ours[step - 1]:.6f}   pytorch {theirs[step - 1]:.6f}")
        print(f"  largest difference {max(difference):.2e} at step {difference.index(max(difference)) + 1},"
              f" mean {sum(difference) / len(difference):.2e}")
        if options.output:
            options.output.mkdir(parents=True, exist_ok=True)
            curve = {"text": f"{text.parent.name}/{text.name}", "needletail": ours, "pytorch": theirs}
            (options.output / f"{text.parent.name}.json").write_text(json.dumps(curve) + "\n")


if __name__ == "__main__":
    main()
