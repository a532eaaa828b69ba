"""The decoder Needletail trains, as a PyTorch programmer would write it to be fast on a CPU.

One class is GPT-2, Nemotron and Llama by its configuration (the keys of Needletail's config.json).
k, q and v are one matrix here, and so are gate and up; `weights()` and `load()` speak Needletail's names.
"""

import json
import math
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

KEYS = set(
    "layers width heads key_value_heads head_width feed_forward_width vocabulary context positions "
    "rotary_fraction rotary_base norm norm_epsilon activation bias tied_embeddings dropout".split()
)
SHAPES = Path(__file__).resolve().parent / "shapes"


def read_config(name, changes=()):
    """A configuration by the name of a file in shapes/ or by path, with `key=value` changes."""
    path = SHAPES / f"{name}.json"
    path = path if path.exists() else Path(name)
    config = json.loads(path.read_text())
    for change in changes:
        key, _, value = change.partition("=")
        if key not in KEYS:
            raise SystemExit(f"{change}: no such key; the keys are {', '.join(sorted(KEYS))}")
        config[key] = value if isinstance(config.get(key), str) else json.loads(value)
    if set(config) != KEYS:
        raise SystemExit(f"{path}: missing {sorted(KEYS - set(config))}, unknown {sorted(set(config) - KEYS)}")
    if config["dropout"] != 0:
        raise SystemExit("dropout: the peer trains without (its random numbers could not match anyway)")
    return config


