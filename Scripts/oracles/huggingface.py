"""Needletail's decoder as a Hugging Face model: configuration, parameter names, and an exact float64 mode.

A Needletail checkpoint names the same parameters for every architecture, all linear weights [out, in]:

    embedding.tokens.weight [V,h]              embedding.positions.weight [P,h]   (learned positions)
    layers.N.attention.norm.{weight,bias}      layers.N.attention.{q,k,v,output}.{weight,bias}
    layers.N.mlp.norm.{weight,bias}            layers.N.mlp.{gate,up,down}.{weight,bias}
    norm.{weight,bias}                         output.weight [V,h]                (absent when tied)

A LayerNorm1P weight is stored as gamma - 1, as Hugging Face and NeMo store it.
"""

import contextlib
import json
from pathlib import Path

import torch
import transformers.models.gpt2.modeling_gpt2 as gpt2
import transformers.models.llama.modeling_llama as llama
import transformers.models.nemotron.modeling_nemotron as nemotron
from transformers import GPT2Config, LlamaConfig, NemotronConfig

KEYS = (
    "layers width heads key_value_heads head_width feed_forward_width vocabulary context positions "
    "rotary_fraction rotary_base norm norm_epsilon activation bias tied_embeddings dropout"
).split()


def read_config(path):
    """The configuration at `path`, or in `path`/config.json; unknown and missing keys are errors."""
    path = Path(path)
    path = path / "config.json" if path.is_dir() else path
    config = json.loads(path.read_text())
    missing, unknown = set(KEYS) - set(config), set(config) - set(KEYS)
    if missing or unknown:
        raise SystemExit(f"{path}: missing keys {sorted(missing)}, unknown keys {sorted(unknown)}")
    return config


def family(config):
    """Which Hugging Face model a configuration is: the norm decides, the rest must agree with it."""
    name = {"layer_norm": "gpt2", "layer_norm_1p": "nemotron", "rms_norm": "llama"}[config["norm"]]
    positions = "learned" if name == "gpt2" else "rotary"
    activations = {"gpt2": ("gelu", "gelu_erf"), "nemotron": ("squared_relu",), "llama": ("swiglu",)}[name]
    if config["positions"] != positions or config["activation"] not in activations:
        raise SystemExit(
            f"no Hugging Face model has {config['norm']} with positions {config['positions']} "
            f"and activation {config['activation']}"
        )
    if name == "gpt2":
        same = config["heads"] * config["head_width"] == config["width"]
        if not (same and config["key_value_heads"] == config["heads"] and config["bias"]):
            raise SystemExit("GPT2LMHeadModel needs biases, heads * head_width = width and one k, v per head")
    if name == "llama" and (config["rotary_fraction"] != 1.0 or config["bias"]):
        # Llama's mlp_bias would add a gate bias, which Needletail does not name.
        raise SystemExit("LlamaForCausalLM rotates whole heads and is held without biases here")
    return name


def build(config):
    """The Hugging Face model of a configuration, eager attention, in evaluation mode (dropout off)."""
    c, name = config, family(config)
    if name == "gpt2":
        hf = GPT2Config(
            vocab_size=c["vocabulary"], n_positions=c["context"], n_embd=c["width"], n_layer=c["layers"],
            n_head=c["heads"], n_inner=c["feed_forward_width"], layer_norm_epsilon=c["norm_epsilon"],
            activation_function={"gelu": "gelu_new", "gelu_erf": "gelu"}[c["activation"]],
            resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0, tie_word_embeddings=c["tied_embeddings"],
            bos_token_id=None, eos_token_id=None,
        )  # fmt: skip
    else:
        shared = dict(
            vocab_size=c["vocabulary"], hidden_size=c["width"], intermediate_size=c["feed_forward_width"],
            num_hidden_layers=c["layers"], num_attention_heads=c["heads"], head_dim=c["head_width"],
            num_key_value_heads=c["key_value_heads"],  # None crashes Nemotron
            max_position_embeddings=c["context"], attention_bias=c["bias"], mlp_bias=c["bias"],
            tie_word_embeddings=c["tied_embeddings"], attention_dropout=0.0, bos_token_id=None,
            eos_token_id=None,
        )  # fmt: skip
        rope = {"rope_type": "default", "rope_theta": c["rotary_base"]}
        if name == "nemotron":
            rope["partial_rotary_factor"] = c["rotary_fraction"]
            hf = NemotronConfig(
                hidden_act="relu2", norm_eps=c["norm_epsilon"], rope_parameters=rope,
                partial_rotary_factor=c["rotary_fraction"], **shared,
            )  # fmt: skip
        else:
            hf = LlamaConfig(hidden_act="silu", rms_norm_eps=c["norm_epsilon"], rope_parameters=rope, **shared)
    hf._attn_implementation = "eager"
    kind = {"gpt2": gpt2.GPT2LMHeadModel, "nemotron": nemotron.NemotronForCausalLM,
            "llama": llama.LlamaForCausalLM}[name]  # fmt: skip
    model = kind(hf).eval()
    assert model.config._attn_implementation == "eager"
    return model


# MARK: Names


