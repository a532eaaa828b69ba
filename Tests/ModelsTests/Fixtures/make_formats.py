"""Makes the models of formats/: tiny, random, as transformers saves them, with the logits that it computes.

    /tmp/oracle/bin/python Tests/ModelsTests/Fixtures/make_formats.py

expected.safetensors has `ids` [2, T], for encoders `segments` and `visible`, and in float64 rounded once `logits`
[2, T, V] and, where sentence order is told, `order` [2, 2].
"""

import shutil
from pathlib import Path

import torch
import transformers
from safetensors.torch import save_file
from transformers import GPT2Config, LlamaConfig, MegatronBertConfig, NemotronConfig

FOLDER = Path(__file__).resolve().parent / "formats"
SHARED = dict(vocab_size=21, hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=4,
              max_position_embeddings=12)  # fmt: skip
GPT2 = dict(vocab_size=21, n_positions=12, n_embd=16, n_layer=2, n_head=4, n_inner=24, bos_token_id=0, eos_token_id=20)
ROPE = {"rope_type": "default", "rope_theta": 500.0}

# name: (configuration, class, type, size of a shard)
CASES = {
    "gpt2": (GPT2Config(**GPT2), "GPT2LMHeadModel", torch.float32, None),
    "gpt2_untied": (
        GPT2Config(**GPT2 | dict(tie_word_embeddings=False, activation_function="gelu", n_inner=None)), "GPT2LMHeadModel",
        torch.float32, None),
    "nemotron": (
        NemotronConfig(**SHARED, num_key_value_heads=2, rope_parameters=ROPE | {"partial_rotary_factor": 0.5}),
        "NemotronForCausalLM", torch.float32, None),
    "llama": (
        LlamaConfig(**SHARED, num_key_value_heads=2, head_dim=6, tie_word_embeddings=True, rope_parameters=ROPE),
        "LlamaForCausalLM", torch.float32, None),
    "llama_shards": (
        LlamaConfig(**SHARED, num_key_value_heads=1, attention_bias=True, mlp_bias=True, rope_parameters=ROPE),
        "LlamaForCausalLM", torch.bfloat16, "4KB"),
    "megatron_bert": (
        MegatronBertConfig(**SHARED, layer_norm_eps=1e-5), "MegatronBertForPreTraining", torch.float32, None),
    "megatron_bert_masked": (
        MegatronBertConfig(**SHARED, layer_norm_eps=1e-12, hidden_act="gelu_new"), "MegatronBertForMaskedLM", torch.float32,
        None),
}  # fmt: skip


def make(name, config, kind, dtype, shard, seed):
    torch.manual_seed(seed)
    model = getattr(transformers, kind)(config)
    with torch.no_grad():
        for key, tensor in model.named_parameters():
            # Nothing at its first value, so that a norm or a bias that is forgotten shows.
            plain = key.endswith("weight") and ("norm" in key.lower() or "ln" in key) and config.model_type != "nemotron"
            tensor.copy_((1.0 if plain else 0.0) + 0.3 * torch.randn_like(tensor))
    folder = FOLDER / name
    shutil.rmtree(folder, ignore_errors=True)
    model.to(dtype).save_pretrained(folder, **({"max_shard_size": shard} if shard else {}))
    # Loaded, for `.to(dtype)` rounds the wavelengths, too.
    model = getattr(transformers, kind).from_pretrained(folder, dtype=dtype).double().eval()
    ids = torch.randint(21, (2, 12), dtype=torch.int32)
    inputs, extra = {"input_ids": ids.long()}, {}
    if "bert" in name:
        visible = torch.tensor([12, 7])
        seen = torch.arange(12)[None] < visible[:, None]
        extra = {"segments": (torch.arange(12)[None] >= visible[:, None] // 2).int(), "visible": visible.int()}
        inputs |= {"token_type_ids": extra["segments"].long(), "attention_mask": seen.long()}
    with torch.no_grad():
        out = model(**inputs)
    logits = out.prediction_logits if "prediction_logits" in out else out.logits
    if "bert" in name:
        logits = logits * seen[..., None]
    if "seq_relationship_logits" in out:
        extra["order"] = out.seq_relationship_logits.float()
    save_file({"ids": ids, "logits": logits.float().contiguous()} | extra, folder / "expected.safetensors")
    for path in folder.iterdir():
        path.chmod(0o644)
    print(name, sum(path.stat().st_size for path in folder.iterdir()) // 1000, "kB")


if __name__ == "__main__":
    torch.set_num_threads(1)
    transformers.utils.logging.disable_progress_bar()
    for seed, (name, case) in enumerate(CASES.items()):
        make(name, *case, seed)
