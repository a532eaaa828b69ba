"""Makes the fixtures beside it with the reference libraries: python make_fixtures.py

Needs tokenizers (0.23), regex and sentencepiece. All text here is ours.
"""
import json, os, random, re
import regex
import sentencepiece
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

HERE = os.path.dirname(os.path.abspath(__file__))

TEXT = """The needletail is a swift, and the swift is the fastest bird in level flight.
It doesn't land; it can't, it won't, and they've never seen it rest. We'll see what they're after!
    def fly(height, wings=2):
\treturn height * wings + 1024 // 3  # 2024-05-17

Die Mauersegler schlafen im Flug. Über 300 Nächte ohne Landung, größer als jede Mühe.
El vencejo duerme volando: ¿cuántas noches? Más de 300.
アマツバメは飛びながら眠る。世界で一番速い鳥です。
Стриж спит на лету, и это не сказка.  \u00a0  \u3000 \u0301e\u0301 ½ ² ٣ Ⅳ 😀🏳️‍🌈
aaaa aaaaa aaaaaa abababab abcabcabc   spaces      and\r\n\r\n\nlines \n \n  end
"""

POOL = ["'s", "'S", "'ll", "'LL", "'re", "'t", "'d", "'Ve", "'x", "'\u017f", "'", " ", "  ", "   ", "\n",
        "\r\n", "\t", " \n", "a", "b", "A", "B", "Abc", "aBC", "ABc", "é", "É", "日", "本", "ʰ", "ǅ", "\u0301",
        "1", "12", "1234", "½", "!", "!!", "?/", "//", "\u00a0", "\u3000", "\u2028", "\u0085", "-", "😀", "hello"]

O200K = "|".join([
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
    r"\p{N}{1,3}", r" ?[^\s\p{L}\p{N}]+[\r\n/]*", r"\s*[\r\n]+", r"\s+(?!\S)", r"\s+"])
CL100K = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|"
          r"\s*[\r\n]+|\s+(?!\S)|\s+")
OPENAI = (r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|"
          r"\s*[\r\n]|\s+(?!\S)|\s")
GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"


def save(name, value):
    with open(os.path.join(HERE, name), "w", encoding="utf-8") as file:
        json.dump(value, file, ensure_ascii=True, separators=(",", ":"))
        file.write("\n")


def random_texts(count, seed):
    rng = random.Random(seed)
    return ["".join(rng.choice(POOL) for _ in range(rng.randint(1, 12))) for _ in range(count)]


def patterns():
    result = []
    for name, expression in [("gpt2", GPT2), ("cl100k", CL100K), ("o200k", O200K)]:
        split = pre_tokenizers.Split(Regex(expression), "isolated")
        pieces = [[piece for piece, _ in split.pre_tokenize_str(text)] for text in random_texts(150, name)]
        result.append({"pattern": name, "pieces": pieces})
    pieces = []
    for text in random_texts(150, "openai"):
        pieces.append(regex.findall(OPENAI, text))
    result.append({"pattern": "openai", "pieces": pieces})
    save("patterns.json", result)


def byte_level(name, pre, size):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size, special_tokens=["<|endoftext|>", "<|user|>"], show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator([TEXT], trainer)
    tokenizer.save(os.path.join(HERE, name + ".tokenizer.json"), pretty=False)
    tokenizer.encode_special_tokens = True
    texts = [TEXT, "", "a", " ", "The <|endoftext|> swift"] + random_texts(40, name)
    save(name + ".vectors.json", [{"text": t, "ids": tokenizer.encode(t).ids} for t in texts])


# Characters that become another, several, none, a space, and a sequence that becomes one.
RULES = ["FF21\t41", "FB01\t66 69", "AD\t", "A0\t20", "9\t20", "A\t20", "65 301\tE9", "2026\t2E 2E 2E", "B4\t20 301"]


def sentence_piece(name, texts=(), **options):
    with open("/tmp/fixture_text.txt", "w", encoding="utf-8") as file:
        file.write("\n".join(re.split(r"[\n\r\t]+", TEXT)))
    model = os.path.join(HERE, name)
    sentencepiece.SentencePieceTrainer.train(
        input="/tmp/fixture_text.txt", model_prefix=model, character_coverage=0.98, minloglevel=2,
        **{"normalization_rule_name": "identity", **options})
    os.remove(model + ".vocab")
    processor = sentencepiece.SentencePieceProcessor(model_file=model + ".model")
    texts = [TEXT, "", "a", " ", "  two  spaces ", "<s> is text", *texts] + random_texts(40, name)
    vectors = []
    for text in texts:
        ids = processor.encode(text)
        vectors.append({"text": text, "ids": ids, "decoded": processor.decode(ids)})
    save(name + ".vectors.json", vectors)


if __name__ == "__main__":
    with open(os.path.join(HERE, "text.txt"), "w", encoding="utf-8", newline="") as file:
        file.write(TEXT)
    patterns()
    byte_level("gpt2", pre_tokenizers.ByteLevel(add_prefix_space=False), 420)
    byte_level("o200k", pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(O200K), "isolated"),
         pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]), 400)
    sentence_piece("llama", model_type="bpe", vocab_size=460, byte_fallback=True, split_digits=True,
                   remove_extra_whitespaces=False, allow_whitespace_only_pieces=True,
                   user_defined_symbols=["<|tool|>", "fast"])
    sentence_piece("unigram", model_type="unigram", vocab_size=120, hard_vocab_limit=False)
    with open("/tmp/fixture_rules.tsv", "w", encoding="utf-8") as file:
        file.write("".join(rule + "\n" for rule in RULES))
    sentence_piece("rules", model_type="unigram", vocab_size=110, hard_vocab_limit=False, byte_fallback=False,
                   normalization_rule_name="", normalization_rule_tsv="/tmp/fixture_rules.tsv",
                   texts=["\uff21\ufb01nal \u00a0 \u00a0 caf\u00e9 cafe\u0301\u2026 a\u00adb", "\u00b4 \u00b4\u00b4", "  \u00a0", "\u2581\u2581x\u2581",
                          "222 888 eee eeee", "\u4e16 \u4e17\u4e18 \u4e19", "\u00a0"])
