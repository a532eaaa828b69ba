#!/usr/bin/env python3
"""Writes the golden files of CorpusTests. Needs numpy; run in a throw-away environment:

    python make_fixtures.py                    # writes *.json, *.bin, *.idx beside itself
    PYTHONPATH=<megatron-core> python make_fixtures.py
                                               # also holds every number against Megatron's own code

The sample, blend and split rules are written here from their description, not from Megatron's source.
"""
import gzip, json, math, os, struct, sys
import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
CODES = {"u1": 1, "i1": 2, "i2": 3, "i4": 4, "i8": 5, "u2": 8}


def save(name, value):
    with open(os.path.join(HERE, name), "w") as file:
        json.dump(value, file, separators=(",", ":"))
        file.write("\n")


def dataset(name, kind, documents):
    """documents: a list of lists of sequences of tokens."""
    sequences = [s for d in documents for s in d]
    size = int(kind[1])
    lengths = [len(s) for s in sequences]
    pointers = [size * sum(lengths[:i]) for i in range(len(lengths))]
    bounds = [0]
    for d in documents:
        bounds.append(bounds[-1] + len(d))
    with open(os.path.join(HERE, name + ".bin"), "wb") as file:
        for s in sequences:
            file.write(np.array(s, dtype="<" + kind).tobytes())
    with open(os.path.join(HERE, name + ".idx"), "wb") as file:
        file.write(b"MMIDIDX\0\0" + struct.pack("<QBQQ", 1, CODES[kind], len(lengths), len(bounds)))
        file.write(struct.pack(f"<{len(lengths)}i", *lengths))
        file.write(struct.pack(f"<{len(lengths)}q", *pointers))
        file.write(struct.pack(f"<{len(bounds)}q", *bounds))


