"""Checkpoints that Scripts/convert/megatron.py must gather, and those that it must refuse by name.

    python megatron_convert.py

Needs torch and safetensors. Prints what the converter says of each and exits with 1 where that is not what it should be.
"""

import argparse
import enum
import json
import pathlib
import subprocess
import sys
import tempfile
import types

import torch
from safetensors.torch import load_file

SCRIPT = pathlib.Path(__file__).resolve().parents[1] / "convert/megatron.py"
MODULE = "megatron.core.transformer.enums"


class AttnBackend(enum.Enum):
    auto = 5


class Stranger:
    pass


def main():
    # As if Megatron-LM had been there when the file was written; the converter runs without it.
    for name in ("megatron", "megatron.core", "megatron.core.transformer", MODULE):
        sys.modules[name] = types.ModuleType(name)
    AttnBackend.__module__ = MODULE
    sys.modules[MODULE].AttnBackend = AttnBackend
    root = pathlib.Path(tempfile.mkdtemp(prefix="megatron-convert-"))
    failed = False

    def case(name, states, says):
        nonlocal failed
        for rank, state in states.items():
            folder = root / name / rank
            folder.mkdir(parents=True)
            torch.save(state, folder / "model_optim_rng.pt")
        done = subprocess.run([sys.executable, SCRIPT, root / name, root / f"{name}-out"], capture_output=True, text=True)
        text = done.stdout if done.returncode == 0 else done.stderr
        good = says in text and "Traceback" not in text and (done.returncode == 0) == ("tensors of" in says)
        failed |= not good
        print("ok    " if good else "FAILED", f"{name}: {text.strip()[-300:]}")

    table, down = torch.arange(8.0).view(4, 2), torch.arange(8.0).view(2, 4)
    whole = {"embedding.word_embeddings.weight": table, "decoder.layers.0.mlp.linear_fc2.weight": down}
    plain = dict(window_size=(4, 0), no_rope_freq=[1, 0], params_dtype=torch.bfloat16, attention_backend=AttnBackend.auto,
                 none=None, infinite=float("inf"))  # fmt: skip
    arguments = argparse.Namespace(**plain)
    case("one", {"mp_rank_00": {"model": whole, "args": arguments}}, "2 tensors of 1 layers, from 1 ranks")
    expected = plain | dict(window_size=[4, 0], params_dtype="torch.bfloat16", attention_backend="AttnBackend(5)", infinite="inf")
    failed |= json.loads((root / "one-out/args.json").read_text()) != expected

    def part(rank):
        return {"embedding.word_embeddings.weight": table.chunk(2)[rank],
                "decoder.layers.0.mlp.linear_fc2.weight": down.chunk(2, 1)[rank]}  # fmt: skip

    ranks = {f"mp_rank_0{rank}_00{stage}": {"model": part(rank), "args": arguments} for rank in (0, 1) for stage in (0, 1)}
    case("four", ranks, "3 tensors of 2 layers, from 4 ranks")
    gathered = load_file(root / "four-out/model.safetensors")
    failed |= not all(torch.equal(gathered[f"decoder.layers.{i}.mlp.linear_fc2.weight"], down) for i in (0, 1))
    failed |= not torch.equal(gathered["embedding.word_embeddings.weight"], table)
    case("hole", {name: state for name, state in ranks.items() if name != "mp_rank_00_001"}, "lacks tensor rank 0 of pipeline rank 1")
    case("virtual", {"mp_rank_00": {"model0": whole, "model1": whole, "args": arguments}}, "virtual pipeline")
    case("stranger", {"mp_rank_00": {"model": whole, "args": argparse.Namespace(a=Stranger())}}, "more than weights and arguments")
    case("set", {"mp_rank_00": {"model": whole, "args": argparse.Namespace(a={1})}}, "the argument a is of <class 'set'>")
    case("bare", {"mp_rank_00": {"model": whole}}, "expected model and args")
    raise SystemExit(1 if failed else 0)


if __name__ == "__main__":
    main()