class Norm(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.kind, self.shape, self.epsilon = config["norm"], (config["width"],), config["norm_epsilon"]
        # LayerNorm1P stores gamma - 1.
        stored = torch.zeros if self.kind == "layer_norm_1p" else torch.ones
        self.weight = nn.Parameter(stored(self.shape))
        self.bias = None if self.kind == "rms_norm" else nn.Parameter(torch.zeros(self.shape))

    def forward(self, x):
        if self.kind == "rms_norm":
            return F.rms_norm(x, self.shape, self.weight, self.epsilon)
        weight = self.weight + 1 if self.kind == "layer_norm_1p" else self.weight
        return F.layer_norm(x, self.shape, weight, self.bias, self.epsilon)


class Attention(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.heads, self.groups, self.head = (config[k] for k in ("heads", "key_value_heads", "head_width"))
        self.norm = Norm(config)
        self.qkv = nn.Linear(config["width"], (self.heads + 2 * self.groups) * self.head, config["bias"])
        self.output = nn.Linear(self.heads * self.head, config["width"], config["bias"])

    def forward(self, x, rotation):
        batch, tokens, _ = x.shape
        qkv = self.qkv(self.norm(x)).view(batch, tokens, self.heads + 2 * self.groups, self.head)
        if rotation is None:
            q, k, v = (t.transpose(1, 2) for t in qkv.split([self.heads, self.groups, self.groups], dim=2))
        else:
            qk, v = qkv.split([self.heads + self.groups, self.groups], dim=2)
            qk, v = rotate(qk, *rotation).transpose(1, 2), v.transpose(1, 2)
            q, k = qk.split([self.heads, self.groups], dim=1)
        if self.groups != self.heads:
            k, v = (t.repeat_interleave(self.heads // self.groups, dim=1) for t in (k, v))
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return x + self.output(y.transpose(1, 2).reshape(batch, tokens, self.heads * self.head))


class FeedForward(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.activation = config["activation"]
        self.hidden = config["feed_forward_width"]
        self.norm = Norm(config)
        rows = 2 * self.hidden if self.activation == "swiglu" else self.hidden
        self.up = nn.Linear(config["width"], rows, config["bias"])
        self.down = nn.Linear(self.hidden, config["width"], config["bias"])

    def forward(self, x):
        hidden = self.up(self.norm(x))
        if self.activation == "swiglu":
            gate, hidden = hidden.chunk(2, dim=-1)
            hidden = F.silu(gate) * hidden
        elif self.activation == "squared_relu":
            hidden = F.relu(hidden).square()
        else:
            hidden = F.gelu(hidden, approximate="tanh" if self.activation == "gelu" else "none")
        return x + self.down(hidden)


def rotate(x, cos, sin):
    """NeoX rotation of the first dimensions of x [B, T, heads, d] by tables [T, 1, half]."""
    half = cos.shape[-1]
    a, b, rest = x.split([half, half, x.shape[-1] - 2 * half], dim=-1)
    return torch.cat([a * cos - b * sin, b * cos + a * sin, rest], dim=-1)


class Decoder(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.config = config
        self.tokens = nn.Embedding(config["vocabulary"], config["width"])
        if config["positions"] == "learned":
            self.positions = nn.Embedding(config["context"], config["width"])
        else:
            rotated = int(config["head_width"] * config["rotary_fraction"])
            exponents = -torch.arange(0, rotated, 2, dtype=torch.float64) / rotated
            angles = torch.arange(config["context"], dtype=torch.float64)[:, None] * config["rotary_base"] ** exponents
            self.register_buffer("cos", angles.cos()[:, None], persistent=False)
            self.register_buffer("sin", angles.sin()[:, None], persistent=False)
        self.attention = nn.ModuleList(Attention(config) for _ in range(config["layers"]))
        self.mlp = nn.ModuleList(FeedForward(config) for _ in range(config["layers"]))
        self.norm = Norm(config)
        self.output = nn.Linear(config["width"], config["vocabulary"], bias=False)
        if config["tied_embeddings"]:
            self.output.weight = self.tokens.weight
        self.initialise()
        self.to(torch.get_default_dtype())

    def initialise(self, deviation=0.02):
        """N(0, σ), the two matrices that write to the residual stream N(0, σ/√(2L)), biases zero."""
        for name, parameter in self.named_parameters():
            residual = name.endswith(("output.weight", "down.weight")) and name != "output.weight"
            if parameter.dim() == 2:
                scale = 1 / math.sqrt(2 * self.config["layers"]) if residual else 1
                nn.init.normal_(parameter, std=deviation * scale)
            elif name.endswith("bias"):
                nn.init.zeros_(parameter)

    def logits(self, ids):
        tokens, x, rotation = ids.shape[1], self.tokens(ids), None
        if self.config["positions"] == "learned":
            x = x + self.positions.weight[:tokens]
        else:
            rotation = self.cos[:tokens], self.sin[:tokens]
        for attention, mlp in zip(self.attention, self.mlp):
            x = mlp(attention(x, rotation))
        return self.output(self.norm(x))

    def forward(self, ids, targets):
        """The mean loss over the targets that are not -1."""
        return F.cross_entropy(self.logits(ids).flatten(0, 1), targets.flatten(), ignore_index=-1)

    # MARK: Needletail's names

    def weights(self):
        """Views of the parameters under Needletail's names."""
        c, named = self.config, {}
        for name, p in self.named_parameters():
            part, _, rest = name.partition(".")
            if part in ("attention", "mlp"):
                n, _, rest = rest.partition(".")
                module, _, kind = rest.rpartition(".")
                prefix = f"layers.{n}.{part}"
                if module == "qkv":
                    sizes = [c[k] * c["head_width"] for k in ("heads", "key_value_heads", "key_value_heads")]
                    named |= {f"{prefix}.{x}.{kind}": t for x, t in zip("qkv", p.split(sizes))}
                elif module == "up" and c["activation"] == "swiglu":
                    named |= {f"{prefix}.{x}.{kind}": t for x, t in zip(("gate", "up"), p.chunk(2))}
                else:
                    named[f"{prefix}.{module}.{kind}"] = p
            else:
                named[f"embedding.{name}" if part in ("tokens", "positions") else name] = p
        return named

    @torch.no_grad()
    def load(self, tensors):
        """Copies tensors under Needletail's names; every parameter must be there, in its shape."""
        for name, parameter in self.weights().items():
            if name not in tensors:
                raise SystemExit(f"initial weights: no tensor {name}")
            if tensors[name].shape != parameter.shape:
                raise SystemExit(f"{name}: got {list(tensors[name].shape)}, expected {list(parameter.shape)}")
            parameter.copy_(tensors[name])

    # MARK: Accounting

    def parameter_count(self):
        return sum(p.numel() for p in self.parameters())

    def flops_per_token(self, tokens):
        """Model FLOPs of one training token: 6 per matrix weight that multiplies it (the output matrix
        counts, looking up an embedding does not), and 12·L·(heads·head_width)·s for the scores and values of
        attention over the full s² (no half for causality, nothing for recomputation)."""
        c = self.config
        attention = c["heads"] * c["head_width"]
        looked_up = {"tokens.weight", "positions.weight"}
        matrices = sum(p.numel() for name, p in self.named_parameters() if p.dim() == 2 and name not in looked_up)
        if c["tied_embeddings"]:
            matrices += self.output.weight.numel()
        return 6 * matrices + 12 * c["layers"] * attention * tokens


def adamw(model, learning_rate=1e-3, betas=(0.9, 0.95), epsilon=1e-8, weight_decay=0.1, kind="fused"):
    """AdamW with weight decay on matrices and embeddings, none on biases and norms."""
    parameters = list(model.parameters())
    groups = [
        dict(params=[p for p in parameters if p.dim() >= 2], weight_decay=weight_decay),
        dict(params=[p for p in parameters if p.dim() < 2], weight_decay=0.0),
    ]
    return torch.optim.AdamW(groups, lr=learning_rate, betas=betas, eps=epsilon,
                             fused=kind == "fused", foreach=kind == "foreach")  # fmt: skip
