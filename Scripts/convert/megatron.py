"""Writes a checkpoint of Megatron-LM (torch format, all ranks) as safetensors that `needletail import` reads.

    python Scripts/convert/megatron.py RUN/iter_0001000 OUT          (or one mp_rank_00/model_optim_rng.pt)

Gathers the tensor and pipeline ranks of a GPT model of Megatron's core into OUT/model.safetensors, under its names,
and its arguments into OUT/args.json. Needs torch and safetensors. The file is a pickle: it is opened with
`weights_only`, and only the classes of Megatron's arguments are let through.
"""

import argparse
import enum
import json
import pathlib
import re
import types

import safetensors.torch
import torch


class Lenient(types.ModuleType):
    """A pickle names classes of Megatron that need not be installed: enums and dtypes, which args.json spells out."""


def load(path):
    try:
        with torch.serialization.safe_globals([argparse.Namespace]):
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as problem:
        raise SystemExit(
            f"{path}: {str(problem).splitlines()[0]}; it holds more than weights and arguments. If you trust who made it, "
            "load it with Megatron-LM installed and save the model alone: torch.save({'model': ..., 'args': vars(args)})")


def ranks(path):
    """{(tensor, pipeline): file}"""
    if path.is_file():
        return {(0, 0): path}
    found = {}
    for folder in sorted(path.glob("mp_rank_*")):
        match = re.fullmatch(r"mp_rank_(\d+)(?:_(\d+))?", folder.name)
        file = folder / "model_optim_rng.pt"
        if match and file.exists():
            found[int(match[1]), int(match[2] or 0)] = file
    return found


def axis(name):
    """Along which ranks of the tensor axis divide a tensor; nil: all have it."""
    if re.search(r"(linear_qkv|linear_fc1)\.(weight|bias)$", name) or re.search(r"(word_embeddings|output_layer)\.weight$", name):
        return 0
    return 1 if re.search(r"(linear_proj|linear_fc2)\.weight$", name) else None


def joined(name, parts, gated):
    dim = axis(name)
    if dim is None or len(parts) == 1:
        return parts[0]
    if gated and "linear_fc1" in name:
        # Every rank has its gate rows above its other rows.
        halves = [part.chunk(2) for part in parts]
        return torch.cat([half[0] for half in halves] + [half[1] for half in halves])
    return torch.cat(parts, dim)


def plain(value):
    if isinstance(value, enum.Enum):
        return value.name
    return value if isinstance(value, (bool, int, float, str, type(None))) else None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=pathlib.Path)
    parser.add_argument("output", type=pathlib.Path)
    options = parser.parse_args()
    files = ranks(options.source)
    if not files:
        raise SystemExit(f"{options.source}: expected mp_rank_NN[_NNN]/model_optim_rng.pt, one for each rank")
    tensor_ranks, stages = (1 + max(key[i] for key in files) for i in (0, 1))
    tensors, arguments, first = {}, {}, 0
    for stage in range(stages):
        loaded = [load(files[rank, stage]) for rank in range(tensor_ranks)]
        arguments = vars(loaded[0]["args"]) if not isinstance(loaded[0]["args"], dict) else loaded[0]["args"]
        layers = set()
        for name, value in loaded[0]["model"].items():
            if not isinstance(value, torch.Tensor) or name.endswith("_extra_state"):
                continue
            whole = joined(name, [part["model"][name] for part in loaded], arguments.get("swiglu", False))
            match = re.match(r"decoder\.layers\.(\d+)\.(.*)", name)
            if match:
                # Each stage counts its layers from 0.
                layers.add(int(match[1]))
                name = f"decoder.layers.{first + int(match[1])}.{match[2]}"
            elif name in tensors:
                continue  # the table of the last stage, where it is tied
            tensors[name] = whole.contiguous()
        first += len(layers)
    if stages > 1 and not arguments.get("untie_embeddings_and_output_weights"):
        tensors.pop("output_layer.weight", None)
    options.output.mkdir(parents=True)
    arguments = {key: plain(value) for key, value in arguments.items() if plain(value) is not None}
    (options.output / "args.json").write_text(json.dumps(arguments, indent=2, sort_keys=True) + "\n")
    safetensors.torch.save_file(tensors, options.output / "model.safetensors", {"format": "pt"})
    print(f"{options.output}: {len(tensors)} tensors of {first} layers, from {len(files)} ranks")


if __name__ == "__main__":
    main()
