"""Holds what `needletail serve` writes to what transformers writes: token for token, log-probability by log-probability.

    nice /tmp/oracle/bin/python generation.py BINARY [--stories DIRECTORY] [--only NAME]

Models of every family with random weights, as transformers saves them, and (--stories) the trained stories260K, whose
directory holds hf/ and tok512.bin. 20 prompts of mixed lengths, half of them with a common beginning, and one at which
the model ends at once, are continued greedily and scored (echo): one by one, all at once, and again, when their
beginnings are known; then all at once on two tensor ranks, on two pipeline stages, and with so little memory and such
small steps that texts are put back. Held against transformers with and without its cache:

  - tokens, their names and text, why they end (a second end token stands in generation_config.json or, for one model,
    in config.json alone), counts, and the shape of `logprobs` that lm_eval reads;
  - log-probabilities of written tokens, of prompts and of the five likeliest, to 1e-4;
  - that answers are the same bit for bit, whatever a request was batched with, on all servers without tensor ranks.

Where transformers' two best logits lie within 1e-5, either token is right; such ties are counted, 0 are expected.
Prints a table; exits 1 on a difference.
"""

import argparse
import concurrent.futures
import math
import pathlib
import random
import sys
import tempfile

from generation_reference import MODELS, NEW, made, stories
from served import END, Serve, quiet

TOLERANCE, TIE = 1e-4, 1e-5
MESHES = {
    "one rank": [],
    "tensor 2": ["--tensor", 2],
    "pipeline 2": ["--pipeline", 2],
    "tight": ["--step-tokens", 40],
}


class Judge:
    """Answers of one server against the reference."""

    def __init__(self, reference, seen):
        """`seen`: answers that others must equal, bit for bit."""
        self.reference, self.wrong, self.ties, self.tokens = reference, [], set(), 0
        self.worst = {"written": 0.0, "prompt": 0.0, "likeliest": 0.0}
        self.seen, self.alike = seen, True

    def complain(self, index, problem):
        self.wrong.append(f"prompt {index} ({len(self.reference.prompts[index])} tokens): {problem}")

    def near(self, index, kind, got, wanted, problem):
        difference = abs(got - wanted)
        self.worst[kind] = max(self.worst[kind], difference if math.isfinite(difference) else math.inf)
        if not difference <= TOLERANCE:
            self.complain(index, f"{problem}: ln p {got:.6f}, expected {wanted:.6f}")

    def take(self, index, kind, answer):
        choice, usage = answer
        same = self.seen.setdefault((index, kind), choice)
        if same != choice:
            self.alike = False
            self.complain(index, f"{kind} differs from an earlier answer")
        if kind == "write":
            self.written(index, choice, usage)
        else:
            self.echoed(index, choice, 1 if kind == "echo" else NEW)

    def entries(self, index, lists, rows, ids, kind):
        """Entries of `logprobs` for `ids`, each predicted by its row of log-probabilities; one row a way to compute it."""
        names = self.reference.names
        for n, token in enumerate(ids):
            got, top = lists["token_logprobs"][n], lists["top_logprobs"][n]
            if self.reference.unique and top.get(names[token]) != got:
                self.complain(index, f"{kind} {n}: top_logprobs has {top.get(names[token])!r} for its token, {got!r} apart")
            for way in rows:
                row = way[n]
                self.near(index, kind, got, row[token].item(), f"{kind} token {n}")
                # Values, not names: of two that are nearly as likely either may come first.
                best = row.topk(len(top)).values.tolist()
                listed = sorted(top.values(), reverse=True)
                for value, wanted in list(zip(listed, best))[:5] if self.reference.unique else []:
                    self.near(index, "likeliest", value, wanted, f"{kind} token {n}'s likeliest")

    def written(self, index, choice, usage):
        reference, lists = self.reference, choice["logprobs"]
        ids, names = reference.wanted[index], reference.names
        reason = "stop" if ids[-1] in reference.ends else "length"
        # An end token is no part of the text; an echo's scores have it.
        ids = ids[:-1] if reason == "stop" else ids
        self.tokens += len(ids)
        wanted = [names[token] for token in ids]
        count = len(ids)
        if lists["tokens"] != wanted:
            count = next((n for n, (a, b) in enumerate(zip(lists["tokens"], wanted)) if a != b), None)
            if count is None:
                return self.complain(index, f"{len(lists['tokens'])} tokens, expected {len(ids)}: {choice['finish_reason']}")
            row, got = reference.scores[index][0][count], lists["tokens"][count]
            gap = min((row[ids[count]] - row[t]).item() for t, name in enumerate(names) if name == got)
            if gap > TIE:
                return self.complain(index, f"token {count} is {got!r}, expected {wanted[count]!r}, {gap:.1e} likelier")
            self.ties.add((index, count))
        self.entries(index, lists, reference.scores[index], ids[:count], "written")
        if count < len(ids):
            return
        if choice["finish_reason"] != reason:
            self.complain(index, f"finish_reason {choice['finish_reason']!r}, expected {reason!r}")
        if (usage["prompt_tokens"], usage["completion_tokens"]) != (len(reference.prompts[index]), len(ids)):
            self.complain(index, f"usage {usage}, expected {len(reference.prompts[index])} and {len(ids)}")
        if reference.pieces:
            shown = b"".join(reference.pieces[t] for t in ids if t > END)
            if choice["text"] != shown.decode(errors="replace"):
                self.complain(index, f"text {choice['text']!r}, expected {shown!r}")

    def echoed(self, index, choice, most):
        reference, lists = self.reference, choice["logprobs"]
        prompt, written = reference.prompts[index], reference.wanted[index][:most]
        lengths = {key: len(lists[key]) for key in ("tokens", "token_logprobs", "top_logprobs", "text_offset")}
        if set(lengths.values()) != {len(prompt) + len(written)}:
            return self.complain(index, f"echo has {lengths}, expected {len(prompt)} + {len(written)} each")
        if lists["token_logprobs"][0] is not None or lists["top_logprobs"][0] is not None:
            self.complain(index, "echo's first entries are not null")
        ids = prompt + written
        if lists["tokens"] != [reference.names[token] for token in ids]:
            if lists["tokens"][: len(prompt)] != [reference.names[token] for token in prompt]:
                self.complain(index, "echo's tokens are not the prompt's")
            ids = prompt  # `written` says whether what follows may differ.
        rest = {key: lists[key][1:] for key in ("token_logprobs", "top_logprobs")}
        self.entries(index, rest, [reference.whole[index]], ids[1:], "prompt")


