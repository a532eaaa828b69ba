#!/usr/bin/env python3
"""Writes a checkpoint of Megatron-LM (torch format, all ranks) as safetensors that `needletail import` reads.

    python Scripts/convert/megatron.py RUN/iter_0001000 OUT          (or one mp_rank_00/model_optim_rng.pt)

Gathers the tensor and pipeline ranks of a GPT model of Megatron's core into OUT/model.safetensors, under its names,
and its arguments into OUT/args.json. Needs torch and safetensors. The files are pickles: they are opened with
`weights_only`, and classes of Megatron's that they name, enums as a rule, are replaced by empty ones.
"""

import argparse
import itertools
import json
import math
import pathlib
import re

import safetensors.torch
import torch


class StandIn:
    """In place of a class of Megatron's: keeps what it is made of."""

    def __init__(self, *values):
        self.values = values

    def __str__(self):
        return f"{type(self).__name__}({', '.join(map(str, self.values))})"


def load(path):
    try:
        names = [name for name in torch.serialization.get_unsafe_globals_in_checkpoint(path) if name.startswith("megatron.")]
        known = [(type(name.rpartition(".")[2], (StandIn,), {}), name) for name in names]
        with torch.serialization.safe_globals([argparse.Namespace, *known]):
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as problem:
        raise SystemExit(
            f"{path}: {str(problem).splitlines()[0]}; it holds more than weights and arguments. If you trust who made it, load "
            "it with Megatron-LM installed and save what is plain: state = torch.load(PATH, weights_only=False); "
            "torch.save({'model': state['model'], 'args': {key: value if isinstance(value, (bool, int, float, str, list, "
            "tuple, type(None))) else str(value) for key, value in vars(state['args']).items()}}, NEW)")


def ranks(path):
    """{(tensor, pipeline): file}, every pair of ranks."""
    if path.is_file():
        return {(0, 0): path}
    found = {}
    for folder in sorted(path.glob("mp_rank_*")):
        match = re.fullmatch(r"mp_rank_(\d+)(?:_(\d+))?", folder.name)
        file = folder / "model_optim_rng.pt"
        if match and file.exists():
            found[int(match[1]), int(match[2] or 0)] = file
    if not found:
        raise SystemExit(f"{path}: expected mp_rank_NN[_NNN]/model_optim_rng.pt, one for each rank")
    counts = [1 + max(key[i] for key in found) for i in (0, 1)]
    missing = [key for key in itertools.product(*map(range, counts)) if key not in found]
    if missing:
        raise SystemExit(
            f"{path}: has {len(found)} of {counts[0]} tensor times {counts[1]} pipeline ranks, lacks tensor rank "
            f"{missing[0][0]} of pipeline rank {missing[0][1]}; copy its folder beside the others")
    return found


def parts(path):
    """The model and the arguments of one rank."""
    state = load(path)
    if "model0" in state:
        raise SystemExit(
            f"{path}: holds the pieces of a virtual pipeline, expected one model; save it again without "
            "--num-layers-per-virtual-pipeline-stage")
    if "model" not in state or "args" not in state:
        raise SystemExit(f"{path}: holds {', '.join(map(str, state))}, expected model and args, as Megatron-LM saves them")
    return state["model"], state["args"] if isinstance(state["args"], dict) else vars(state["args"])


def axis(name):
    """Along which dimension the tensor ranks divide a tensor; None: all have it."""
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


def plain(key, value):
    """An argument as JSON has it. Nothing is left out: what is not read as it should be must be seen by `import`."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)  # JSON has no such number
    if isinstance(value, (bool, int, float, str, type(None))):
        return value
    if isinstance(value, (list, tuple)):
        return [plain(key, element) for element in value]
    if isinstance(value, dict):
        return {str(name): plain(key, element) for name, element in value.items()}
    if isinstance(value, (StandIn, torch.dtype, torch.device)):
        return str(value)
    raise SystemExit(f"the argument {key} is of {type(value)}, which args.json cannot hold; remove it from the file's args")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=pathlib.Path)
    parser.add_argument("output", type=pathlib.Path)
    options = parser.parse_args()
    files = ranks(options.source)
    tensor_ranks, stages = (1 + max(key[i] for key in files) for i in (0, 1))
    tensors, first = {}, 0
    for stage in range(stages):
        loaded = [parts(files[rank, stage]) for rank in range(tensor_ranks)]
        arguments = loaded[0][1]
        layers = set()
        for name, value in loaded[0][0].items():
            if not isinstance(value, torch.Tensor) or name.endswith("_extra_state"):
                continue
            whole = joined(name, [model[name] for model, _ in loaded], arguments.get("swiglu", False))
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
    arguments = {key: plain(key, value) for key, value in arguments.items()}
    options.output.mkdir(parents=True)
    (options.output / "args.json").write_text(json.dumps(arguments, indent=2, sort_keys=True) + "\n")
    safetensors.torch.save_file(tensors, options.output / "model.safetensors", {"format": "pt"})
    print(f"{options.output}: {len(tensors)} tensors of {first} layers, from {len(files)} ranks")


if __name__ == "__main__":
    main()
