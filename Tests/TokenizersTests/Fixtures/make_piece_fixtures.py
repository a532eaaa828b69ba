"""Makes pieces.json and llama2c.* with the reference libraries: python make_piece_fixtures.py

Needs tokenizers (0.23) and sentencepiece. All text here is ours.
"""
import json, os, re, struct
import sentencepiece
from sentencepiece import sentencepiece_model_pb2
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from make_fixtures import HERE, TEXT, random_texts, save

TEXTS = [TEXT, "", "a", " ", "   ", " leading", "two  spaces ", "<s>a b</s> c</s>d", "\u2581sign\u2581", "<0x0A>", "\n\n", "\x00"]


def train():
    with open("/tmp/fixture_text.txt", "w", encoding="utf-8") as file:
        file.write("\n".join(re.split(r"[\n\r\t]+", TEXT)))
    sentencepiece.SentencePieceTrainer.train(
        input="/tmp/fixture_text.txt", model_prefix="/tmp/fixture", character_coverage=0.98, minloglevel=2,
        normalization_rule_name="identity", model_type="bpe", vocab_size=400, byte_fallback=True,
        split_digits=True, remove_extra_whitespaces=False, allow_whitespace_only_pieces=True)
    model = sentencepiece_model_pb2.ModelProto()
    with open("/tmp/fixture.model", "rb") as file:
        model.ParseFromString(file.read())
    return model


def llama2c(model):
    """As llama2.c's tokenizer.py writes it."""
    texts = [{1: "\n<s>\n", 2: "\n</s>\n"}.get(id, piece.piece.replace("\u2581", " ")).encode()
             for id, piece in enumerate(model.pieces)]
    with open(os.path.join(HERE, "llama2c.bin"), "wb") as file:
        file.write(struct.pack("<i", max(map(len, texts))))
        for text, piece in zip(texts, model.pieces):
            file.write(struct.pack("<fi", piece.score, len(text)) + text)
    processor = sentencepiece.SentencePieceProcessor(model_file="/tmp/fixture.model")
    texts = [text for text in TEXTS if "\u2581" not in text] + random_texts(40, "llama2c")
    save("llama2c.vectors.json", [{"text": text, "ids": processor.encode(text)} for text in texts])


def hugging_face(model):
    """As transformers converts a Llama, in its old form and its new ones."""
    vocabulary = {piece.piece: id for id, piece in enumerate(model.pieces)}
    merges = []
    for piece in model.pieces:
        text = piece.piece
        merges += [(piece.score, text[:cut], text[cut:]) for cut in range(1, len(text)) if piece.type == 1
                   and text[:cut] in vocabulary and text[cut:] in vocabulary]
    merges.sort(key=lambda merge: -merge[0])
    tokenizer = Tokenizer(models.BPE(
        vocabulary, [merge[1:] for merge in merges], unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.add_special_tokens([AddedToken(name, normalized=False, special=True) for name in ["<unk>", "<s>", "</s>"]])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", 1)])
    strip = decoders.Strip(content=" ", left=1)
    plain = [decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse()]
    old = normalizers.Sequence([normalizers.Prepend("\u2581"), normalizers.Replace(" ", "\u2581")])
    forms = [("old", old, None, plain + [strip])]
    for scheme in ["first", "always", "never"]:
        for split in [True, False]:
            forms.append((scheme, None, pre_tokenizers.Metaspace(prepend_scheme=scheme, split=split),
                          plain + ([strip] if scheme != "never" else [])))
    result = {"forms": []}
    for name, normalizer, pretokenizer, decoder in forms:
        tokenizer.normalizer = normalizer
        tokenizer.pre_tokenizer = pretokenizer
        tokenizer.decoder = decoders.Sequence(decoder)
        saved = json.loads(tokenizer.to_str())
        if "model" not in result:
            result.update({key: json.dumps(saved[key]) for key in ["model", "added_tokens", "post_processor"]})
        vectors = []
        for text in TEXTS + random_texts(12, name):
            tokenizer.encode_special_tokens = True
            ids = tokenizer.encode(text, add_special_tokens=False).ids
            tokenizer.encode_special_tokens = False
            vectors.append({"text": text, "ids": ids, "decoded": tokenizer.decode(ids),
                            "special": tokenizer.encode(text, add_special_tokens=False).ids})
        stages = {key: json.dumps(saved[key]) for key in ["normalizer", "pre_tokenizer", "decoder"]}
        result["forms"].append({"name": name, **stages, "vectors": vectors})
    save("pieces.json", result)


if __name__ == "__main__":
    model = train()
    llama2c(model)
    hugging_face(model)
