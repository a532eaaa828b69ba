"""Writes the models that the generation benchmark runs: random weights of a fixed seed, for every engine the same.

    /tmp/oracle/bin/python make_models.py /tmp/peers [--models gpt2 llama] [--precisions f32 bf16 q8]

OUT/MODEL-PRECISION is a Hugging Face directory (f32 and bf16; config.json and model.safetensors, no tokenizer),
OUT/MODEL-PRECISION.gguf the same weights for llama.cpp (f32, bf16 and q8_0), 12.6 GB in all. Every weight is a bf16
number, so that the f32 and the bf16 files hold the same model. agree.py shows that the engines read it the same way.
"""

import argparse
import json
import pathlib
import zlib

import gguf
import numpy as np

SEED = 20261127
MODELS = {
    "gpt2": dict(  # GPT-2 124M
        architectures=["GPT2LMHeadModel"], model_type="gpt2", n_layer=12, n_embd=768, n_head=12, n_positions=1024,
        n_ctx=1024, vocab_size=50257, activation_function="gelu_new", layer_norm_epsilon=1e-5, embd_pdrop=0.0,
        attn_pdrop=0.0, resid_pdrop=0.0, tie_word_embeddings=True, bos_token_id=50256, eos_token_id=50256),
    "llama": dict(  # 0.84B: TinyLlama's width with 16 layers
        architectures=["LlamaForCausalLM"], model_type="llama", num_hidden_layers=16, hidden_size=2048,
        intermediate_size=5632, num_attention_heads=32, num_key_value_heads=4, head_dim=64, vocab_size=32000,
        max_position_embeddings=2048, hidden_act="silu", rms_norm_eps=1e-5, rope_theta=10000.0, attention_bias=False,
        mlp_bias=False, attention_dropout=0.0, tie_word_embeddings=False, bos_token_id=1, eos_token_id=2),
}  # fmt: skip
# A precision's name in safetensors, in config.json, as GGUF's tensor type and as GGUF's file type.
PRECISIONS = {
    "f32": ("F32", "float32", gguf.GGMLQuantizationType.F32, gguf.LlamaFileType.ALL_F32),
    "bf16": ("BF16", "bfloat16", gguf.GGMLQuantizationType.BF16, gguf.LlamaFileType.MOSTLY_BF16),
    "q8": (None, None, gguf.GGMLQuantizationType.Q8_0, gguf.LlamaFileType.MOSTLY_Q8_0),
}


def gpt2_tensors(c):
    """(name, shape, GGUF name, change): change is what GGUF holds instead, where it differs."""
    width = c["n_embd"]
    yield "transformer.wte.weight", (c["vocab_size"], width), "token_embd.weight", None
    yield "transformer.wpe.weight", (c["n_positions"], width), "position_embd.weight", None
    for layer in range(c["n_layer"]):
        ours, theirs = f"transformer.h.{layer}", f"blk.{layer}"
        for norm, name in (("ln_1", "attn_norm"), ("ln_2", "ffn_norm")):
            for part in ("weight", "bias"):
                yield f"{ours}.{norm}.{part}", (width,), f"{theirs}.{name}.{part}", None
        for matrix, name, rows, columns in (
            ("attn.c_attn", "attn_qkv", width, 3 * width), ("attn.c_proj", "attn_output", width, width),
            ("mlp.c_fc", "ffn_up", width, 4 * width), ("mlp.c_proj", "ffn_down", 4 * width, width)):  # fmt: skip
            # transformers' Conv1D keeps [in, out], GGUF [out, in].
            yield f"{ours}.{matrix}.weight", (rows, columns), f"{theirs}.{name}.weight", np.transpose
            yield f"{ours}.{matrix}.bias", (columns,), f"{theirs}.{name}.bias", None
    for part in ("weight", "bias"):
        yield f"transformer.ln_f.{part}", (width,), f"output_norm.{part}", None


