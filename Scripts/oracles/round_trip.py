"""Round trips of random models through `needletail import` and `export`, judged by transformers.

    python round_trip.py [--needletail PATH] [--only NAME]

For each family transformers makes a small random model (every tensor random: norms and biases too) and saves it. It is
imported, exported and loaded by transformers again: logits at every position must be the same to 1e-5 of the largest,
and the files equal tensor by tensor, byte by byte. The same with shards, bf16, hub names, through Megatron-LM's layout
and back, and from a Hugging Face directory without import. Prints a table and exits with 1 where something differs.
"""

import argparse
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

import safetensors.torch
import torch
import transformers
from transformers import GPT2Config, LlamaConfig, MegatronBertConfig, NemotronConfig

DEFAULT = pathlib.Path(__file__).resolve().parents[2] / ".build/release/needletail"
TOLERANCE = 1e-5


def gpt2(**changes):
    return GPT2Config(**dict(vocab_size=61, n_positions=32, n_embd=48, n_layer=3, n_head=4, bos_token_id=0, eos_token_id=0) | changes)


def rope(theta, fraction=None):
    return {"rope_type": "default", "rope_theta": theta} | ({"partial_rotary_factor": fraction} if fraction else {})


SHARED = dict(
    vocab_size=61, hidden_size=48, intermediate_size=112, num_hidden_layers=3, num_attention_heads=6,
    max_position_embeddings=32,
)  # fmt: skip


def nemotron(**changes):
    return NemotronConfig(**SHARED | dict(num_key_value_heads=2, rope_parameters=rope(5000.0, 0.5)) | changes)


def llama(**changes):
    return LlamaConfig(**SHARED | dict(num_key_value_heads=3, rope_parameters=rope(500000.0)) | changes)


def bert(**changes):
    return MegatronBertConfig(**SHARED | dict(hidden_act="gelu", layer_norm_eps=1e-5) | changes)


# name: configuration, class of transformers, dtype, options of `export`
CASES = {
    "gpt2": (gpt2(), "GPT2LMHeadModel", torch.float32, []),
    "gpt2 untied, n_inner, gelu": (
        gpt2(tie_word_embeddings=False, n_inner=100, activation_function="gelu"), "GPT2LMHeadModel", torch.float32, []),
    "gpt2 bf16": (gpt2(), "GPT2LMHeadModel", torch.bfloat16, []),
    "gpt2 in shards": (gpt2(), "GPT2LMHeadModel", torch.float32, ["--shard-size", "40KB"]),
    "nemotron": (nemotron(), "NemotronForCausalLM", torch.float32, []),
    "nemotron biases, tied": (
        nemotron(attention_bias=True, mlp_bias=True, tie_word_embeddings=True), "NemotronForCausalLM", torch.float32, []),
    "nemotron bf16 in shards": (nemotron(), "NemotronForCausalLM", torch.bfloat16, ["--shard-size", "20KB"]),
    "llama": (llama(), "LlamaForCausalLM", torch.float32, []),
    "llama head_dim 16, tied": (llama(head_dim=16, tie_word_embeddings=True), "LlamaForCausalLM", torch.float32, []),
    "llama biases": (llama(attention_bias=True, mlp_bias=True), "LlamaForCausalLM", torch.float32, []),
    "llama f16": (llama(), "LlamaForCausalLM", torch.float16, []),
    "megatron-bert": (bert(), "MegatronBertForPreTraining", torch.float32, []),
    "megatron-bert masked LM": (bert(layer_norm_eps=1e-12), "MegatronBertForMaskedLM", torch.float32, []),
    "megatron-bert bf16 in shards": (bert(), "MegatronBertForPreTraining", torch.bfloat16, ["--shard-size", "20KB"]),
}  # fmt: skip


def build(config, kind, dtype, seed):
    torch.manual_seed(seed)
    model = getattr(transformers, kind)(config).eval()
    with torch.no_grad():
        for name, tensor in model.named_parameters():
            # Nothing at its first value: a norm that is forgotten must show.
            around = 1.0 if "norm" in name.lower() or ".ln" in name else 0.0
            around = 0.0 if config.model_type == "nemotron" or not name.endswith("weight") else around
            tensor.copy_(around + 0.2 * torch.randn_like(tensor))
    return model.to(dtype)


def logits(model, ids):
    with torch.no_grad():
        out = model.float()(input_ids=ids)
    return torch.cat([value.flatten() for value in (getattr(out, "logits", None), getattr(out, "prediction_logits", None),
                                                    getattr(out, "seq_relationship_logits", None)) if value is not None])  # fmt: skip


def tensors(folder):
    files = sorted(folder.glob("*.safetensors"))
    index = folder / "model.safetensors.index.json"
    if len(files) > 1:
        assert {p.name for p in files} == set(json.loads(index.read_text())["weight_map"].values())
    return {name: value for path in files for name, value in safetensors.torch.load_file(path).items()}


