"""Makes stages.json with tokenizers (0.23): python make_stage_fixtures.py

Forms of a byte-level tokenizer.json: stages in a row and added tokens. "ids" are the library's. A form that is
"refused" (with the word that the message must hold) has other ids than the plain reading of its parts would give.
"""
import json, os
from tokenizers import Tokenizer, pre_tokenizers

HERE = os.path.dirname(os.path.abspath(__file__))
TEXT = "ab 12 cafe\u0301 zz\u0301"
LETTERS = sorted(pre_tokenizers.ByteLevel.alphabet())
MERGES = ["a b", "1 2", "Ġ c"]
MODEL = {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None,
         "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False, "merges": MERGES,
         "vocab": {token: id for id, token in enumerate(LETTERS + [merge.replace(" ", "") for merge in MERGES])}}
DIGITS = {"type": "Digits", "individual_digits": True}
NFC = {"type": "NFC"}


def byte_level(prefix=False, regex=True):
    return {"type": "ByteLevel", "add_prefix_space": prefix, "trim_offsets": True, "use_regex": regex}


def row(*stages):
    return {"type": "Sequence", "pretokenizers": list(stages)}


def added(normalized):
    return [{"id": len(MODEL["vocab"]), "content": "zz", "single_word": False, "lstrip": False, "rstrip": False,
             "normalized": normalized, "special": False}]


def form(name, refused=None, normalizer=None, tokens=(), stages=byte_level(), plain=None):
    """plain: the parts as a careless reader takes them, for a form that is refused."""
    parts = {"normalizer": normalizer, "added_tokens": list(tokens), "pre_tokenizer": stages}

    def ids(parts):
        whole = {"version": "1.0", "truncation": None, "padding": None, **parts, "post_processor": None,
                 "decoder": None, "model": MODEL}
        return Tokenizer.from_str(json.dumps(whole)).encode(TEXT).ids
    if refused:
        assert ids(parts) != ids({**parts, **plain}), name
    return {"name": name, "parts": json.dumps(parts, ensure_ascii=False)[1:-1], "ids": ids(parts), "refused": refused}


forms = [
    form("a space in front", stages=byte_level(True)),
    form("a space in front, one in a row", stages=row(byte_level(True))),
    form("digits", stages=row(DIGITS, byte_level())),
    form("added, no normalizer", tokens=added(True)),
    form("added, empty normalizer", tokens=added(True), normalizer={"type": "Sequence", "normalizers": []}),
    form("added as it is", tokens=added(False), normalizer=NFC),
    form("added, normalized", "normalized", tokens=added(True), normalizer=NFC, plain={"added_tokens": added(False)}),
    form("a space in front of each digit", "add_prefix_space", stages=row(DIGITS, byte_level(True)),
         plain={"pre_tokenizer": row(DIGITS, byte_level())}),
    form("bytes twice", "behind ByteLevel", stages=row(byte_level(), byte_level()), plain={"pre_tokenizer": byte_level()}),
    form("digits of bytes", "behind ByteLevel", stages=row(byte_level(True, False), DIGITS),
         plain={"pre_tokenizer": row(DIGITS, byte_level(True, False))}),
]
with open(os.path.join(HERE, "stages.json"), "w") as file:
    json.dump({"model": json.dumps(MODEL), "text": TEXT, "forms": forms}, file, indent=1)
