"""Makes the golden files of this folder from Hugging Face's models; README.md says what is in them.

    /tmp/oracle/bin/python Tests/ModelsTests/Fixtures/make_goldens.py

Every number is computed in float64 and rounded to float32 once, so a comparison measures our error
alone. The script also runs Hugging Face's own float32 and prints how far that is from the same truth.
"""

import json
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[2] / "Scripts" / "oracles"))
import huggingface as hf  # noqa: E402

STEPS, BATCH = 10, 2
LEARNING_RATE, BETAS, EPSILON, WEIGHT_DECAY, CLIP = 1e-3, (0.9, 0.95), 1e-8, 0.1, 1.0


def config(**changes):
    return dict(
        layers=2, width=32, heads=4, key_value_heads=2, head_width=8, feed_forward_width=128,
        vocabulary=97, context=32, positions="rotary", rotary_fraction=1.0, rotary_base=10000.0,
        norm="rms_norm", norm_epsilon=1e-5, activation="swiglu", bias=False, tied_embeddings=False,
        dropout=0.0,
    ) | changes  # fmt: skip


GPT2 = dict(positions="learned", norm="layer_norm", activation="gelu", bias=True, tied_embeddings=True,
            rotary_fraction=0.0)  # fmt: skip
NEMOTRON = dict(norm="layer_norm_1p", activation="squared_relu", rotary_fraction=0.5)
LLAMA = dict(norm_epsilon=1e-6, feed_forward_width=56)

# name: (configuration, tokens in a row)
CASES = {
    "gpt2": (config(**GPT2, key_value_heads=4), 24),
    # More rows than any attention block, GeLU by erf, an output matrix of its own.
    "gpt2_long": (config(**GPT2 | dict(
        layers=1, width=24, heads=3, key_value_heads=3, feed_forward_width=96, vocabulary=67, context=160,
        activation="gelu_erf", tied_embeddings=False)), 130),
    # heads * head_width = 48 is not the width of 32; half a head of 12 rotates: 6 dimensions.
    "nemotron": (config(**NEMOTRON, head_width=12), 23),
    # One k, v per head, biases, a quarter of a head of 16 rotates: 4 dimensions.
    "nemotron_bias": (config(**NEMOTRON | dict(
        width=24, key_value_heads=4, head_width=16, feed_forward_width=72, vocabulary=128, bias=True,
        rotary_fraction=0.25)), 19),
    "llama": (config(**LLAMA, head_width=16, vocabulary=101), 17),
    # Three layers, one k, v for all heads, tied, another rotary base.
    "llama_tied": (config(**LLAMA | dict(
        layers=3, width=36, key_value_heads=1, head_width=10, feed_forward_width=44, context=48,
        tied_embeddings=True, rotary_base=500000.0)), 33),
}  # fmt: skip


def random_weights(shapes, config, generator):
    """Random values everywhere, so that no bias, gain or tie can go missing unseen."""
    weights = {}
    for name, shape in shapes.items():
        noise = torch.randn(shape, generator=generator)
        if name.startswith("embedding"):
            weights[name] = 0.4 * noise
        elif "norm" in name and name.endswith("weight"):
            weights[name] = 0.2 * noise + (0.0 if config["norm"] == "layer_norm_1p" else 1.0)
        elif name.endswith("bias"):
            weights[name] = 0.1 * noise
        else:
            weights[name] = 0.7 * noise / shape[-1] ** 0.5
    return weights


def random_batch(config, tokens, generator):
    """ids [B,T] and the ids that follow them, of which about one in six is ignored (-1)."""
    row = torch.randint(config["vocabulary"], (BATCH, tokens + 1), generator=generator)
    targets = row[:, 1:].clone()
    targets[torch.rand(targets.shape, generator=generator) < 1 / 6] = -1
    return row[:, :-1].contiguous(), targets


