"""Compares logits Needletail computed with Hugging Face's from the same checkpoint.

    python compare_logits.py MODEL IDS LOGITS [--tolerance 1e-5]

MODEL   folder with config.json and *.safetensors in Needletail's names
IDS     the ids Needletail ran: safetensors with `input.ids` [B, T], or JSON, a list of rows
LOGITS  safetensors with `output.logits` [B, T, V]

Prints the largest difference relative to the largest logit, in float64 and in Hugging Face's own
float32, and how often the likeliest token is the same. Exits 1 beyond the tolerance.
"""

import argparse
import json
import sys
from pathlib import Path

import huggingface as hf
import torch
from safetensors.torch import load_file


def read_weights(folder):
    # A sharded checkpoint holds each tensor once, over several files.
    shards = [load_file(path) for path in sorted(Path(folder).glob("*.safetensors"))]
    if not shards:
        raise SystemExit(f"{folder}: no *.safetensors there")
    return {name: tensor for shard in shards for name, tensor in shard.items()}


def read_ids(path):
    if path.endswith(".safetensors"):
        return load_file(path)["input.ids"].long()
    rows = json.loads(Path(path).read_text())
    return torch.tensor(rows if isinstance(rows[0], list) else [rows])


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model")
    parser.add_argument("ids")
    parser.add_argument("logits")
    parser.add_argument("--config", help="a configuration elsewhere than MODEL/config.json")
    parser.add_argument("--tolerance", type=float, default=1e-5)
    options = parser.parse_args()

    config = hf.read_config(options.config or options.model)
    # A file of goldens or a training checkpoint carries more than parameters.
    names = {name for name, *_ in hf.pairs(config)}
    weights = {k: v.float() for k, v in read_weights(options.model).items() if k in names}
    ids, ours = read_ids(options.ids), load_file(options.logits)["output.logits"]
    model = hf.build(config)
    hf.load(model, weights, config)
    with torch.no_grad():
        single = model(input_ids=ids, use_cache=False).logits
        with hf.exact():
            exact = model.double()(input_ids=ids, use_cache=False).logits
    if ours.shape != exact.shape:
        raise SystemExit(f"logits: got shape {list(ours.shape)}, Hugging Face gives {list(exact.shape)}")
    error = hf.relative(ours, exact)
    agree = (ours.argmax(-1) == exact.argmax(-1)).double().mean().item()
    print(f"{hf.family(config)}: max relative difference {error:.2e} from float64, "
          f"{hf.relative(ours, single):.2e} from float32 "
          f"(float32 itself {hf.relative(single, exact):.2e}); likeliest token equal {agree:.2%}")  # fmt: skip
    # A NaN compares as false: `not <=`, never `>`.
    if not error <= options.tolerance:
        sys.exit(f"beyond the tolerance of {options.tolerance:g}")


if __name__ == "__main__":
    main()