def sample_index(lengths, first, last, sequence, wanted, seed):
    T = sum(lengths[first:last])
    E = 1
    while wanted is not None and E * T < wanted * sequence + 1:
        E += 1
    N = (E * T - 1) // sequence
    sans = ((E - 1) * T - 1) // sequence
    separate = E > 1 and wanted - sans < int(0.80 * ((T - 1) // sequence))
    random = np.random.RandomState(seed)

    def row(epochs):
        documents = np.tile(np.arange(first, last, dtype=np.int32), epochs)
        random.shuffle(documents)
        return documents

    documents = np.concatenate([row(E - 1), row(1)]) if separate else row(E)
    # Sample i starts at token i*sequence of the row: find the document that holds it. A start is named as
    # the last sample's final token, so an empty document is never a start and ties go to the earlier one.
    ends = np.cumsum([lengths[d] for d in documents])
    starts = [(0, 0)]
    for i in range(1, N + 1):
        token = i * sequence
        at = int(np.searchsorted(ends, token, side="right"))
        before = int(ends[at - 1]) if at else 0
        starts.append((at, token - before))

    def order(a, b):
        values = np.arange(a, b, dtype=np.uint32)
        random.shuffle(values)
        return values

    shuffle = np.concatenate([order(0, sans), order(sans, N)]) if separate else order(0, N)
    return documents, np.array(starts), shuffle, separate


def blend(weights, count):
    w = np.array(weights, dtype=np.float64)
    w = w / np.sum(w)
    normalized = w.tolist()
    shares = [int(math.ceil(math.ceil(count * x) * 1.005)) for x in w.tolist()]
    w = w / np.sum(w)
    drawn = np.zeros(len(w))
    components, samples = [], []
    for step in range(count):
        i = int(np.argmax(w * max(step, 1) - drawn))
        components.append(i)
        samples.append(int(drawn[i]))
        drawn[i] += 1
    return normalized, shares, components, samples


def splits(text, count):
    w = np.array([float(x) for x in text.split(",")] + [0.0] * (3 - len(text.split(","))))
    w = (w / np.sum(w)).tolist()
    edges = [0]
    for x in w:
        edges.append(edges[-1] + x)
    return [int(round(x * count)) for x in edges]


def check(name, ours, theirs):
    assert np.array_equal(np.array(ours), np.array(theirs)), f"{name}: differs from Megatron"


def main():
    try:
        from megatron.core.datasets import helpers, indexed_dataset
        from megatron.core.datasets.gpt_dataset import GPTDataset, GPTDatasetConfig
        from megatron.core.datasets.utils import Split
        from megatron.core.datasets import helpers_cpp, blended_megatron_dataset_config as splitting
        from megatron.core.datasets.blended_megatron_dataset_builder import _get_size_per_split_per_dataset
        from megatron.core.datasets.utils import normalize
    except ImportError:
        helpers = None

    save("numpy_shuffle.json", [
        {"seed": seed, "count": n, "order": (lambda v: (np.random.RandomState(seed).shuffle(v), v)[1])(
            np.arange(n)).tolist()}
        for seed, n in [(0, 1), (0, 2), (0, 10), (42, 257), (1234, 1000), (4294967295, 64)]])

    random = np.random.RandomState(7)
    tokens = lambda n, high: random.randint(0, high, n).tolist()
    dataset("megatron_u16", "u2", [[tokens(n, 65499)] for n in [5, 1, 0, 17, 3]])
    dataset("megatron_i32", "i4", [[tokens(n, 256000)] for n in [4, 9]])
    dataset("sentences_u8", "u1", [[tokens(3, 255), tokens(2, 255)], [], [tokens(4, 255)]])
    dataset("wide_i64", "i8", [[[1, 2**31 - 1, 7]], [[2**31]]])

    # Token = 100 * sequence + offset, so that a sample shows where it came from.
    lengths = random.randint(1, 60, 40).tolist()
    lengths[3] = 0
    lengths[17] = 0
    dataset("numbered", "u2", [[[100 * i + k for k in range(n)]] for i, n in enumerate(lengths)])
    cases = []
    for first, last, sequence, wanted, seed in [
        (0, 40, 16, None, 1234), (0, 40, 16, 50, 1234), (0, 40, 16, 100, 0), (0, 40, 7, 700, 42),
        (0, 39, 32, 90, 1), (10, 30, 13, 64, 99), (38, 40, 64, 5, 3), (5, 6, 2, 40, 5), (0, 40, 1, 300, 8),
    ]:
        documents, starts, shuffle, separate = sample_index(lengths, first, last, sequence, wanted, seed)
        text = np.concatenate([100 * d + np.arange(lengths[d]) for d in documents])
        first_samples = [text[int(i) * sequence:][:sequence + 1].tolist() for i in shuffle[:4]]
        cases.append({
            "first": first, "last": last, "sequence": sequence, "wanted": wanted, "seed": seed,
            "separate": bool(separate), "documents": documents.tolist(),
            "starts": starts.reshape(-1).tolist(), "shuffle": shuffle.tolist(), "samples": first_samples})
        if helpers and sequence > 1:
            config = GPTDatasetConfig(
                random_seed=seed, sequence_length=sequence, blend=None, split="1",
                reset_position_ids=False, reset_attention_mask=False, eod_mask_loss=False,
                tokenizer=type("T", (), {"eod": 0, "vocab_size": 9999, "unique_identifiers": {}})(), mid_level_dataset_surplus=0.005)
            low = indexed_dataset.IndexedDataset(os.path.join(HERE, "numbered"))
            theirs = GPTDataset(low, None, np.arange(first, last, dtype=np.int32), wanted, Split.train, config)
            check("documents", documents, theirs.document_index)
            check("starts", starts, theirs.sample_index)
            check("shuffle", shuffle, theirs.shuffle_index)
            for i, sample in enumerate(first_samples):
                check("sample", sample, theirs._query_document_sample_shuffle_indices(i)[0])
    assert {c["separate"] for c in cases} == {True, False}
    save("gpt_samples.json", cases)

    blends = []
    for weights, count in [
        ([1.0], 3), ([1.0, 1.0], 20), ([0.3, 0.7], 50), ([70.0, 15.0, 15.0], 200),
        (random.rand(9).tolist(), 150), (random.rand(21).tolist(), 100), (random.rand(150).tolist(), 300),
    ]:
        normalized, shares, components, samples = blend(weights, count)
        blends.append({"weights": weights, "count": count, "normalized": normalized, "shares": shares,
                       "components": components, "samples": samples})
        if helpers:
            w = normalize(weights)
            check("shares", shares, [x[0] for x in _get_size_per_split_per_dataset(w, [count], surplus=0.005)])
            c, s = np.zeros(count, dtype=np.int16), np.zeros(count, dtype=np.int64)
            helpers_cpp.build_blending_indices(c, s, np.array(normalize(w)), len(w), count, False)
            check("blend components", components, c)
            check("blend samples", samples, s)
    save("blends.json", blends)

    edges = []
    for text, count in [("969,30,1", 1000), ("969,30,1", 127), ("99,1", 50), ("1", 7), ("0.5,0.5", 5),
                        ("0.5,0.5", 7), ("1,1,1", 10), ("98,2,0", 25), ("949,50,1", 123457), ("0,1,0", 9)]:
        edges.append({"split": text, "count": count, "edges": splits(text, count)})
        if helpers:
            matrix = splitting.convert_split_vector_to_split_matrix(splitting.parse_and_normalize_split(text))
            for part, (a, b) in zip(matrix, zip(edges[-1]["edges"], edges[-1]["edges"][1:])):
                assert part is None or (a, b) == tuple(int(round(x * float(count))) for x in part)
    save("splits.json", edges)

    if helpers:
        low = indexed_dataset.IndexedDataset(os.path.join(HERE, "sentences_u8"))
        assert low.document_indices.tolist() == [0, 2, 2, 3] and len(low[1]) == 2
        print("equal to Megatron-core in every number")


main()