def pairs(config):
    """(Needletail name, Hugging Face name, transposed, part of three or None) for every parameter."""
    name, bias = family(config), config["bias"]
    kinds = ("weight", "bias") if bias else ("weight",)
    norm_kinds = ("weight",) if name == "llama" else ("weight", "bias")
    trunk = "transformer" if name == "gpt2" else "model"
    tokens = "wte" if name == "gpt2" else "embed_tokens"
    yield "embedding.tokens.weight", f"{trunk}.{tokens}.weight", False, None
    if name == "gpt2":
        yield "embedding.positions.weight", "transformer.wpe.weight", False, None
    for n in range(config["layers"]):
        if name == "gpt2":
            theirs = f"transformer.h.{n}"
            norms = {"attention": "ln_1", "mlp": "ln_2"}
            linears = {"attention.output": "attn.c_proj", "mlp.up": "mlp.c_fc", "mlp.down": "mlp.c_proj"}
            for kind in kinds:
                for part, letter in enumerate("qkv"):
                    yield (f"layers.{n}.attention.{letter}.{kind}", f"{theirs}.attn.c_attn.{kind}",
                           kind == "weight", part)  # fmt: skip
        else:
            theirs = f"model.layers.{n}"
            norms = {"attention": "input_layernorm", "mlp": "post_attention_layernorm"}
            linears = {f"attention.{letter}": f"self_attn.{letter}_proj" for letter in "qkv"}
            linears |= {"attention.output": "self_attn.o_proj"}
            linears |= {"mlp.gate": "mlp.gate_proj"} if name == "llama" else {}
            linears |= {"mlp.up": "mlp.up_proj", "mlp.down": "mlp.down_proj"}
        for ours, module in linears.items():
            for kind in kinds:  # GPT-2's Conv1D stores [in, out]
                transposed = name == "gpt2" and kind == "weight"
                yield f"layers.{n}.{ours}.{kind}", f"{theirs}.{module}.{kind}", transposed, None
        for block, module in norms.items():
            for kind in norm_kinds:
                yield f"layers.{n}.{block}.norm.{kind}", f"{theirs}.{module}.{kind}", False, None
    last = "transformer.ln_f" if name == "gpt2" else "model.norm"
    for kind in norm_kinds:
        yield f"norm.{kind}", f"{last}.{kind}", False, None
    if not config["tied_embeddings"]:
        yield "output.weight", "lm_head.weight", False, None


def to_needletail(tensors, config):
    """Hugging Face's named tensors (parameters, or their gradients) under Needletail's names."""
    result = {}
    for ours, theirs, transposed, part in pairs(config):
        tensor = tensors[theirs]
        if part is not None:
            tensor = tensor.chunk(3, dim=-1)[part]
        result[ours] = (tensor.t() if transposed else tensor).contiguous()
    return result


def load(model, tensors, config):
    """Copies Needletail's tensors into a Hugging Face model; names and shapes must match exactly."""
    names = [ours for ours, _, _, _ in pairs(config)]
    missing, unknown = set(names) - set(tensors), set(tensors) - set(names)
    if missing or unknown:
        raise SystemExit(f"checkpoint: missing tensors {sorted(missing)}, unknown tensors {sorted(unknown)}")
    parameters, filled = dict(model.named_parameters()), set()
    with torch.no_grad():
        for ours, theirs, transposed, part in pairs(config):
            target = parameters[theirs]
            if part is not None:
                target = target.chunk(3, dim=-1)[part]
            source = tensors[ours].t() if transposed else tensors[ours]
            if source.shape != target.shape:
                raise SystemExit(f"{ours}: got shape {list(source.shape)}, expected {list(target.shape)}")
            target.copy_(source)
            filled.add(theirs)
    unfilled = set(parameters) - filled
    assert not unfilled, f"Hugging Face parameters without a Needletail name: {sorted(unfilled)}"


# MARK: Exactness


@contextlib.contextmanager
def exact():
    """Inside, models compute in their own type throughout.

    `model.double()` alone does not make Llama or Nemotron exact: their RMSNorm, softmax and rotary
    tables go through float32 whatever the model's type is.
    """

    def rms_norm(self, x):
        return self.weight * (x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.variance_epsilon))

    def attention(module, query, key, value, attention_mask, scaling, dropout=0.0, **_):
        key = llama.repeat_kv(key, module.num_key_value_groups)
        value = llama.repeat_kv(value, module.num_key_value_groups)
        scores = torch.matmul(query, key.transpose(2, 3)) * scaling + attention_mask
        weights = torch.softmax(scores, dim=-1)
        return torch.matmul(weights, value).transpose(1, 2).contiguous(), weights

    def rotary(self, x, position_ids):
        rope = self.config.rope_parameters
        rotated = int(self.config.head_dim * rope.get("partial_rotary_factor", 1.0))
        exponents = torch.arange(0, rotated, 2, dtype=x.dtype) / rotated
        angles = position_ids[..., None].to(x.dtype) * rope["rope_theta"] ** -exponents
        angles = torch.cat((angles, angles), dim=-1)
        return angles.cos(), angles.sin()

    replaced = [
        (llama.LlamaRMSNorm, "forward", rms_norm),
        (llama.LlamaRotaryEmbedding, "forward", rotary),
        (nemotron.NemotronRotaryEmbedding, "forward", rotary),
        (llama, "eager_attention_forward", attention),
        (nemotron, "eager_attention_forward", attention),
    ]
    originals = [getattr(owner, name) for owner, name, _ in replaced]
    try:
        for owner, name, value in replaced:
            setattr(owner, name, value)
        yield
    finally:
        for (owner, name, _), value in zip(replaced, originals):
            setattr(owner, name, value)


def relative(ours, theirs):
    """max |ours - theirs| / max |theirs|: the error against the tensor's own scale."""
    ours, theirs = ours.double(), theirs.double()
    return ((ours - theirs).abs().max() / theirs.abs().max().clamp_min(1e-300)).item()
