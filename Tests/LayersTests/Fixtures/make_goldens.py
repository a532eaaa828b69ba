"""Makes the golden files of this folder with PyTorch in float64; README.md says what is in them.

    /tmp/oracle/bin/python Tests/LayersTests/Fixtures/make_goldens.py

Inputs are exact in float32. Every result is written as its plain formula and differentiated by
PyTorch; where PyTorch has the operation itself, the two must agree to 1e-12.
"""

import math
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save_file

HERE = Path(__file__).resolve().parent


class Goldens:
    """Named tensors of one file, with inputs drawn from its own seeded generator."""

    def __init__(self, name, seed):
        self.name, self.tensors = name, {}
        self.generator = torch.Generator().manual_seed(seed)

    def normal(self, *shape, scale=1.0, mean=0.0):
        """A random leaf whose values are exact in float32."""
        noise = torch.randn(shape, generator=self.generator) * scale + mean
        return noise.double().requires_grad_()

    def add(self, case, **tensors):
        for key, value in tensors.items():
            value = value.detach()
            value = value.to(torch.int32 if value.dtype == torch.int64 else torch.float32)
            self.tensors[f"{case}.{key}"] = value.contiguous().clone()

    def save(self):
        path = HERE / f"{self.name}.safetensors"
        save_file(self.tensors, path, metadata={"made_by": f"make_goldens.py, torch {torch.__version__}"})
        path.chmod(0o644)
        print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB, {len(self.tensors)} tensors")


def same(formula, library):
    assert (formula - library).abs().max() <= 1e-12 * library.abs().max(), "formula and library disagree"
    return formula


def activations(goldens):
    tanh = lambda x: 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))  # noqa: E731
    erf = lambda x: 0.5 * x * (1 + torch.erf(x / math.sqrt(2)))  # noqa: E731
    functions = {
        "gelu": lambda x: same(tanh(x), F.gelu(x, approximate="tanh")),
        "gelu_erf": lambda x: same(erf(x), F.gelu(x)),
        "silu": lambda x: same(x * torch.sigmoid(x), F.silu(x)),
        "squared_relu": lambda x: F.relu(x) ** 2,
    }
    grid = torch.linspace(-15, 15, 241)
    small = torch.tensor([1e-6, 1e-4, 1e-2])
    values = torch.cat([grid, small, -small, torch.tensor([-100.0, -40.0, 40.0, 100.0])])
    for name, function in functions.items():
        x = values.double().requires_grad_()
        dy = goldens.normal(len(values))
        y = function(x)
        (dx,) = torch.autograd.grad(y, x, dy)
        goldens.add(name, x=x, dy=dy, y=y, dx=dx)
    gate, up, dy = (goldens.normal(5, 37, scale=3.0) for _ in range(3))
    y = functions["silu"](gate) * up
    dgate, dup = torch.autograd.grad(y, (gate, up), dy)
    goldens.add("swiglu", gate=gate, up=up, dy=dy, y=y, dgate=dgate, dup=dup)


def norms(goldens):
    def layer_norm(x, weight, bias, epsilon):
        centred = x - x.mean(-1, keepdim=True)
        y = centred / torch.sqrt(centred.pow(2).mean(-1, keepdim=True) + epsilon) * weight + bias
        return same(y, F.layer_norm(x, x.shape[-1:], weight, bias, epsilon))

    def rms_norm(x, weight, epsilon):
        y = x / torch.sqrt(x.pow(2).mean(-1, keepdim=True) + epsilon) * weight
        return same(y, F.rms_norm(x, x.shape[-1:], weight, epsilon))

    for rows, width, mean in [(7, 48, 0.0), (5, 33, 0.0), (3, 768, 4.0), (1, 1, 0.5)]:
        x, dy = goldens.normal(rows, width, mean=mean), goldens.normal(rows, width)
        gain, bias = goldens.normal(width, scale=0.2, mean=1.0), goldens.normal(width, scale=0.2)
        stored = goldens.normal(width, scale=0.2)
        for name, epsilon, y, parameters in [
            ("layer_norm", 1e-5, layer_norm(x, gain, bias, 1e-5), (gain, bias)),
            ("layer_norm_1p", 1e-5, layer_norm(x, stored + 1, bias, 1e-5), (stored, bias)),
            ("rms_norm", 1e-6, rms_norm(x, gain, 1e-6), (gain,)),
        ]:
            dx, *gradients = torch.autograd.grad(y, (x, *parameters), dy)
            case = f"{name}.{width}"
            goldens.add(case, x=x, dy=dy, y=y, dx=dx, epsilon=torch.tensor(epsilon))
            for key, value, gradient in zip(("weight", "bias"), parameters, gradients):
                goldens.add(case, **{key: value, f"d{key}": gradient})


