"""Builds a dataset the way Megatron-LM's tools/preprocess_data.py does, and prints its seconds:

  megatron.py INPUT.jsonl TOKENIZER.json PREFIX WORKERS

One process reads lines and hands them to a pool of workers in chunks of 32; a worker parses the line, encodes
its "text" with Hugging Face tokenizers and appends the end-of-text id; the first process gathers the results
in order, turns each document into numpy and writes it; the index comes last. Same .bin and .idx as
Needletail's. The clock starts when the modules are loaded, as theirs does.
"""
import json, multiprocessing, os, struct, sys, time

os.environ["TOKENIZERS_PARALLELISM"] = "false"  # as many threads as workers, one in each
import numpy
from tokenizers import Tokenizer


class Encoder:
    def __init__(self, path):
        self.path = path

    def initializer(self):
        Encoder.tokenizer = Tokenizer.from_file(self.path)
        Encoder.tokenizer.encode_special_tokens = True
        Encoder.end = Encoder.tokenizer.token_to_id("<|endoftext|>")

    def encode(self, line):
        text = json.loads(line)["text"]
        ids = Encoder.tokenizer.encode(text, add_special_tokens=False).ids
        if ids:
            ids.append(Encoder.end)
        return ids, len(line)


class IndexedDatasetBuilder:
    def __init__(self, path, dtype):
        self.file, self.dtype = open(path, "wb"), dtype
        self.lengths, self.documents = [], [0]

    def add_document(self, ids):
        array = numpy.array(ids, dtype=self.dtype)
        self.file.write(array.tobytes(order="C"))
        self.lengths.append(array.size)
        self.documents.append(len(self.lengths))

    def finalize(self, path):
        self.file.close()
        lengths = numpy.array(self.lengths, dtype=numpy.int32)
        pointers = numpy.zeros(len(lengths), dtype=numpy.int64)
        numpy.cumsum(lengths[:-1].astype(numpy.int64) * self.dtype().itemsize, out=pointers[1:])
        with open(path, "wb") as file:
            file.write(b"MMIDIDX\x00\x00" + struct.pack("<Q", 1))
            file.write(struct.pack("<B", 8 if self.dtype is numpy.uint16 else 4))
            file.write(struct.pack("<QQ", len(lengths), len(self.documents)))
            file.write(lengths.tobytes() + pointers.tobytes())
            file.write(numpy.array(self.documents, dtype=numpy.int64).tobytes())


def main(source, tokenizer, prefix, workers):
    vocabulary = Tokenizer.from_file(tokenizer).get_vocab_size()
    start = time.perf_counter()
    encoder = Encoder(tokenizer)
    with multiprocessing.Pool(workers, initializer=encoder.initializer) as pool, open(source, encoding="utf-8") as lines:
        builder = IndexedDatasetBuilder(prefix + ".bin", numpy.uint16 if vocabulary < 65500 else numpy.int32)
        for ids, _ in pool.imap(encoder.encode, lines, 32):
            if ids:
                builder.add_document(ids)
        builder.finalize(prefix + ".idx")
    print(time.perf_counter() - start)


if __name__ == "__main__":
    main(*sys.argv[1:4], int(sys.argv[4]))
