"""Holds `needletail evaluate` to Hugging Face, end to end: the same trained model and text, another program.

    python compare_evaluation.py MODEL TEXT [--tolerance 1e-5]

MODEL is a directory that `needletail train` wrote (model.yaml, model.safetensors, tokenizer.json). Tokenizes TEXT
with Hugging Face's tokenizers, scores it with transformers by the same windows, and compares loss and bits per byte.
"""

import argparse
import json
import math
import pathlib
import subprocess
import tempfile

import safetensors.torch
import tokenizers
import torch
import yaml

import huggingface

NEEDLETAIL = pathlib.Path(__file__).resolve().parents[2] / ".build/release/needletail"


def read_shape(path):
    """model.yaml with what it leaves to defaults, as the oracle's config."""
    shape = yaml.safe_load(path.read_text())
    for key in ("initial_deviation", "kind", "sentence_order", "classes", "choices"):
        shape.pop(key, None)
    shape["norm_epsilon"] = float(shape["norm_epsilon"])
    shape["key_value_heads"] = shape["key_value_heads"] or shape["heads"]
    shape["head_width"] = shape["head_width"] or shape["width"] // shape["heads"]
    shape["feed_forward_width"] = shape["feed_forward_width"] or 4 * shape["width"]
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(shape, file)
        file.flush()
        return huggingface.read_config(file.name)


def score(model, ids, length):
    """Sum of the negative log-likelihoods of ids[1:], by windows of `length` that do not overlap."""
    total = 0.0
    for start in range(0, len(ids) - 1, length):
        window = torch.tensor(ids[start : start + length + 1])
        with torch.no_grad():
            logits = model(window[None, :-1]).logits[0].double()
        total += torch.nn.functional.cross_entropy(logits, window[1:], reduction="sum").item()
    return total


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("text", type=pathlib.Path)
    parser.add_argument("--tolerance", type=float, default=1e-5)
    options = parser.parse_args()
    config = read_shape(options.model / "model.yaml")
    model = huggingface.build(config)
    huggingface.load(model, safetensors.torch.load_file(options.model / "model.safetensors"), config)
    model = model.eval()
    tokenizer = tokenizers.Tokenizer.from_file(str(options.model / "tokenizer.json"))
    text = options.text.read_text()
    ids = [0] + tokenizer.encode(text).ids  # 0 ends documents, and so begins the text
    total = score(model, ids, min(config["context"], len(ids) - 1))
    theirs = {"loss": total / (len(ids) - 1), "bits_per_byte": total / math.log(2) / len(text.encode())}
    output = subprocess.run(
        [NEEDLETAIL, "evaluate", options.model, "--text", options.text, "--json"], check=True, capture_output=True)
    ours = json.loads(output.stdout)
    worst = 0
    for name, value in theirs.items():
        worst = max(worst, abs(ours[name] - value) / value)
        print(f"{name:14} needletail {ours[name]:.9f}   transformers {value:.9f}")
    print(f"{len(ids) - 1} tokens (needletail {ours['tokens']}), largest relative difference {worst:.1e}")
    raise SystemExit(0 if worst < options.tolerance and ours["tokens"] == len(ids) - 1 else 1)


if __name__ == "__main__":
    main()
