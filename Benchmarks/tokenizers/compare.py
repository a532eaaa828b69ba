"""Ids and speed of Needletail's tokenizers beside the reference libraries.

  swift build -c release --package-path Benchmarks/tokenizers
  python Benchmarks/tokenizers/compare.py DATA [--repeats N]

DATA is a folder with tokenizers/{gpt2_openai,sentencepiece,mistral} and text/{enwik8,gutenberg}. For every
tokenizer and text the ids are compared; texts go line by line, as documents, on 1 and on 2 threads. Hugging
Face and tiktoken get a batch of the same lines. Needs tokenizers, tiktoken, sentencepiece. Rounds of the
two sides alternate and the best of N counts, since other work may share the machine. Exit status 1 where
ids differ; unigram models count only beside the version of SentencePiece that Debian has (0.1.97), since
later ones break ties between equally likely cuts otherwise.
"""
import argparse, gzip, os, subprocess, sys, tempfile, time

HERE = os.path.dirname(os.path.abspath(__file__))
DRIVER = os.path.join(HERE, ".build/release/driver")
sys.path.insert(0, HERE)
import oracle


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
    for name in ["r50k_base", "p50k_base", "cl100k_base", "o200k_base"]:
        tokenizers.append(("tiktoken", unpack(f"{bpe}{name}.tiktoken.gz", name + ".tiktoken")))
    for name in ["mistral/mistral-v1", "mistral/mistral-v3", "sentencepiece/maxtext_c4_32k"]:
        tokenizers.append(("sentencepiece", os.path.join(data, "tokenizers", name + ".model")))
    texts = [unpack("text/enwik8/enwik8.first3600000", "enwik8.txt"),
             unpack("text/gutenberg/ja_wagahaiwa_nekodearu.txt.gz", "japanese.txt"),
             unpack("text/gutenberg/2000.latin1_Don-Quijote.txt.gz", "spanish.txt", "latin1")]
    return tokenizers, texts


def batch_encoder(kind, path):
    """(texts, threads) -> ids, by the library's own batch call."""
    if kind == "hf":
        from tokenizers import Tokenizer
        t = Tokenizer.from_file(path)
        t.encode_special_tokens = True
        return lambda texts, threads: [e.ids for e in t.encode_batch(texts, add_special_tokens=False)]
    if kind == "tiktoken":
        e = oracle.tiktoken_encoding(path)
        return lambda texts, threads: e.encode_ordinary_batch(texts, num_threads=threads)
    import sentencepiece
    p = sentencepiece.SentencePieceProcessor(model_file=path)
    return lambda texts, threads: p.encode(texts, num_threads=threads)


def child(kind, path, text, threads):
    """Runs in a process of its own, so that RAYON_NUM_THREADS counts."""
    raw = open(text, "rb").read()
    lines = [line for line in raw.decode().split("\n") if line]
    encode = batch_encoder(kind, path)
    start = time.perf_counter()
    ids = encode(lines, threads)
    seconds = time.perf_counter() - start
    import array
    array.array("i", [i for line in ids for i in line]).tofile(open(text + ".theirs", "wb"))
    print(len(raw) / seconds / 1e6)


def theirs(kind, path, text, threads):
    env = dict(os.environ, RAYON_NUM_THREADS=str(threads), TOKENIZERS_PARALLELISM="true")
    out = subprocess.run([sys.executable, __file__, "child", kind, path, text, str(threads)],
                         env=env, capture_output=True, text=True, check=True).stdout
    return float(out.split()[-1])


def ours(path, text, threads):
    out = subprocess.run([DRIVER, "encode", path, text, text + ".ours", str(threads), "1", "lines"],
                         capture_output=True, text=True, check=True).stdout
    return float(next(line for line in out.splitlines() if line.startswith("encode")).split()[3])


def oracle_has_debian_version():
    import sentencepiece
    return sentencepiece.__version__.startswith("0.1.97")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    same = True
    with tempfile.TemporaryDirectory() as work:
        tokenizers, texts = prepare(options.data, work)
        print(f"{'tokenizer':24}{'text':14}{'threads':>8}{'ours MB/s':>11}{'theirs MB/s':>13}{'ratio':>7}  ids")
        for kind, path in tokenizers:
            for text in texts:
                for threads in [1, 2]:
                    best = [0.0, 0.0]
                    for _ in range(options.repeats):
                        best[0] = max(best[0], ours(path, text, threads))
                        best[1] = max(best[1], theirs(kind, path, text, threads))
                    equal = open(text + ".ours", "rb").read() == open(text + ".theirs", "rb").read()
                    same &= equal or ("maxtext" in path and not oracle_has_debian_version())
                    name = os.path.basename(path) if kind != "hf" else "gpt2 (Hugging Face)"
                    print(f"{name:24}{os.path.basename(text):14}{threads:8}{best[0]:11.1f}{best[1]:13.1f}"
                          f"{best[0] / best[1]:7.1f}  {'equal' if equal else 'DIFFER'}", flush=True)
    sys.exit(0 if same else 1)


if __name__ == "__main__":
    if sys.argv[1:2] == ["child"]:
        child(sys.argv[2], sys.argv[3], sys.argv[4], int(sys.argv[5]))
    else:
        main()
