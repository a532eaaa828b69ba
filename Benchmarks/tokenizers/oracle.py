"""Ids of a text by the reference libraries, as little-endian i32: oracle.py KIND TOKENIZER INPUT OUTPUT [lines]

KIND: hf (tokenizer.json), tiktoken (a rank file named after its encoding), sentencepiece (a .model).
With `lines`, every line that is not empty is a text of its own.
"""
import array, base64, sys, time


def tiktoken_encoding(path):
    import tiktoken
    from tiktoken_ext import openai_public
    name = path.split("/")[-1].split(".")[0]
    ranks = {base64.b64decode(t): int(r) for t, r in (l.split() for l in open(path, "rb"))}
    openai_public.load_tiktoken_bpe = lambda *a, **k: ranks
    return tiktoken.Encoding(**getattr(openai_public, name)())


def encoder(kind, path):
    if kind == "hf":
        from tokenizers import Tokenizer
        t = Tokenizer.from_file(path)
        t.encode_special_tokens = True
        return lambda s: t.encode(s, add_special_tokens=False).ids
    if kind == "tiktoken":
        e = tiktoken_encoding(path)
        return lambda s: e.encode_ordinary(s)
    import sentencepiece
    p = sentencepiece.SentencePieceProcessor(model_file=path)
    return lambda s: p.encode(s)


if __name__ == "__main__":
    kind, path, text, out = sys.argv[1:5]
    encode = encoder(kind, path)
    s = open(text, "rb").read().decode()
    start = time.perf_counter()
    texts = [line for line in s.split("\n") if line] if sys.argv[5:] else [s]
    ids = [id for text in texts for id in encode(text)]
    print(f"{kind}: {time.perf_counter() - start:.3f} s, {len(ids)} ids")
    array.array("i", ids).tofile(open(out, "wb"))
