"""Ids and speed of Needletail's tokenizers beside the reference libraries.

  swift build -c release --package-path Benchmarks/tokenizers
  python Benchmarks/tokenizers/compare.py DATA [--rounds N] [--text FOLDER] [--only NAME …]

DATA is the folder of the project's real data. Two texts, made by text.py in FOLDER, as documents of some
kilobytes: 9 MB of English (web pages, Wikipedia, speeches) and 30 MB in 75 languages and many scripts. Both
sides get all documents at once, in memory, on 1 and on 2 threads and as many processors; the peers by their
fastest call (Hugging Face's encode_batch_fast, which leaves offsets out; tiktoken's encode_ordinary_batch;
SentencePiece's encode with num_threads). Rounds of the two sides alternate; medians. Exit status 1 where
ids differ.
"""
import argparse, array, gzip, json, os, statistics, subprocess, sys, tempfile, time

HERE = os.path.dirname(os.path.abspath(__file__))
DRIVER = os.path.join(HERE, ".build/release/driver")
sys.path.insert(0, HERE)
import oracle
import text


def documents(data, folder):
    """Paths of the two texts, their documents ended by zero bytes."""
    multilingual, english = text.make(data, folder)
    lines = open(multilingual, encoding="utf-8").read().split("\n")[:-1]
    parts = {"multilingual": ["\n".join(lines[start:start + 20]) for start in range(0, len(lines), 20)],
             "english": list(dict.fromkeys(json.loads(line)["text"] for line in open(english, encoding="utf-8")))}
    paths = []
    for name, found in sorted(parts.items()):
        paths.append(os.path.join(folder, name + ".documents"))
        open(paths[-1], "wb").write("".join(part.replace("\0", "") + "\0" for part in found if part).encode())
    return paths


def prepare(data, work):
    def unpack(source, name, encoding=None):
        raw = open(os.path.join(data, source), "rb").read()
        raw = gzip.decompress(raw) if source.endswith(".gz") else raw
        raw = raw.decode(encoding).encode() if encoding else raw
        path = os.path.join(work, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        open(path, "wb").write(raw)
        return path

    bpe = "tokenizers/gpt2_openai/"
    tokenizers = [("hf", unpack(bpe + "hf/gpt2.tokenizer.json.gz", "gpt2/tokenizer.json"))]
    for name in ["cl100k_base", "o200k_base"]:
        tokenizers.append(("tiktoken", unpack(f"{bpe}{name}.tiktoken.gz", name + ".tiktoken")))
    for name in ["mistral/mistral-v1", "mistral/mistral-v3", "sentencepiece/maxtext_c4_32k"]:
        tokenizers.append(("sentencepiece", os.path.join(data, "tokenizers", name + ".model")))
    return tokenizers


def batch_encoder(kind, path, threads):
    """texts -> encodings, by the library's own batch call, and encoding -> ids."""
    if kind == "hf":
        from tokenizers import Tokenizer
        t = Tokenizer.from_file(path)
        t.encode_special_tokens = True
        return lambda texts: t.encode_batch_fast(texts, add_special_tokens=False), lambda encoding: encoding.ids
    if kind == "tiktoken":
        e = oracle.tiktoken_encoding(path)
        return lambda texts: e.encode_ordinary_batch(texts, num_threads=threads), list
    import sentencepiece
    p = sentencepiece.SentencePieceProcessor(model_file=path)
    return lambda texts: p.encode(texts, num_threads=threads), list


def child(kind, path, source, threads):
    """Runs in a process of its own, so that RAYON_NUM_THREADS counts."""
    raw = open(source, "rb").read()
    texts = raw.decode().split("\0")[:-1]
    encode, ids = batch_encoder(kind, path, threads)
    encode(texts[:50])
    start = time.perf_counter()
    encodings = encode(texts)
    seconds = time.perf_counter() - start
    array.array("i", [id for encoding in encodings for id in ids(encoding)]).tofile(open(source + ".theirs", "wb"))
    print(len(raw) / seconds / 1e6)


def run(command, threads):
    env = dict(os.environ, RAYON_NUM_THREADS=str(threads), TOKENIZERS_PARALLELISM="true" if threads > 1 else "false")
    command = ["taskset", "-c", ",".join(map(str, range(threads)))] + command
    return subprocess.run(command, env=env, capture_output=True, text=True, check=True).stdout


def theirs(kind, path, source, threads):
    return float(run([sys.executable, __file__, "child", kind, path, source, str(threads)], threads).split()[-1])


def ours(path, source, threads):
    out = run([DRIVER, "encode", path, source, source + ".ours", str(threads), "1", "documents"], threads)
    return float(next(line for line in out.splitlines() if line.startswith("encode")).split()[3])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--text", default="/tmp/needletail-text")
    parser.add_argument("--only", nargs="+", default=[""])
    options = parser.parse_args()
    same = True
    sources = documents(options.data, options.text)
    with tempfile.TemporaryDirectory() as work:
        print(f"{'tokenizer':22}{'text':14}{'threads':>8}{'ours MB/s':>11}{'theirs MB/s':>13}{'ratio':>7}  ids")
        for kind, path in prepare(options.data, work):
            name = os.path.basename(path).split(".")[0] if kind != "hf" else "gpt2 (Hugging Face)"
            for source in sources:
                for threads in [1, 2]:
                    if not any(part in name for part in options.only):
                        continue
                    rates = [(ours(path, source, threads), theirs(kind, path, source, threads))
                             for _ in range(options.rounds)]
                    mine, peer = (statistics.median(side) for side in zip(*rates))
                    equal = open(source + ".ours", "rb").read() == open(source + ".theirs", "rb").read()
                    same &= equal
                    print(f"{name:22}{os.path.basename(source).split('.')[0]:14}{threads:8}{mine:11.1f}{peer:13.1f}"
                          f"{mine / peer:7.1f}  {'equal' if equal else 'DIFFER'}", flush=True)
    sys.exit(0 if same else 1)


if __name__ == "__main__":
    if sys.argv[1:2] == ["child"]:
        child(*sys.argv[2:5], int(sys.argv[5]))
    else:
        main()
