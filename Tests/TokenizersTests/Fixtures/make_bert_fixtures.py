"""Makes bert.* and forms.json with the reference libraries: python make_bert_fixtures.py

Needs tokenizers (0.23), which stands for BERT's tokenizer, and Python 3.10 or 3.11, whose Unicode data (14.0)
stand for the normal forms. All text here is ours.
"""
import os, random, unicodedata
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from make_fixtures import HERE, TEXT, random_texts, save

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
CASES = [
    "", " ", "a", "The Needletail's unbelievable FLIGHT, isn't it?", "Cafe\u0301 café CAFÉ naïve Ñandú Über größer",
    "東京swift日本語とtext,한국어 각", "con\x00trol\x07s\x1b and\u200b\u200dzero\u00adwidth\ufeff \x85\x0b\x0c\r\n\t",
    "a\u0301\u0323\u0300 \u0301 \u0301\u0302x \u1ab0\u1734", "“quotes” «here» ¿what? ¡no! — … ‘x’ ⁇ ‼ §¶·、。「」（）",
    "$1+2<=3^4`|~ © ° № € ₿", "a" * 100, "a" * 101, "ä" * 100, "ä" * 101, "the " + "swift" * 30, "😀🏳️‍🌈🤗🥺 x😀y",
    "İstanbul Iı DİYARBAKIR", "straße STRASSE ẞ ß", "ﬁsh ﬂight ﬀ ﬃ ǅ ǈ ŉ", "ΣΊΣΥΦΟΣ Ὀδυσσεύς ΑΎΡΙΟ", "≠ ≮ ≯ \u037e \u1fef \u212a \u212b",
    "\u3000full\u3000width ＡＢＣ １２３ \u00a0nb\u202fsp\u2028line\u2029para\u1680", "㐀 䶵 𠀀 𪜀 \U0002b820x \U0002b920x 豈 丽 〇 ㈠ ｶﾅ",
    "ｅ\u0301 \ufffd \ufffe \ue000 \U000f0000x", "[CLS] text [SEP] [MASK] [unused]", "##ing a##b #tag", "Ⅷ Ⓐ ⅷ ½ ² ٣",
    "नमस्ते हिन्दी ไทยภาษา עִבְרִית العَرَبِيَّة", "a\u302e\u302f \U0001d15e\U0001d165",
]


def bert(lowercase, strip_accents=None):
    normalizer = normalizers.BertNormalizer(lowercase=lowercase, strip_accents=strip_accents)
    return normalizer, pre_tokenizers.BertPreTokenizer()


def fnv(data, hash=0xCBF29CE484222325):
    for byte in data:
        hash = (hash ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return hash


def assigned(numbers):
    """Characters of Unicode 14 without those for private use in planes 15 and 16. U+11938 decomposes only since
    Unicode 13, which is later than the library's data."""
    return [chr(n) for n in numbers
            if not 0xD800 <= n < 0xE000 and n != 0x11938 and n < 0xF0000 and unicodedata.category(chr(n)) != "Cn"]


def words_of_all_characters(normalizer, pretokenizer):
    """For each 4,096 characters c, the hash of the words of "acb", joined by spaces and ended by line ends."""
    hashes = {}
    for block in range(0xF0):
        text = "".join(
            " ".join(word for word, _ in pretokenizer.pre_tokenize_str(normalizer.normalize_str(f"a{c}b"))) + "\n"
            for c in assigned(range(block << 12, (block + 1) << 12)))
        if text:
            hashes[str(block)] = f"{fnv(text.encode()):016x}"
    return hashes


def word_piece():
    alphabet = sorted({c for c in unicodedata.normalize("NFD", TEXT + "ABCßẞｅ東京日本語ᄒ[],.?!'$+<=>^|~😀") if c > " "})
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer, tokenizer.pre_tokenizer = bert(lowercase=False)
    trainer = trainers.WordPieceTrainer(
        vocab_size=600, min_frequency=1, special_tokens=SPECIAL, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator([TEXT, TEXT.lower(), unicodedata.normalize("NFD", TEXT.lower())], trainer)
    # In a fixed order, which the trainer's is not.
    learned = sorted(set(tokenizer.get_vocab()) - set(SPECIAL) | {"a" * 50, "##" + "a" * 50, "##a", "##\u0308", "ä", "##ä"})
    vocabulary = {token: id for id, token in enumerate(SPECIAL + learned)}
    with open(os.path.join(HERE, "bert.vocab.txt"), "w", encoding="utf-8", newline="") as file:
        file.write("".join(token + "\n" for token in vocabulary))
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.add_special_tokens([AddedToken(name, special=True, normalized=False) for name in SPECIAL])
    tokenizer.decoder = decoders.WordPiece(cleanup=False)
    result = []
    for lowercase, strip_accents in [(True, None), (False, None), (True, False), (False, True)]:
        tokenizer.normalizer, tokenizer.pre_tokenizer = bert(lowercase, strip_accents)
        if lowercase and strip_accents is None:
            tokenizer.save(os.path.join(HERE, "bert.tokenizer.json"), pretty=False)
        tokenizer.encode_special_tokens = True
        vectors = []
        for text in CASES + [TEXT] + random_texts(30, str((lowercase, strip_accents))):
            ids = tokenizer.encode(text, add_special_tokens=False).ids
            vectors.append({"text": text, "ids": ids, "decoded": tokenizer.decode(ids, skip_special_tokens=False)})
        result.append({"do_lower_case": lowercase, "strip_accents": strip_accents, "vectors": vectors,
                       "characters": words_of_all_characters(*bert(lowercase, strip_accents))})
    save("bert.vectors.json", result)


def normal_forms():
    rng = random.Random(5)
    characters = assigned(range(0x20, 0x30000))
    marks = [c for c in characters if unicodedata.combining(c)]
    composed = [c for c in characters if unicodedata.normalize("NFD", c) != c]
    hangul = [chr(0x1100 + i) for i in range(20)] + [chr(0x1161 + i) for i in range(22)] + [
        chr(0x11A7 + i) for i in range(30)] + ["가", "각", "갂"]
    pools = [list("aeiou sz\n.K"), marks, composed, [unicodedata.normalize("NFD", c) for c in composed], hangul, characters]
    texts = ["".join(rng.choice(rng.choice(pools)) for _ in range(rng.randint(1, 10))) for _ in range(250)]
    every = "".join(unicodedata.normalize("NFC", f"{c}\u0301\u0323 ") for c in characters)
    save("forms.json", {"texts": [[text, unicodedata.normalize("NFC", text)] for text in texts],
                        "characters": f"{fnv(every.encode()):016x}"})


if __name__ == "__main__":
    word_piece()
    normal_forms()
