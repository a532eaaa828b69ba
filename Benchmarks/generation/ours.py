"""One case of peers.py by Needletail: `--with 'python3 ours.py {model} {precision} {batch} {phase} {threads}'`."""

import json
import pathlib
import subprocess
import sys

import peers

here = pathlib.Path(__file__).resolve().parent
root = here.parent.parent
RECIPES = {"gpt2": root / "Recipes/gpt2-124m.yaml", "llama": here / "llama.yaml"}
WEIGHTS = {"q8": "int8"}


def main():
    model, precision, batch, phase, threads = sys.argv[1:]
    reads = phase == "prefill"
    prompt = peers.PREFILL[int(batch)] if reads else peers.PROMPT
    command = [root / ".build/release/needletail", "benchmark", RECIPES[model], "--json", "--batch", batch,
               "--weights", WEIGHTS.get(precision, precision), "--threads", threads,
               "--generate", "2" if reads else str(peers.DECODED), "--set", f"training.sequence_length={prompt}"]  # fmt: skip
    lines = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout.splitlines()
    said = [json.loads(line) for line in lines if line.startswith("{")]
    row = next(r for r in said if r["phase"] == phase)
    rate = row["tokens_per_second"]
    print(json.dumps(dict(
        engine="needletail", model=model, precision=precision, batch=int(batch), phase=phase, threads=int(threads),
        tokens_per_second=round(rate, 2), bandwidth_share=None if reads or batch != "1" else row["bandwidth_share"])))  # fmt: skip


main()