def attention(goldens):
    # rows of the batch, tokens, heads, k/v heads, width of a head
    for batch, tokens, heads, groups, width in [
        (2, 1, 2, 1, 16), (1, 7, 4, 2, 24), (2, 33, 3, 3, 16), (1, 65, 2, 1, 64), (1, 130, 2, 1, 24),
        (1, 130, 4, 2, 16),
    ]:  # fmt: skip
        q, dy = (goldens.normal(batch, tokens, heads, width) for _ in range(2))
        k, v = (goldens.normal(batch, tokens, groups, width) for _ in range(2))
        per_group = heads // groups
        shared_k, shared_v = (t.repeat_interleave(per_group, dim=2) for t in (k, v))
        scores = torch.einsum("bihd,bjhd->bhij", q, shared_k) / math.sqrt(width)
        future = torch.ones(tokens, tokens, dtype=torch.bool).triu(1)
        scores = scores.masked_fill(future, -math.inf)
        y = torch.einsum("bhij,bjhd->bihd", scores.softmax(-1), shared_v)
        library = F.scaled_dot_product_attention(
            *(t.transpose(1, 2) for t in (q, shared_k, shared_v)), is_causal=True
        )
        same(y, library.transpose(1, 2))
        dq, dk, dv = torch.autograd.grad(y, (q, k, v), dy)
        goldens.add(f"t{tokens}.h{heads}.g{groups}.d{width}", q=q, k=k, v=v, y=y, dy=dy, dq=dq, dk=dk, dv=dv,
                    log_sum_exp=scores.logsumexp(-1))  # fmt: skip


def rotary(goldens):
    # tokens, heads, width of a head, rotated fraction, base, position of the first token
    for tokens, heads, width, fraction, base, start in [
        (9, 2, 16, 0.5, 10000.0, 0), (5, 3, 24, 1.0, 10000.0, 0), (5, 2, 12, 0.5, 10000.0, 0),
        (4, 1, 64, 0.25, 500000.0, 4000), (3, 2, 16, 1.0, 500000.0, 100),
    ]:  # fmt: skip
        x, dy = (goldens.normal(tokens, heads, width) for _ in range(2))
        rotated = int(width * fraction)
        half = rotated // 2
        frequencies = base ** (-torch.arange(half, dtype=torch.float64) * 2 / rotated)
        positions = torch.arange(start, start + tokens)
        angles = (positions[:, None] * frequencies)[:, None]  # [tokens, 1, half]
        a, b, rest = x[..., :half], x[..., half:rotated], x[..., rotated:]
        y = torch.cat([a * angles.cos() - b * angles.sin(), b * angles.cos() + a * angles.sin(), rest], -1)
        (dx,) = torch.autograd.grad(y, x, dy)
        goldens.add(f"d{width}.r{rotated}.p{start}", x=x, dy=dy, y=y, dx=dx, positions=positions,
                    base=torch.tensor(base), rotated=torch.tensor(rotated))  # fmt: skip


def cross_entropy(goldens):
    for rows, vocabulary, scale in [(6, 17, 1.0), (9, 97, 3.0), (5, 1031, 10.0), (4, 33, 60.0)]:
        logits = goldens.normal(rows, vocabulary, scale=scale)
        targets = torch.randint(vocabulary, (rows,), generator=goldens.generator)
        targets[1::3] = -1
        kept = targets >= 0
        losses = logits.logsumexp(-1) - logits.gather(1, targets.clamp_min(0)[:, None])[:, 0]
        losses = losses * kept
        loss = losses.sum() / kept.sum()
        same(loss, F.cross_entropy(logits, targets, ignore_index=-1))
        (dlogits,) = torch.autograd.grad(loss, logits)
        goldens.add(f"v{vocabulary}", logits=logits, targets=targets, losses=losses, loss=loss, dlogits=dlogits,
                    count=kept.sum())  # fmt: skip


if __name__ == "__main__":
    torch.set_num_threads(1)
    for seed, make in enumerate([activations, norms, attention, rotary, cross_entropy]):
        goldens = Goldens(make.__name__, seed)
        make(goldens)
        goldens.save()