def run(config, weights, batch, steps, dtype):
    """Logits, loss and gradients of `batch`, then one AdamW step on each of `steps`."""
    model = hf.build(config)
    hf.load(model, weights, config)
    model = model.to(dtype)

    def loss_of(ids, targets):
        logits = model(input_ids=ids, use_cache=False).logits
        return logits, torch.nn.functional.cross_entropy(
            logits.flatten(0, 1), targets.flatten(), ignore_index=-1
        )

    logits, loss = loss_of(*batch)
    loss.backward()
    gradients = hf.to_needletail({n: p.grad for n, p in model.named_parameters()}, config)
    result = {"output.logits": logits.detach(), "output.loss": loss.detach()}
    result |= {f"gradient.{name}": value.clone() for name, value in gradients.items()}

    parameters = list(model.parameters())
    groups = [
        dict(params=[p for p in parameters if p.dim() == 2], weight_decay=WEIGHT_DECAY),
        dict(params=[p for p in parameters if p.dim() != 2], weight_decay=0.0),
    ]
    optimizer = torch.optim.AdamW(groups, lr=LEARNING_RATE, betas=BETAS, eps=EPSILON)
    losses, norms = [], []
    for ids, targets in steps:
        optimizer.zero_grad()
        _, loss = loss_of(ids, targets)
        loss.backward()
        norms.append(torch.nn.utils.clip_grad_norm_(parameters, CLIP).detach())
        losses.append(loss.detach())
        optimizer.step()
    result |= {"steps.losses": torch.stack(losses), "steps.gradient_norms": torch.stack(norms)}
    final = hf.to_needletail(dict(model.named_parameters()), config)
    return result | {f"final.{name}": value.detach() for name, value in final.items()}


def worst(ours, theirs, prefix):
    """The largest relative difference of the tensors under `prefix`, and whose it is.

    A tensor is measured against its own largest value, but against no less than a thousandth of the
    largest of its kind: the gradient of GPT-2's k bias is zero in exact arithmetic.
    """
    names = [name for name in theirs if name.startswith(prefix)]
    largest = max(theirs[name].abs().max() for name in names)
    errors = {
        name: ((ours[name].double() - theirs[name]).abs().max()
               / theirs[name].abs().max().clamp_min(1e-3 * largest)).item()
        for name in names
    }  # fmt: skip
    name = max(errors, key=errors.get)
    return f"{errors[name]:.1e}" + (f" ({name.removeprefix(prefix)})" if len(names) > 1 else "")


def make(name, config, tokens, seed):
    generator = torch.Generator().manual_seed(seed)
    model = hf.build(config)
    shapes = {n: t.shape for n, t in hf.to_needletail(dict(model.named_parameters()), config).items()}
    weights = random_weights(shapes, config, generator)
    batch = random_batch(config, tokens, generator)
    steps = [random_batch(config, tokens, generator) for _ in range(STEPS)]

    with hf.exact():
        truth = run(config, weights, batch, steps, torch.float64)
    single = run(config, weights, batch, steps, torch.float32)

    tensors = weights | {key: value.to(torch.float32).contiguous() for key, value in truth.items()}
    tensors |= {
        "input.ids": batch[0].to(torch.int32),
        "input.targets": batch[1].to(torch.int32),
        "steps.ids": torch.stack([ids for ids, _ in steps]).to(torch.int32),
        "steps.targets": torch.stack([targets for _, targets in steps]).to(torch.int32),
    }
    path = HERE / f"{name}.safetensors"
    save_file(tensors, path, metadata={"made_by": f"make_goldens.py, torch {torch.__version__}"})
    path.chmod(0o644)
    (HERE / f"{name}.json").write_text(json.dumps(config, indent=2) + "\n")

    norms = truth["steps.gradient_norms"]
    print(f"{name}: {path.stat().st_size / 1000:.0f} kB, {sum(w.numel() for w in weights.values())} parameters, "
          f"loss {truth['output.loss']:.6f}, gradient norms {norms.min():.2f} to {norms.max():.2f}")
    print("  float32 against float64: " + ", ".join(
        f"{label} {worst(single, truth, prefix)}" for label, prefix in [
            ("logits", "output.logits"), ("loss", "output.loss"), ("gradients", "gradient."),
            ("step losses", "steps.losses"), ("step norms", "steps.gradient_norms"), ("final", "final.")]))  # fmt: skip


if __name__ == "__main__":
    torch.set_num_threads(1)
    for seed, (name, (settings, tokens)) in enumerate(CASES.items()):
        make(name, settings, tokens, seed)
