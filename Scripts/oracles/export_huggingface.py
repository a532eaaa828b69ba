"""A model of Needletail as a Hugging Face directory, by the oracle's own conversion.

    python export_huggingface.py MODEL OUTPUT

MODEL is a directory that `needletail train` wrote (model.yaml, model.safetensors, tokenizer.json).
"""

import pathlib
import sys

import safetensors.torch
import transformers

import huggingface
from compare_evaluation import read_shape


def main(model, output):
    model, output = pathlib.Path(model), pathlib.Path(output)
    config = read_shape(model / "model.yaml")
    theirs = huggingface.build(config)
    huggingface.load(theirs, safetensors.torch.load_file(model / "model.safetensors"), config)
    theirs.save_pretrained(output)
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_file=str(model / "tokenizer.json"), bos_token="<|endoftext|>", eos_token="<|endoftext|>"
    )
    tokenizer.save_pretrained(output)


if __name__ == "__main__":
    main(*sys.argv[1:])
