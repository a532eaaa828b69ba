#!/usr/bin/env python3
"""Writes bert_sentences.{bin,idx} and bert_samples.json: samples as Megatron-core itself makes them.

    pip download megatron-core==0.16.1 --no-deps && unzip megatron_core-*.whl -d MCORE   # needs numpy and torch
    PYTHONPATH=MCORE python make_bert_fixtures.py            # --time PREFIX: µs per sample of another dataset
"""
import json, os, struct, sys, tempfile, time, warnings, zlib

warnings.filterwarnings("ignore")
import numpy as np
import torch

from megatron.core.datasets.bert_dataset import BERTMaskedWordPieceDataset, BERTMaskedWordPieceDatasetConfig
from megatron.core.datasets.indexed_dataset import IndexedDataset
from megatron.core.datasets.utils import Split

HERE = os.path.dirname(os.path.abspath(__file__))
PAD, CLS, SEP, MASK = 0, 1, 2, 3


class Tokenizer:
    """Ids from `size - pieces` on continue words."""

    pad, cls, sep, mask, eod = PAD, CLS, SEP, MASK, 4
    unique_identifiers = {}
    special_tokens_dict = {"pad_token": PAD, "cls_token": CLS}

    def __init__(self, size, pieces):
        self.vocab_size = size
        self.inv_vocab = {i: ("##" if i >= size - pieces else "") + str(i) for i in range(size)}


def dataset(prefix, documents):
    sequences = [s for d in documents for s in d]
    lengths = [len(s) for s in sequences]
    bounds = np.cumsum([0] + [len(d) for d in documents])
    with open(prefix + ".bin", "wb") as file:
        for s in sequences:
            file.write(np.array(s, dtype="<u2").tobytes())
    with open(prefix + ".idx", "wb") as file:
        file.write(b"MMIDIDX\0\0" + struct.pack("<QBQQ", 1, 8, len(lengths), len(bounds)))
        file.write(np.array(lengths, dtype="<i4").tobytes())
        file.write((2 * np.cumsum([0] + lengths[:-1])).astype("<i8").tobytes())
        file.write(bounds.astype("<i8").tobytes())


def megatron(prefix, tokenizer, first, last, sequence, wanted, seed, **options):
    config = BERTMaskedWordPieceDatasetConfig(
        random_seed=seed, sequence_length=sequence, blend=None, split="1", tokenizer=tokenizer,
        path_to_cache=tempfile.mkdtemp(), mid_level_dataset_surplus=0.005, masking_do_permutation=False,
        masking_use_longer_ngrams=False, masking_use_geometric_distribution=False, **options)
    low = IndexedDataset(prefix)
    return BERTMaskedWordPieceDataset(
        low, None, np.arange(first, last, dtype=np.int32), wanted, Split.train, config)


def sample(samples, i):
    """Tokens, targets, segments, length, order; all as Batch has them."""
    s = samples[i]
    length = int(np.flatnonzero(s["text"] == SEP)[-1]) + 1
    assert (s["labels"] >= 0).tolist() == (s["loss_mask"] > 0).tolist()
    # A drawn [PAD] is hidden too: our documented difference.
    assert all(p == (i < length) for i, (p, t) in enumerate(zip(s["padding_mask"], s["text"])) if t or i >= length)
    return [s["text"].tolist(), s["labels"].tolist(), s["types"].tolist(), [length], [int(s["is_random"])]]


def main():
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT="29533", RANK="0", WORLD_SIZE="1")
    torch.distributed.init_process_group("gloo")
    usual = dict(masking_probability=0.15, short_sequence_probability=0.1, masking_max_ngram=3,
                 masking_do_full_word=True, classification_head=True)
    if sys.argv[1:2] == ["--time"]:
        prefix = sys.argv[2]
        low = IndexedDataset(prefix)
        samples = megatron(prefix, Tokenizer(30522, 6000), 0, len(low.document_indices) - 1, 512, 2000, 1234, **usual)
        count = min(2000, len(samples))
        start = time.process_time()
        for i in range(count):
            samples[i]
        print(f"{len(samples)} samples; {1e6 * (time.process_time() - start) / count:.1f} µs of CPU each")
        return

    tokenizer = Tokenizer(400, 120)
    random = np.random.RandomState(11)
    documents = []
    for d in range(60):
        sentences = [random.randint(4, 400, 1 + int(random.geometric(0.06))).tolist()
                     for _ in range(int(random.geometric(0.12)) - 1)]
        documents.append(sentences)
    documents[7] = [[5, 6], [7] * 520, [8]]
    documents[8] = [[9] * 520]
    documents[9] = [[11, 399, 398], [397, 396]]
    prefix = os.path.join(HERE, "bert_sentences")
    dataset(prefix, documents)

    cases = []
    for first, last, sequence, wanted, seed, change in [
        (0, 60, 128, 200, 1234, {}),
        (0, 60, 32, 300, 42, {}),
        (0, 57, 64, 150, 4294967295 // 2 - 20, {"short_sequence_probability": 0.5}),
        (3, 60, 512, 90, 7, {"masking_max_ngram": 1, "short_sequence_probability": 0.0}),
        (0, 60, 96, 100, 1, {"masking_do_full_word": False, "masking_max_ngram": 10, "masking_probability": 0.4}),
        (0, 60, 64, 120, 5, {"classification_head": False}),
    ]:
        options = usual | change
        samples = megatron(prefix, tokenizer, first, last, sequence, wanted, seed, **options)
        checksum, shown = 0, []
        for i in range(len(samples)):
            values = sample(samples, i)
            checksum = zlib.crc32(np.array(sum(values, []), dtype="<i4").tobytes(), checksum)
            if i < 2:
                shown.append({"tokens": values[0][:values[3][0]], "targets": values[1][:values[3][0]],
                              "segments": values[2][:values[3][0]], "order": values[4][0]})
        cases.append({
            "first": first, "last": last, "sequence": sequence, "wanted": wanted, "seed": seed,
            "maskingProbability": options["masking_probability"],
            "shortSequenceProbability": options["short_sequence_probability"],
            "maxNGram": options["masking_max_ngram"], "wholeWords": options["masking_do_full_word"],
            "sentenceOrder": options["classification_head"], "count": len(samples),
            "spans": samples.sample_index[:40].reshape(-1).tolist(),
            "spansChecksum": zlib.crc32(np.asarray(samples.sample_index, dtype="<u4").tobytes()),
            "samples": shown, "checksum": checksum})
    with open(os.path.join(HERE, "bert_samples.json"), "w") as file:
        json.dump({"vocabulary": 400, "pieces": 120, "cases": cases}, file, separators=(",", ":"))
        file.write("\n")

    stream = []
    for seed in [0, 5489, 4294967295]:
        r = np.random.RandomState(seed)
        stream.append({"seed": seed, "fractions": r.random_sample(5).tolist(),
                       "integers": [int(r.randint(low, high)) for low, high in
                                    [(0, 1), (0, 2), (1, 9), (5, 30522), (0, 2**32), (0, 2**40), (-3, 4)]],
                       "choices": [int(r.choice(np.arange(n) + 1, p=(lambda p: p / p.sum())(1 / (np.arange(n) + 1))))
                                   for n in [1, 2, 3, 3, 3, 10, 10, 10] * 4],
                       "after": int(r.randint(0, 2**32))})
    with open(os.path.join(HERE, "numpy_draws.json"), "w") as file:
        json.dump(stream, file, separators=(",", ":"))
        file.write("\n")


main()