def interleaved(heads):
    """Rotary pairs lie half a head apart in transformers and side by side in GGUF's llama."""
    def change(w):
        return w.reshape(heads, 2, w.shape[0] // heads // 2, w.shape[1]).swapaxes(1, 2).reshape(w.shape)

    return change


def llama_tensors(c):
    width, inner, head = c["hidden_size"], c["intermediate_size"], c["head_dim"]
    heads, groups = c["num_attention_heads"], c["num_key_value_heads"]
    yield "model.embed_tokens.weight", (c["vocab_size"], width), "token_embd.weight", None
    for layer in range(c["num_hidden_layers"]):
        for ours, shape, theirs, change in (
            ("input_layernorm", (width,), "attn_norm", None),
            ("self_attn.q_proj", (heads * head, width), "attn_q", interleaved(heads)),
            ("self_attn.k_proj", (groups * head, width), "attn_k", interleaved(groups)),
            ("self_attn.v_proj", (groups * head, width), "attn_v", None),
            ("self_attn.o_proj", (width, heads * head), "attn_output", None),
            ("post_attention_layernorm", (width,), "ffn_norm", None),
            ("mlp.gate_proj", (inner, width), "ffn_gate", None),
            ("mlp.up_proj", (inner, width), "ffn_up", None),
            ("mlp.down_proj", (width, inner), "ffn_down", None)):  # fmt: skip
            yield f"model.layers.{layer}.{ours}.weight", shape, f"blk.{layer}.{theirs}.weight", change
    yield "model.norm.weight", (width,), "output_norm.weight", None
    yield "lm_head.weight", (c["vocab_size"], width), "output.weight", None


def weights(name, shape):
    """Normal of deviation 0.02, around 1 for the scale of a norm; f32 numbers that bf16 holds exactly."""
    values = np.random.default_rng([SEED, zlib.crc32(name.encode())]).standard_normal(shape, np.float32)
    values *= 0.02
    if len(shape) == 1 and name.endswith("weight"):
        values += 1
    bits = values.view(np.uint32)
    bits += 0x7FFF + ((bits >> 16) & 1)  # to the nearest, ties to even
    bits &= 0xFFFF0000
    return values


def write_hugging_face(folder, config, precision, tensors):
    kind, dtype, *_ = PRECISIONS[precision]
    size = 4 if kind == "F32" else 2
    header, end = {"__metadata__": {"format": "pt"}}, 0
    for name, shape, _, _ in tensors:
        start, end = end, end + size * int(np.prod(shape))
        header[name] = {"dtype": kind, "shape": shape, "data_offsets": [start, end]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 64)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config | {"torch_dtype": dtype}, indent=2) + "\n")
    with open(folder / "model.safetensors", "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for name, shape, _, _ in tensors:
            values = weights(name, shape)
            (values if size == 4 else (values.view(np.uint32) >> 16).astype(np.uint16)).tofile(file)


def write_gguf(path, config, precision, tensors):
    *_, matrices, file_type = PRECISIONS[precision]
    llama = config["model_type"] == "llama"
    writer = gguf.GGUFWriter(path, config["model_type"])
    writer.add_file_type(file_type)
    writer.add_vocab_size(config["vocab_size"])
    writer.add_tokenizer_model("none")
    writer.add_block_count(config["num_hidden_layers" if llama else "n_layer"])
    writer.add_context_length(config["max_position_embeddings" if llama else "n_ctx"])
    writer.add_embedding_length(config["hidden_size" if llama else "n_embd"])
    writer.add_feed_forward_length(config["intermediate_size"] if llama else 4 * config["n_embd"])
    writer.add_head_count(config["num_attention_heads" if llama else "n_head"])
    if llama:
        writer.add_head_count_kv(config["num_key_value_heads"])
        writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
        writer.add_rope_dimension_count(config["head_dim"])
        writer.add_rope_freq_base(config["rope_theta"])
    else:
        writer.add_layer_norm_eps(config["layer_norm_epsilon"])

    def kind(shape, theirs):  # as llama.cpp's convert_hf_to_gguf.py chooses
        plain = len(shape) == 1 or theirs == "position_embd.weight"
        return gguf.GGMLQuantizationType.F32 if plain else matrices

    for _, shape, theirs, change in tensors:
        block, size = gguf.GGML_QUANT_SIZES[kind(shape, theirs)]
        held = shape[::-1] if change is np.transpose else shape
        writer.add_tensor_info(theirs, held, np.dtype(np.float32), int(np.prod(shape)) // block * size,
                               kind(shape, theirs))  # fmt: skip
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    for name, shape, theirs, change in tensors:
        values = weights(name, shape)
        values = np.ascontiguousarray(change(values) if change else values)
        writer.write_tensor_data(gguf.quants.quantize(values, kind(shape, theirs)))
    writer.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    parser.add_argument("--precisions", nargs="+", choices=PRECISIONS, default=list(PRECISIONS))
    options = parser.parse_args()
    for model in options.models:
        config = MODELS[model]
        tensors = list(llama_tensors(config) if model == "llama" else gpt2_tensors(config))
        count = sum(int(np.prod(shape)) for _, shape, _, _ in tensors)
        for precision in options.precisions:
            stem = options.out / f"{model}-{precision}"
            if PRECISIONS[precision][0]:
                write_hugging_face(stem, config, precision, tensors)
            write_gguf(stem.with_name(stem.name + ".gguf"), config, precision, tensors)
            print(f"{stem}: {count / 1e6:.1f} million weights", flush=True)


if __name__ == "__main__":
    main()