def differences(ours, theirs):
    """Names whose bytes are not the same."""
    wrong = set(ours) ^ set(theirs)
    for name in set(ours) & set(theirs):
        a, b = ours[name], theirs[name]
        if a.dtype != b.dtype or a.shape != b.shape or not torch.equal(a.view(torch.uint8), b.view(torch.uint8)):
            wrong.add(name)
    return sorted(wrong)


class Trip:
    def __init__(self, needletail, folder):
        self.needletail, self.folder = needletail, folder
        self.rows, self.failed = [], False

    def run(self, *arguments):
        done = subprocess.run([self.needletail, *map(str, arguments)], capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"needletail {' '.join(map(str, arguments))}: {done.stderr.strip()}")

    def report(self, name, error, wrong, files):
        good = error <= TOLERANCE and not wrong
        self.failed |= not good
        self.rows.append((name, f"{error:.1e}", f"{len(wrong)} differ" if wrong else "equal", files, "" if good else "FAILED"))
        if wrong:
            print(name, "differs in", wrong[:5])

    def case(self, name, config, kind, dtype, options):
        base = self.folder / name.replace(" ", "-").replace(",", "")
        model = build(config, kind, dtype, seed=len(self.rows))
        source, ours, back = base / "hf", base / "needletail", base / "back"
        model.save_pretrained(source, **({"max_shard_size": "30KB"} if "shards" in name else {}))
        self.run("import", source, "--output", ours)
        self.run("export", ours, "--format", "hf", "--output", back, *options)
        ids = torch.randint(0, config.vocab_size, (3, 32), generator=torch.Generator().manual_seed(1))
        # Loaded, too: `.to(dtype)` rounds what a model computes of its configuration, as wavelengths.
        expected = logits(getattr(transformers, kind).from_pretrained(source, dtype=dtype).eval(), ids)
        scale = expected.abs().max()

        def compare(label, folder):
            loaded, info = getattr(transformers, kind).from_pretrained(folder, output_loading_info=True, dtype=dtype)
            wrong = [key for what in ("missing_keys", "unexpected_keys", "mismatched_keys") for key in info[what]]
            wrong += differences(tensors(folder), tensors(source))
            error = ((logits(loaded.eval(), ids) - expected).abs().max() / scale).item()
            self.report(label, error, wrong, len(list(folder.glob("*.safetensors"))))

        compare(name, back)
        direct = base / "direct"
        self.run("export", source, "--format", "hf", "--output", direct, *options)
        wrong = differences(tensors(direct), tensors(back))
        self.report(f"{name}: not imported", 0, wrong, len(list(direct.glob("*.safetensors"))))
        if "bert" in name:
            return
        megatron, returned = base / "megatron", base / "returned"
        self.run("export", ours, "--format", "megatron", "--output", megatron)
        self.run("import", megatron, "--output", base / "again")
        self.run("export", base / "again", "--format", "hf", "--output", returned, *options)
        compare(f"{name}: by way of megatron", returned)

    def hub_names(self):
        """gpt2 as the hub has it: no prefix, masks, a tied output written out."""
        config = gpt2()
        model = build(config, "GPT2LMHeadModel", torch.float32, seed=9)
        base = self.folder / "hub"
        model.save_pretrained(base / "hf")
        named = {name.removeprefix("transformer."): value for name, value in tensors(base / "hf").items()}
        for layer in range(config.n_layer):
            named[f"h.{layer}.attn.bias"] = torch.ones(1, 1, 32, 32).tril()
            named[f"h.{layer}.attn.masked_bias"] = torch.tensor(-1e4)
        named["lm_head.weight"] = named["wte.weight"].clone()
        safetensors.torch.save_file(named, base / "hf" / "model.safetensors", {"format": "pt"})
        self.run("export", base / "hf", "--format", "hf", "--output", base / "back")
        ids = torch.randint(0, 61, (3, 32), generator=torch.Generator().manual_seed(1))
        loaded = transformers.GPT2LMHeadModel.from_pretrained(base / "back").eval()
        expected = logits(model, ids)
        error = ((logits(loaded, ids) - expected).abs().max() / expected.abs().max()).item()
        wrong = differences(tensors(base / "back"), {k: v for k, v in model.state_dict().items() if k != "lm_head.weight"})
        self.report("gpt2 with the hub's names", error, wrong, 1)

    def table(self):
        rows = [("case", "logits", "tensors", "files", "")] + self.rows
        widths = [max(len(str(row[i])) for row in rows) for i in range(5)]
        for row in rows:
            print("  ".join(str(cell).ljust(width) for cell, width in zip(row, widths)).rstrip())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--needletail", type=pathlib.Path, default=DEFAULT)
    parser.add_argument("--only", help="cases whose name has this in it")
    options = parser.parse_args()
    transformers.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="round-trip-"))
    trip = Trip(options.needletail, folder)
    try:
        for name, case in CASES.items():
            if not options.only or options.only in name:
                trip.case(name, *case)
        if not options.only or options.only in "hub":
            trip.hub_names()
    finally:
        shutil.rmtree(folder)
    trip.table()
    sys.exit(1 if trip.failed else 0)


if __name__ == "__main__":
    main()
