"""Checks that decoder.py is the very model Needletail trains: the golden files, in float64.

    python check_decoder.py

The golden files come from Hugging Face's code and decoder.py shares nothing with it, so this also
checks one oracle against the other: logits, every gradient and ten AdamW steps.
"""

import sys
from pathlib import Path

import torch
from decoder import Decoder, adamw, read_config
from safetensors.torch import load_file

GOLDENS = Path(__file__).resolve().parents[2] / "Tests" / "ModelsTests" / "Fixtures"
# The files are rounded to float32: half a unit in the last place is 6e-8.
TOLERANCE = 6e-8


def error(ours, theirs, floor=0.0):
    """The largest difference against the largest value, or against `floor` where that is larger."""
    scale = theirs.double().abs().max().clamp_min(floor).clamp_min(1e-300)
    return ((ours.double() - theirs.double()).abs().max() / scale).item()


def check(path):
    golden = load_file(path)
    model = Decoder(read_config(path.with_suffix(".json")))
    model.load(golden)
    ids, targets = golden["input.ids"].long(), golden["input.targets"].long()
    errors = {"logits": error(model.logits(ids), golden["output.logits"])}
    loss = model(ids, targets)
    errors["loss"] = error(loss, golden["output.loss"])

    # The gradient of a part of a fused matrix is that part of its gradient.
    loss.backward()
    gradients = Decoder(model.config)
    for mine, parameter in zip(gradients.parameters(), model.parameters()):
        mine.data.copy_(parameter.grad)
    floor = 1e-3 * max(v.abs().max().item() for k, v in golden.items() if k.startswith("gradient."))
    errors["gradients"] = max(
        error(value, golden[f"gradient.{name}"], floor) for name, value in gradients.weights().items()
    )

    optimizer, losses, norms = adamw(model), [], []
    for ids, targets in zip(golden["steps.ids"].long(), golden["steps.targets"].long()):
        optimizer.zero_grad()
        loss = model(ids, targets)
        loss.backward()
        norms.append(torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0))
        losses.append(loss.detach())
        optimizer.step()
    errors["step losses"] = error(torch.stack(losses), golden["steps.losses"])
    errors["step norms"] = error(torch.stack(norms), golden["steps.gradient_norms"])
    errors["final"] = max(error(v, golden[f"final.{name}"]) for name, v in model.weights().items())
    print(f"{path.stem}: " + ", ".join(f"{name} {value:.1e}" for name, value in errors.items()))
    return max(errors.values()) <= TOLERANCE


if __name__ == "__main__":
    torch.set_default_dtype(torch.float64)
    paths = sorted(GOLDENS.glob("*.safetensors"))
    results = [check(path) for path in paths]
    if not results or not all(results):
        sys.exit("decoder.py is not the model of the golden files")
