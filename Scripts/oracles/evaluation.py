"""Holds `needletail evaluate --task` to a program of its own: transformers, and the protocols written down in Python.

    python evaluation.py MODEL HF --wikitext wiki.test.raw --lambada lambada_test.jsonl [--stride 32] [--needletail PATH]

MODEL is a directory of Needletail's, HF the same model for transformers (`needletail export`).
Prints each figure of both programs and their relative difference; exits 1 where one is above
the tolerance or a count differs. The protocols: Megatron-LM core_v0.12.0, tasks/zeroshot_gpt.
"""

import argparse
import json
import math
import pathlib
import re
import subprocess
import time

import torch
import transformers

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
COUNTS = {"tokens", "original_tokens", "correct", "documents", "accuracy"}


def detokenize(text):
    """WikiText's tokens as text; Megatron-LM's replacements in their order, as Python's own regular expressions."""
    text = text.replace("s '", "s'")
    text = re.sub(r"/' [0-9]/", r"/'[0-9]/", text)
    for mark in "-,.":
        text = text.replace(f" @{mark}@ ", mark)
    for mark in ":;.!?,":
        text = text.replace(f" {mark} ", f"{mark} ")
    for start, end in ("()", "[]", "{}", '""', "''"):
        a, b = re.escape(start), re.escape(end)
        text = re.sub(rf"{a}\s*([^{b}]*?)\s*{b}", rf"{start}\1{end}", text)
    for old, new in (
        ("= = = =", "===="), ("= = =", "==="), ("= =", "=="), (" \N{DEGREE SIGN} ", "\N{DEGREE SIGN}"),
        (" \n", "\n"), ("\n ", "\n"), (" N ", " 1 "), (" 's", "'s"),
    ):  # fmt: skip
        text = text.replace(old, new)
    return text


class Oracle:
    def __init__(self, path):
        self.model = transformers.AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32).eval()
        self.tokenizer = transformers.AutoTokenizer.from_pretrained(path)
        self.context = self.model.config.max_position_embeddings

    def encode(self, text):
        return self.tokenizer.encode(text, add_special_tokens=False)

    def logits(self, rows):
        with torch.no_grad():
            return self.model(torch.tensor(rows)).logits.double()

    def wikitext103(self, path, overlap):
        text = pathlib.Path(path).read_bytes().decode("utf-8")
        original = len(text.strip().split(" "))
        ids = self.encode(detokenize(text))
        length, overlap = self.context, overlap or self.context
        targets, total, windows = len(ids) - 1, 0.0, []
        for index in range(max(math.ceil(max(targets - overlap, 0) / overlap) + 1, 1)):
            tokens = ids[index * overlap : index * overlap + length + 1]
            mask = [1.0] * (len(tokens) - 1) + [0.0] * (length + 1 - len(tokens))
            if overlap != length and index != 0:
                mask[:-overlap] = [0.0] * (length - overlap)
            windows.append((tokens + [0] * (length + 1 - len(tokens)), mask))
        for first in range(0, len(windows), 8):
            tokens = torch.tensor([window[0] for window in windows[first : first + 8]])
            mask = torch.tensor([window[1] for window in windows[first : first + 8]], dtype=torch.float64)
            losses = torch.nn.functional.cross_entropy(
                self.logits(tokens[:, :-1].tolist()).transpose(1, 2), tokens[:, 1:], reduction="none")
            total += (losses * mask).sum().item()
        loss = total / (len(ids) - 1)
        return {
            "loss": loss, "perplexity": math.exp(min(20, loss)),
            "adjusted_perplexity": math.exp(min(20, loss * (len(ids) - 1) / (original - 1))),
            "token_ratio": (len(ids) - 1) / (original - 1), "tokens": len(ids), "original_tokens": original,
        }  # fmt: skip

    def lambada(self, path, strict):
        correct = documents = 0
        for line in open(path, encoding="utf-8"):
            text = json.loads(line)["text"]
            if strict:
                word = text.split()[-1]
                context, label = self.encode(text[: text.rfind(word)].strip()), self.encode(" " + word)
            else:
                ids = self.encode(text)
                context, label = ids[:-1], ids[-1:]
            ids = (context + label)[-(self.context + 1) :]
            best = self.logits([ids[:-1]])[0].argmax(-1)[-len(label) :]
            correct += best.tolist() == label
            documents += 1
        return {"accuracy": correct / documents, "correct": correct, "documents": documents}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("hf")
    parser.add_argument("--wikitext")
    parser.add_argument("--lambada")
    parser.add_argument("--stride", type=int, default=32)
    parser.add_argument("--tolerance", type=float, default=1e-6)
    parser.add_argument("--needletail", default=REPOSITORY / ".build/release/needletail")
    options = parser.parse_args()
    oracle = Oracle(options.hf)
    runs = []
    if options.wikitext:
        for flags, stride in (([], None), (["--overlapping-eval", str(options.stride)], options.stride)):
            arguments = ["--task", "wikitext103", "--data", options.wikitext, *flags]
            runs.append((arguments, lambda stride=stride: oracle.wikitext103(options.wikitext, stride)))
    if options.lambada:
        for flags, strict in (([], True), (["--non-strict"], False)):
            arguments = ["--task", "lambada", "--data", options.lambada, *flags]
            runs.append((arguments, lambda strict=strict: oracle.lambada(options.lambada, strict)))
    worst = 0.0
    for arguments, compute in runs:
        output = subprocess.run(
            [options.needletail, "evaluate", options.model, *arguments, "--json"], check=True, capture_output=True)
        ours = json.loads(output.stdout)
        start = time.monotonic()
        theirs = compute()
        print(" ".join(arguments), f"({ours['seconds']:.1f} s; transformers {time.monotonic() - start:.1f} s)")
        for name, value in theirs.items():
            difference = abs(ours[name] - value) / max(abs(value), 1e-300)
            worst = max(worst, math.inf if name in COUNTS and ours[name] != value else difference)
            print(f"  {name:20} needletail {ours[name]:<20.12g} transformers {value:<20.12g} {difference:.1e}")
    print(f"largest relative difference {worst:.1e}")
    raise SystemExit(0 if worst < options.tolerance else 1)


if __name__ == "__main__":
    main()
