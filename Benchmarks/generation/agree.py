"""Shows that transformers and llama.cpp read the same models from the files of make_models.py.

    /tmp/oracle/bin/python agree.py /tmp/peers [--models gpt2 llama] [--precisions f32 bf16 q8]

32 random ids, logits at every position, then 32 tokens written greedily in a batch of two, before and after rewinding.
Everything is compared with transformers in f32, so that bf16 and q8 show what the precision changes. Exits 1 where
llama.cpp in f32 writes another token or differs by more than its bound.
"""

import argparse
import pathlib

import numpy as np
from engines import ENGINES

LENGTH, WRITTEN = 32, 32
# Of logits with a deviation between 0.5 and 1. GPT-2's is wider as llama.cpp looks GELU up in a table of f16 numbers.
BOUND = {"gpt2": 3e-3, "llama": 1e-4}


def run(name, stem, prompts, variant):
    engine = ENGINES[name](stem, len(prompts), 2, variant)
    logits = engine.logits(prompts[0])
    first = engine.prefill(prompts)
    written = engine.decode(first, WRITTEN)
    engine.rewind(LENGTH, WRITTEN)
    if (engine.decode(first, WRITTEN) != written).any():
        raise SystemExit(f"{name} {stem} {variant}: another text after rewinding")
    return logits, written


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--models", nargs="+", default=["gpt2", "llama"])
    parser.add_argument("--precisions", nargs="+", default=["f32", "bf16", "q8"])
    options = parser.parse_args()
    failed = False
    for model in options.models:
        prompts = np.random.default_rng(7).integers(0, 32000, (2, LENGTH))
        truth, text = run("transformers", options.folder / f"{model}-f32", prompts, "dynamic")
        print(f"{model}: logits of transformers in f32 have deviation {truth.std():.3f}", flush=True)
        for precision, name, variant in [(p, n, v) for p in options.precisions for n in ENGINES
                                         for v in ENGINES[n].variants if v != "compiled"]:  # fmt: skip
            itself = (name, precision, variant) == ("transformers", "f32", "dynamic")
            if precision not in ENGINES[name].precisions or itself:
                continue
            logits, written = run(name, options.folder / f"{model}-{precision}", prompts, variant)
            difference = np.abs(logits - truth).max()
            top = (logits.argmax(-1) == truth.argmax(-1)).mean()
            same = (written == text).all(1)
            until = WRITTEN if same.all() else int(same.argmin())
            print(f"  {name:12} {variant:7} {precision:4} largest difference {difference:.2e}, the same most likely "
                  f"token at {100 * top:.0f} %, the same text for {until} of {WRITTEN} tokens", flush=True)  # fmt: skip
            if (name, variant, precision) == ("llama.cpp", "plain", "f32"):
                failed |= bool(difference > BOUND[model] or until < WRITTEN)
    raise SystemExit(int(failed))


if __name__ == "__main__":
    main()
