"""The peers of the generation benchmark behind one face: a prompt is taken, then tokens are written greedily.

Both keep the keys and values of a batch of sequences of equal length and compute the head for the last token of a
prompt alone. A variant is a way to run the same engine; peers.py --variants measures others than the fastest.
"""

import ctypes
import pathlib

import numpy as np

CONTEXT = 512  # tokens of cache for each sequence


class Transformers:
    """transformers with PyTorch, attention by scaled_dot_product_attention.

    dynamic: a cache that grows; static: one of CONTEXT tokens; compiled: static, decode through torch.compile.
    """

    precisions = ("f32", "bf16")
    variants = ("dynamic", "static", "compiled")

    def __init__(self, stem, batch, threads, variant="dynamic"):
        import torch
        import transformers

        if not pathlib.Path(stem, "config.json").exists():
            raise SystemExit(f"{stem}: no model there; make_models.py writes it")
        torch.set_num_threads(threads)
        transformers.utils.logging.disable_progress_bar()
        self.torch, self.variant, self.cache = torch, variant, None
        self.model = transformers.AutoModelForCausalLM.from_pretrained(stem, dtype="auto", attn_implementation="sdpa")
        self.model.eval().requires_grad_(False)
        self.make = lambda: transformers.DynamicCache(config=self.model.config)
        if variant != "dynamic":
            self.make = lambda: transformers.StaticCache(config=self.model.config, max_cache_len=CONTEXT)
        self.step = self.model.__call__
        if variant == "compiled":
            import torch._inductor.config

            torch._inductor.config.freezing = True  # weights are laid out for the products once
            self.step = torch.compile(self.model.__call__)
            with torch.inference_mode():
                self.prefill(np.zeros((batch, 8), np.int64))
                self.decode(np.zeros(batch, np.int64), 3)  # compiles

    def describe(self):
        return f"torch {self.torch.__version__}, transformers {__import__('transformers').__version__}"

    def run(self, function, ids, keep):
        with self.torch.inference_mode():
            out = function(input_ids=ids, past_key_values=self.cache, use_cache=True, logits_to_keep=keep)
            return out.logits

    def prefill(self, prompts):
        """Forgets everything, takes [batch, length] ids and gives the most likely next of each."""
        self.cache = self.make()
        ids = self.torch.from_numpy(prompts.astype(np.int64))
        return self.run(self.model.__call__, ids, 1)[:, -1].argmax(-1).numpy()

    def decode(self, tokens, steps):
        """Appends `tokens`, [batch], and writes; gives the [steps, batch] that were written."""
        ids, written = self.torch.from_numpy(tokens.astype(np.int64))[:, None], []
        for _ in range(steps):
            ids = self.run(self.step, ids, 1)[:, -1:].argmax(-1)
            written.append(ids[:, 0])
        return self.torch.stack(written).numpy()

    def rewind(self, length, steps):
        """Forgets what came after the first `length` tokens."""
        if self.variant == "dynamic":
            self.cache.crop(-steps)
        for layer in self.cache.layers if self.variant != "dynamic" else ():
            layer.cumulative_length.fill_(length)

    def logits(self, prompt):
        self.cache = self.make()
        ids = self.torch.from_numpy(prompt.astype(np.int64))[None]
        return self.run(self.model.__call__, ids, 0)[0].float().numpy()


class LlamaCpp:
    """llama.cpp through the C interface of llama-cpp-python: one llama_batch holds all sequences.

    flash: its flash attention and a cache in f16, llama.cpp's defaults; plain: products and softmax, the cache in f32
    where the weights are f32. Only plain computes in f32: flash attention changes keys and values to f16 whatever the
    cache holds. "-unified" appended: the sequences share one cache. micro: the most tokens llama.cpp computes at once.
    """

    precisions = ("f32", "bf16", "q8")
    variants = ("flash", "plain")

    def __init__(self, stem, batch, threads, variant="flash", micro=512):
        import llama_cpp

        self.c, c = llama_cpp, llama_cpp
        self.quiet = c.llama_log_callback(lambda level, text, data: None)
        c.llama_log_set(self.quiet, None)
        c.llama_backend_init()
        self.model = c.llama_model_load_from_file(f"{stem}.gguf".encode(), c.llama_model_default_params())
        if not self.model:
            raise SystemExit(f"{stem}.gguf: llama.cpp could not load it; make_models.py writes it")
        self.vocabulary = c.llama_vocab_n_tokens(c.llama_model_get_vocab(self.model))
        tokens = batch * CONTEXT
        p = c.llama_context_default_params()
        p.n_ctx = p.n_batch = tokens
        p.n_ubatch, p.n_seq_max = min(micro, tokens), batch
        p.n_threads = p.n_threads_batch = threads
        p.flash_attn_type = 1 if variant.startswith("flash") else 0
        p.kv_unified = variant.endswith("unified")
        exact = variant.startswith("plain") and str(stem).endswith("f32")
        p.type_k = p.type_v = 0 if exact else 1  # ggml's F32 and F16
        p.no_perf = True
        self.context = c.llama_init_from_model(self.model, p)
        if not self.context:
            raise SystemExit(f"{stem}.gguf: llama.cpp could not make a context of {tokens} tokens")
        self.batch = c.llama_batch_init(tokens, 0, 1)
        self.memory = c.llama_get_memory(self.context)
        self.sequences, self.length = batch, 0
        for i in range(tokens):
            self.batch.n_seq_id[i] = 1
        view = np.ctypeslib.as_array
        self.token = view(self.batch.token, (tokens,))
        self.position = view(self.batch.pos, (tokens,))
        self.wanted = view(self.batch.logits, (tokens,))

    def describe(self):
        return f"llama-cpp-python {self.c.__version__}, ggml {self.c.llama_print_system_info().decode()}"

    def run(self, ids, wanted):
        """Appends [batch, length] ids; gives logits, [ids whose `wanted` is set, vocabulary]."""
        rows, length = ids.shape
        count = self.batch.n_tokens = ids.size
        self.token[:count] = ids.reshape(-1)
        self.position[:count] = np.tile(np.arange(self.length, self.length + length), rows)
        self.wanted[:count] = wanted.reshape(-1)
        for i in range(count):
            self.batch.seq_id[i][0] = i // length
        status = self.c.llama_decode(self.context, self.batch)
        if status:
            raise SystemExit(f"llama_decode gave {status} for {rows} sequences of {length} tokens")
        self.length += length
        data = ctypes.cast(self.c.llama_get_logits(self.context), ctypes.POINTER(ctypes.c_float))
        return np.ctypeslib.as_array(data, (int(wanted.sum()), self.vocabulary))

    def prefill(self, prompts):
        self.c.llama_memory_clear(self.memory, False)
        self.length = 0
        wanted = np.zeros(prompts.shape, np.int8)
        wanted[:, -1] = 1
        return self.run(prompts, wanted).argmax(-1)

    def decode(self, tokens, steps):
        wanted, written = np.ones((len(tokens), 1), np.int8), []
        for _ in range(steps):
            tokens = self.run(tokens[:, None], wanted).argmax(-1)
            written.append(tokens)
        return np.stack(written)

    def rewind(self, length, steps):
        for sequence in range(self.sequences):
            self.c.llama_memory_seq_rm(self.memory, sequence, length, -1)
        self.length = length

    def logits(self, prompt):
        self.c.llama_memory_clear(self.memory, False)
        self.length = 0
        return self.run(prompt[None], np.ones((1, len(prompt)), np.int8)).copy()


ENGINES = {"transformers": Transformers, "llama.cpp": LlamaCpp}
