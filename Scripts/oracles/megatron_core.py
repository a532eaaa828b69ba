"""Holds the Megatron-LM layout to Megatron's own core: models computed by it, there and back.

    python megatron_core.py [--needletail PATH]

Needs megatron-core 0.16.1 (`pip install --no-deps --target DIR megatron-core==0.16.1`, then PYTHONPATH=DIR); no GPU. For
each family transformers makes a random model; `needletail export --format megatron` writes it, GPTModel of the core loads
it strictly and must compute the same logits. Then the core's own names go back through `needletail export --format hf`.
"""

import argparse
import contextlib
import json
import pathlib
import shutil
import tempfile
import warnings

import safetensors.torch
import torch
import transformers

import round_trip

warnings.filterwarnings("ignore")
from megatron.core import parallel_state, tensor_parallel  # noqa: E402
from megatron.core.activations import squared_relu  # noqa: E402
from megatron.core.models.gpt import GPTModel  # noqa: E402
from megatron.core.models.gpt.gpt_layer_specs import get_gpt_layer_local_spec  # noqa: E402
from megatron.core.transformer import TransformerConfig  # noqa: E402

CASES = ["gpt2", "gpt2 untied, n_inner, gelu", "nemotron", "nemotron biases, tied", "llama", "llama head_dim 16, tied",
         "llama biases"]  # fmt: skip


def build(args):
    """GPTModel of the arguments, as Megatron-LM's training script makes it of them."""
    functional = torch.nn.functional
    config = TransformerConfig(
        num_layers=args["num_layers"], hidden_size=args["hidden_size"], ffn_hidden_size=args["ffn_hidden_size"],
        num_attention_heads=args["num_attention_heads"], kv_channels=args["kv_channels"],
        num_query_groups=args["num_query_groups"] if args["group_query_attention"] else None,
        normalization=args["normalization"], layernorm_epsilon=args["norm_epsilon"],
        add_bias_linear=args["add_bias_linear"], gated_linear_unit=args["swiglu"],
        activation_func=functional.silu if args["swiglu"] else squared_relu if args["squared_relu"] else functional.gelu,
        bias_activation_fusion=args["bias_gelu_fusion"] and not args["swiglu"] and not args["squared_relu"],
        hidden_dropout=0.0, attention_dropout=0.0, use_cpu_initialization=True, persist_layer_norm=False,
        bias_dropout_fusion=False, apply_rope_fusion=False, masked_softmax_fusion=False,
    )  # fmt: skip
    return GPTModel(
        config, get_gpt_layer_local_spec(normalization=args["normalization"]), vocab_size=args["padded_vocab_size"],
        max_sequence_length=args["max_position_embeddings"],
        position_embedding_type=args["position_embedding_type"], rotary_percent=args["rotary_percent"],
        rotary_base=args["rotary_base"],
        share_embeddings_and_output_weights=not args["untie_embeddings_and_output_weights"],
    ).eval()  # fmt: skip


def local(name):
    """The name that the core's own layers have for a norm."""
    return name.replace("self_attention.linear_qkv.layer_norm_", "input_layernorm.").replace(
        "mlp.linear_fc1.layer_norm_", "pre_mlp_layernorm.")  # fmt: skip


def run(trip, name, folder):
    config, kind, dtype, _ = round_trip.CASES[name]
    model = round_trip.build(config, kind, dtype, seed=3)
    base = folder / name.replace(" ", "-").replace(",", "")
    model.save_pretrained(base / "hf")
    trip.run("export", base / "hf", "--format", "megatron", "--output", base / "megatron")
    args = json.loads((base / "megatron" / "args.json").read_text())
    tensors = {local(key): value for key, value in round_trip.tensors(base / "megatron").items()}
    core = build(args)
    given = dict(tensors)
    if args["apply_layernorm_1p"]:
        # PyTorch's norm, which the core takes without Transformer Engine, knows no gains less one.
        given |= {key: value + 1 for key, value in tensors.items() if "norm" in key and key.endswith("weight")}
    missing, unexpected = core.load_state_dict(given, strict=False)
    assert not unexpected, unexpected
    assert all(key.endswith("_extra_state") for key in missing), missing
    ids = torch.randint(0, config.vocab_size, (3, 32), generator=torch.Generator().manual_seed(1))
    mask = torch.ones(32, 32).tril()[None, None] < 0.5
    with torch.no_grad():
        theirs = core(ids, torch.arange(32)[None].expand(3, 32), mask)
        expected = model(input_ids=ids).logits
    error = ((theirs - expected).abs().max() / expected.abs().max()).item()
    trip.report(f"{name}: computed by the core", error, [], 1)
    safetensors.torch.save_file({key: value.contiguous() for key, value in tensors.items()}, base / "megatron" / "model.safetensors")
    trip.run("export", base / "megatron", "--format", "hf", "--output", base / "back")
    loaded = getattr(transformers, kind).from_pretrained(base / "back").eval()
    error = ((round_trip.logits(loaded, ids) - expected.flatten()).abs().max() / expected.abs().max()).item()
    wrong = round_trip.differences(round_trip.tensors(base / "back"), round_trip.tensors(base / "hf"))
    trip.report(f"{name}: back from the core's names", error, wrong, 1)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--needletail", type=pathlib.Path, default=round_trip.DEFAULT)
    options = parser.parse_args()
    transformers.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    torch.distributed.init_process_group("gloo", store=torch.distributed.HashStore(), rank=0, world_size=1)
    parallel_state.initialize_model_parallel()
    # The core asks for a GPU where it needs a buffer, and for its random state although nothing is dropped.
    torch.cuda.current_device = lambda: torch.device("cpu")
    tensor_parallel.random.CudaRNGStatesTracker.fork = lambda *_, **__: contextlib.nullcontext()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="megatron-core-"))
    trip = round_trip.Trip(options.needletail, folder)
    try:
        for name in CASES:
            run(trip, name, folder)
    finally:
        shutil.rmtree(folder)
    trip.table()
    raise SystemExit(1 if trip.failed else 0)


if __name__ == "__main__":
    main()
