"""Measures how much memory import, export and loading take beside the weights themselves.

    python Benchmarks/formats/memory.py [--gigabytes 1] [--needletail PATH]

Writes a GPT-2 (turned matrices: the harder case) and a Llama of that size as Hugging Face has them, with numbers from a
small random block, and prints each command's peak resident memory and seconds. Needs Python's standard library alone;
takes some five times the size of a model on the disk, in a temporary directory.
"""

import argparse
import array
import json
import os
import pathlib
import random
import shutil
import struct
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
WIDTH, INNER, VOCABULARY, CONTEXT = 1280, 5120, 8192, 256


def gpt2(layers):
    config = dict(
        architectures=["GPT2LMHeadModel"], model_type="gpt2", vocab_size=VOCABULARY, n_positions=CONTEXT, n_embd=WIDTH,
        n_layer=layers, n_head=20)  # fmt: skip
    tensors = {"transformer.wte.weight": [VOCABULARY, WIDTH], "transformer.wpe.weight": [CONTEXT, WIDTH]}
    for layer in range(layers):
        block = f"transformer.h.{layer}."
        for name, rows, columns in [
            ("attn.c_attn", WIDTH, 3 * WIDTH), ("attn.c_proj", WIDTH, WIDTH), ("mlp.c_fc", WIDTH, INNER),
            ("mlp.c_proj", INNER, WIDTH)]:  # fmt: skip
            tensors |= {f"{block}{name}.weight": [rows, columns], f"{block}{name}.bias": [columns]}
        tensors |= {f"{block}{norm}.{kind}": [WIDTH] for norm in ("ln_1", "ln_2") for kind in ("weight", "bias")}
    return config, tensors | {f"transformer.ln_f.{kind}": [WIDTH] for kind in ("weight", "bias")}


def llama(layers):
    config = dict(
        architectures=["LlamaForCausalLM"], model_type="llama", vocab_size=VOCABULARY, hidden_size=WIDTH,
        intermediate_size=INNER, num_hidden_layers=layers, num_attention_heads=20, num_key_value_heads=4,
        max_position_embeddings=CONTEXT, tie_word_embeddings=False)  # fmt: skip
    tensors = {"model.embed_tokens.weight": [VOCABULARY, WIDTH], "lm_head.weight": [VOCABULARY, WIDTH]}
    for layer in range(layers):
        block = f"model.layers.{layer}."
        for name, rows, columns in [
            ("self_attn.q_proj", WIDTH, WIDTH), ("self_attn.k_proj", WIDTH // 5, WIDTH),
            ("self_attn.v_proj", WIDTH // 5, WIDTH), ("self_attn.o_proj", WIDTH, WIDTH), ("mlp.gate_proj", INNER, WIDTH),
            ("mlp.up_proj", INNER, WIDTH), ("mlp.down_proj", WIDTH, INNER)]:  # fmt: skip
            tensors[f"{block}{name}.weight"] = [rows, columns]
        tensors |= {f"{block}{norm}.weight": [WIDTH] for norm in ("input_layernorm", "post_attention_layernorm")}
    return config, tensors | {"model.norm.weight": [WIDTH]}


def count(shape):
    return shape[0] * (shape[1] if len(shape) > 1 else 1)


def write(folder, build, size):
    """A model of about `size` bytes; how many there are."""
    def total(layers):
        return 4 * sum(map(count, build(layers)[1].values()))
    layers = max(1, round((size - total(0)) / (total(1) - total(0))))
    config, tensors = build(layers)
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(config))
    header, end = {}, 0
    for name, shape in tensors.items():
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [end, end + 4 * count(shape)]}
        end += 4 * count(shape)
    text = json.dumps(header).encode()
    block = array.array("f", (random.gauss(0, 0.02) for _ in range(1 << 20))).tobytes()
    with open(folder / "model.safetensors", "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        left = end
        while left:
            left -= file.write(block[:left])
    return end


def measure(*command):
    """Peak resident bytes and seconds of a command; its output goes to a file that is shown where it fails."""
    start = time.monotonic()
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen([str(word) for word in command], stdout=output, stderr=output)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            output.seek(0)
            sys.exit(f"{command}: {output.read()}")
    return usage.ru_maxrss * 1024, time.monotonic() - start


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gigabytes", type=float, default=1)
    parser.add_argument("--needletail", default=ROOT / ".build/release/needletail")
    options = parser.parse_args()
    program = options.needletail
    random.seed(1)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="memory-"))
    try:
        text = folder / "text.txt"
        text.write_text((ROOT / "ARCHITECTURE.md").read_text()[:4000])
        measure(program, "tokenizer", "train", "--input", text, "--vocabulary", 300, "--output", folder / "tokenizer")
        print(f"{'':34} {'weights':>9} {'peak':>9} {'beside':>9} {'seconds':>8}")
        for build in (gpt2, llama):
            name = build.__name__
            source, ours = folder / f"{name}-hf", folder / f"{name}-ours"
            size = write(source, build, int(options.gigabytes * 1e9))

            def row(what, held, *command):
                peak, seconds = measure(program, *command)
                print(f"{name + ' ' + what:34} {size / 1e6:6.0f} MB {peak / 1e6:6.0f} MB {(peak - held) / 1e6:6.0f} MB {seconds:8.1f}",
                      flush=True)  # fmt: skip

            evaluate = ["--text", text, "--tokenizer", folder / "tokenizer", "--batch-tokens", 256]
            row("import", 0, "import", source, "--output", ours)
            row("export hf", 0, "export", ours, "--format", "hf", "--output", folder / "a")
            shutil.rmtree(folder / "a")
            row("export hf, bf16, shards", 0, "export", ours, "--format", "hf", "--output", folder / "a", "--dtype", "bf16",
                "--shard-size", "200MB")  # fmt: skip
            row("export megatron", 0, "export", ours, "--format", "megatron", "--output", folder / "b")
            row("load ours and evaluate", size, "evaluate", ours, *evaluate)
            row("load hf and evaluate", size, "evaluate", source, *evaluate)
            row("load hf of bf16 and evaluate", size, "evaluate", folder / "a", *evaluate)
            row("load megatron and evaluate", size, "evaluate", folder / "b", *evaluate)
            for path in (source, ours, folder / "a", folder / "b"):
                shutil.rmtree(path)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
