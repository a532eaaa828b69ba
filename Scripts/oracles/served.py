"""What the oracles of `needletail serve` share: a tokenizer, tiny models as transformers saves them, a running server."""

import contextlib
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

import tokenizers
import torch
import transformers

PAD, BEGINNING, END = 0, 1, 2
SPECIALS = ["<pad>", "<s>", "</s>"]


def train_tokenizer(lines, vocabulary):
    """A byte-level BPE of exactly `vocabulary` tokens."""
    model = tokenizers.Tokenizer(tokenizers.models.BPE())
    model.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    model.decoder = tokenizers.decoders.ByteLevel()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=vocabulary, special_tokens=SPECIALS, show_progress=False,
        initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet())  # fmt: skip
    model.train_from_iterator(lines, trainer)
    assert model.get_vocab_size() == vocabulary, f"{model.get_vocab_size()} tokens: the lines are too few"
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=model, pad_token=SPECIALS[PAD], bos_token=SPECIALS[BEGINNING], eos_token=SPECIALS[END])


def token_bytes(tokenizer):
    """The bytes of each token of a byte-level BPE; of special tokens their names."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    other = [byte for byte in range(256) if byte not in plain]
    byte_of = {chr(byte): byte for byte in plain} | {chr(256 + n): byte for n, byte in enumerate(other)}
    names = tokenizer.convert_ids_to_tokens(range(len(tokenizer)))
    return [name.encode() if name in SPECIALS else bytes(byte_of[c] for c in name) for name in names]


def name_of(token):
    """A token in OpenAI's answers: text, or bytes where they are not whole characters."""
    try:
        return token.decode()
    except UnicodeDecodeError:
        return "bytes:" + "".join(f"\\x{byte:02x}" for byte in token)


def randomize(model, seed, deviation=0.2):
    """Every tensor random, norms and biases too: what is forgotten must show. LayerNorm1P's weights are gain - 1."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, tensor in model.named_parameters():
            is_gain = name.endswith("weight") and ("norm" in name or ".ln_" in name)
            around = 1.0 if is_gain and model.config.model_type != "nemotron" else 0.0
            tensor.copy_(around + deviation * torch.randn(tensor.shape, generator=generator))
    return model


class Serve:
    """`BINARY serve MODEL --port 0 …` while the `with` lasts."""

    def __init__(self, binary, model, *options, threads=1):
        self.command = [str(binary), "serve", str(model), "--port", "0", "--threads", str(threads), *map(str, options)]

    def __enter__(self):
        self.log = tempfile.NamedTemporaryFile("w+", suffix=".log")
        self.process = subprocess.Popen(self.command, stdout=self.log, stderr=self.log)
        try:
            self.wait(60)
        except BaseException:
            self.process.kill()
            self.process.wait()
            raise
        return self

    def wait(self, seconds):
        limit = time.monotonic() + seconds
        while time.monotonic() < limit:
            if self.process.poll() is not None:
                raise RuntimeError(f"{' '.join(self.command)} ended with {self.process.returncode}: {self.said.strip()}")
            found = re.search(r"http://127\.0\.0\.1:\d+", self.said)
            if found:
                self.url = found[0]
                try:
                    self.get("/health")
                    self.name = json.loads(self.get("/v1/models"))["data"][0]["id"]
                    return
                except urllib.error.HTTPError as error:
                    if error.code != 503:
                        raise
            time.sleep(0.05)
        raise RuntimeError(f"not ready after {seconds} s: {self.said.strip()}")

    @property
    def said(self):
        return pathlib.Path(self.log.name).read_text()

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise
        if status != 0:
            raise RuntimeError(f"the server ended with {status} on SIGTERM: {self.said.strip()}")

    def get(self, path):
        with urllib.request.urlopen(self.url + path, timeout=60) as answer:
            return answer.read().decode()

    def complete(self, prompt, **more):
        """A greedy completion's one choice, and the counts of tokens."""
        body = {"model": self.name, "prompt": prompt, "temperature": 0, **more}
        request = urllib.request.Request(
            self.url + "/v1/completions", json.dumps(body).encode(), {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=300) as answer:
                answer = json.load(answer)
        except urllib.error.HTTPError as error:
            raise RuntimeError(f"{error.code} of a prompt of {len(prompt)}: {error.read().decode()}") from None
        return answer["choices"][0], answer["usage"]

    def metric(self, name):
        return float(re.search(rf"^{name} (\S+)$", self.get("/metrics"), re.MULTILINE)[1])


@contextlib.contextmanager
def silenced():
    """Standard error is kept back, and shown where something fails."""
    sys.stderr.flush()
    with tempfile.TemporaryFile() as kept:
        own = os.dup(2)
        os.dup2(kept.fileno(), 2)
        try:
            yield
        except BaseException:
            kept.seek(0)
            os.write(own, kept.read())
            raise
        finally:
            sys.stderr.flush()
            os.dup2(own, 2)
            os.close(own)


def quiet():
    """One thread, nothing fetched, nothing said."""
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
