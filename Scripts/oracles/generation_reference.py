"""The models of `generation.py`, and what transformers makes of its prompts."""

import struct

import torch
import transformers
from served import END, name_of, randomize, token_bytes, train_tokenizer

CONTEXT, VOCABULARY, NEW = 160, 389, 24
LENGTHS = [1, 2, 3, 7, 15, 16, 17, 31, 32, 33, 48, 63, 64, 65, 80, 100, 127, 128, 129, CONTEXT - NEW]
SHARED = dict(
    vocab_size=VOCABULARY, hidden_size=96, intermediate_size=200, num_hidden_layers=3, num_attention_heads=6,
    num_key_value_heads=2, max_position_embeddings=CONTEXT, bos_token_id=1, eos_token_id=END, pad_token_id=None,
)  # fmt: skip


def rope(theta, **more):
    return {"rope_type": "default", "rope_theta": theta, **more}


def gpt2(**more):
    return transformers.GPT2Config(
        vocab_size=VOCABULARY, n_positions=CONTEXT, n_embd=64, n_layer=3, n_head=4, bos_token_id=1, eos_token_id=END, **more)


MODELS = {
    "gpt2": lambda: gpt2(),
    "gpt2 untied": lambda: gpt2(tie_word_embeddings=False, n_inner=100),
    "llama": lambda: transformers.LlamaConfig(**SHARED, rope_parameters=rope(1e4), tie_word_embeddings=False),
    "llama tied": lambda: transformers.LlamaConfig(
        **SHARED | dict(num_key_value_heads=6, head_dim=24), rope_parameters=rope(5e5), tie_word_embeddings=True),
    "nemotron": lambda: transformers.NemotronConfig(
        **SHARED | dict(num_hidden_layers=2, hidden_size=128, num_attention_heads=8), head_dim=16,
        rope_parameters=rope(1e4, partial_rotary_factor=0.5)),
}  # fmt: skip

class Reference:
    """What transformers makes of the prompts."""

    def __init__(self, model, names, rng, pieces=None, ends=None):
        """`pieces`: the tokens' bytes, where text is compared. `ends`: end tokens; None picks a second one, and the common
        beginning is random: otherwise it is what the model itself writes."""
        self.model, self.names, self.pieces = model.eval(), names, pieces
        self.unique = len(set(names)) == len(names)
        model.generation_config.eos_token_id = None
        vocabulary = model.config.vocab_size
        common = [rng.randrange(3, vocabulary) for _ in range(LENGTHS[-1])]
        if ends:
            common = [1, *self.generate([1], True, LENGTHS[-1])[0]]
        self.prompts = []
        for index, length in enumerate(LENGTHS):
            own = [rng.randrange(3, vocabulary) for _ in range(length)]
            self.prompts.append(common[: length - 1] + own[-1:] if index % 2 and length > 2 else own)
        self.prompts[0] = [1]
        cached = [self.generate(prompt, True) for prompt in self.prompts]
        self.ends = ends or self.pick_ends([tokens for tokens, _ in cached])
        # A prompt after which the model ends at once.
        for prompt, (tokens, _) in zip(self.prompts, cached):
            if not ends and not self.ends.isdisjoint(tokens):
                self.prompts.append(prompt + self.until_end(tokens)[:-1])
                cached.append(self.generate(self.prompts[-1], True))
                break
        self.wanted, self.scores, self.whole, self.own_ties = [], [], [], 0
        for prompt, (tokens, cached_scores) in zip(self.prompts, cached):
            tokens = self.until_end(tokens)
            uncached, uncached_scores = self.generate(prompt, False)
            self.wanted.append(tokens)
            # All tokens at once: each row predicts the next.
            self.whole.append(self.log_softmax(torch.tensor([prompt + tokens])))
            # With the cache, all at once, and without the cache.
            self.scores.append([cached_scores, self.whole[-1][len(prompt) - 1 : -1]])
            if uncached[: len(tokens)] == tokens:
                self.scores[-1].append(uncached_scores)
            else:
                self.own_ties += 1

    @property
    def token_bytes(self):
        """Of the keys and values of a token, in f32."""
        c = self.model.config
        heads = getattr(c, "num_key_value_heads", c.num_attention_heads)
        width = getattr(c, "head_dim", None) or c.hidden_size // c.num_attention_heads
        return c.num_hidden_layers * 2 * heads * width * 4

    def until_end(self, tokens):
        return tokens[: next((n + 1 for n, token in enumerate(tokens) if token in self.ends), len(tokens))]

    def log_softmax(self, ids):
        with torch.no_grad():
            return torch.log_softmax(self.model(ids).logits[0].float(), dim=-1)

    def generate(self, prompt, use_cache, count=NEW):
        out = self.model.generate(
            torch.tensor([prompt]), attention_mask=torch.ones(1, len(prompt), dtype=torch.long), do_sample=False,
            max_new_tokens=count, use_cache=use_cache, pad_token_id=0, output_logits=True,
            return_dict_in_generate=True)  # fmt: skip
        return out.sequences[0, len(prompt) :].tolist(), torch.log_softmax(torch.cat(out.logits).float(), dim=-1)

    @staticmethod
    def pick_ends(texts):
        """The model's end, and an ordinary token that some texts hold, not at once, and not most."""
        holders = {}
        for text in texts:
            for token in set(text):
                holders.setdefault(token, []).append(text.index(token))
        ordinary = [t for t, at in sorted(holders.items()) if t > END and 2 <= len(at) <= len(texts) // 3 and min(at) >= 2]
        return {END, *ordinary[:1]}


def made(name, folder, rng):
    """A random model in `folder`, with its tokenizer."""
    letters = [*"abcdefghij  ", *map(chr, range(0xE0, 0x17F)), "\u65e5"]
    lines = ["".join(rng.choices(letters, [9] * 12 + [1] * (len(letters) - 12), k=80)) for _ in range(300)]
    tokenizer = train_tokenizer(lines, VOCABULARY)
    tokenizer.save_pretrained(folder)
    model = transformers.AutoModelForCausalLM.from_config(MODELS[name](), dtype=torch.float32)
    randomize(model, seed=len(name)).save_pretrained(folder)
    # As saved: what transformers reads, not what made it.
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    pieces = token_bytes(tokenizer)
    reference = Reference(model, [name_of(piece) for piece in pieces], rng, pieces)
    assert reference.unique, "a token's name must say which it is"
    for config in (model.config, model.generation_config):
        config.eos_token_id = sorted(reference.ends)
    model.save_pretrained(folder)
    if name == "llama tied":
        (folder / "generation_config.json").unlink()
    return reference


def stories(directory, rng):
    """llama2.c's trained model; its tokenizer's file has for each token a score (f32), a length (i32) and bytes."""
    file, position, names = (directory / "tok512.bin").read_bytes(), 4, []
    while position < len(file):
        length = struct.unpack_from("<fi", file, position)[1]
        names.append(file[position + 8 : position + 8 + length])
        position += 8 + length
    for byte in range(256):
        names[3 + byte] = bytes([byte])
    names[:3] = b"<unk>", b"<s>", b"</s>"
    model = transformers.AutoModelForCausalLM.from_pretrained(directory / "hf", dtype=torch.float32)
    return Reference(model, [name_of(name) for name in names], rng, ends={END})