def ask(serve, reference, kind, index):
    """`write` the prompt's continuation, or score the prompt as lm_eval does (`echo`), or both (`all`)."""
    more = {"write": {"max_tokens": NEW}, "echo": {"max_tokens": 1, "echo": True}, "all": {"max_tokens": NEW, "echo": True}}
    return serve.complete(reference.prompts[index], logprobs=5, **more[kind])


def run(binary, folder, reference, mesh, options, seen):
    judge = Judge(reference, seen)
    jobs = [(kind, index) for index in range(len(reference.prompts)) for kind in ("write", "echo")]
    jobs += [("all", index) for index, tokens in enumerate(reference.wanted) if tokens[-1] in reference.ends]
    # Room for two or three texts.
    memory = ["--cache-memory", reference.token_bytes * 400] if mesh == "tight" else []
    with Serve(binary, folder, "--weights", "f32", *options, *MESHES[mesh], *memory) as serve:
        if mesh == "one rank":
            for kind, index in jobs:
                judge.take(index, kind, ask(serve, reference, kind, index))
        with concurrent.futures.ThreadPoolExecutor(len(jobs)) as pool:
            for _ in range(2):
                answers = pool.map(lambda job: ask(serve, reference, *job), jobs)
                for (kind, index), answer in zip(jobs, answers):
                    judge.take(index, kind, answer)
        known, put_back = (serve.metric(f"needletail_{name}_total") for name in ("prefix_hit_tokens", "preemptions"))
    if not known:
        judge.wrong.append("no beginning was known: the prefix cache was not tried")
    return judge, known, put_back


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary", type=pathlib.Path)
    parser.add_argument("--stories", type=pathlib.Path, help="a directory with hf/ and tok512.bin")
    parser.add_argument("--only", help="one model")
    parser.add_argument("--mesh", nargs="+", choices=MESHES, default=list(MESHES))
    options = parser.parse_args()
    quiet()
    names = [name for name in [*MODELS, *(["stories260K"] if options.stories else [])] if options.only in (None, name)]
    if not names:
        parser.error(f"--only {options.only}: expected one of {', '.join(MODELS)}")
    print(f"{'model':14}{'server':12}{'tokens':>7}{'ends':>5}{'wrong':>6}{'ties':>5}   {'largest difference of ln p':<32}"
          f"{'bitwise':>8}{'known':>7}{'put back':>9}")  # fmt: skip
    print(f"{'':49}   {'written':<10}{'prompt':<10}{'likeliest':<12}")
    failed, all_put_back = False, 0
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            folder, rng, more = pathlib.Path(folder), random.Random(name), []
            if name in MODELS:
                reference = made(name, folder, rng)
            else:
                reference, more = stories(options.stories, rng), ["--tokenizer", options.stories / "tok512.bin"]
                folder = options.stories / "hf"
            ended = sum(tokens[-1] in reference.ends for tokens in reference.wanted)
            if reference.own_ties:
                print(f"{name}: transformers differs from itself without its cache in {reference.own_ties} texts")
            seen = {}  # Tensor ranks add in another order.
            for mesh in options.mesh:
                judge, known, put_back = run(
                    options.binary.resolve(), folder, reference, mesh, more, {} if "tensor" in mesh else seen)
                failed |= bool(judge.wrong)
                all_put_back += put_back
                worst = "".join(f"{value:<10.1e}" for value in judge.worst.values())
                print(f"{name:14}{mesh:12}{judge.tokens:7}{ended:5}{len(judge.wrong):6}{len(judge.ties):5}   {worst:<32}"
                      f"{'same' if judge.alike else 'DIFFER':>8}{known:7.0f}{put_back:9.0f}", flush=True)  # fmt: skip
                for problem in judge.wrong[:5]:
                    print("   ", problem)
    # Whether a small model's texts meet is chance; that none ever did would mean that nothing was tried.
    if "tight" in options.mesh and len(names) > 1 and not all_put_back:
        print("no text was put back: memory was never tight")
        failed = True
    print("FAILED" if failed else "all the same")
    sys.exit(failed)


if __name__ == "__main__":
    main()
