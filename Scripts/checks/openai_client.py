#!/usr/bin/env python3
"""Uses a running `needletail serve` through OpenAI's own Python client, unchanged, and judges what it gives.

    needletail serve MODEL --port 8080 &
    /tmp/oracle/bin/python Scripts/checks/openai_client.py http://127.0.0.1:8080 [--key KEY]

Models, completions, chats, embeddings, errors: not that calls return, but that they agree with each other: streamed
with whole, batched with alone, ids with text, scores with choices. Any model serves, random weights too; one without
a chat template is checked without chats. Wants openai (Scripts/oracles/requirements.txt). Exits 1 on any failure.
"""

import argparse
import asyncio
import json
import math
import re
import time
import urllib.request

import openai
from claims import Claims

PROMPT = "Once upon a time, there was a small bird"
CHECKS = []


def check(function):
    """A function whose docstring is a claim, which holds if its assertions do."""
    CHECKS.append(function)
    return function


class Serve:
    """The server, by its client."""

    def __init__(self, options):
        self.url, self.key = options.url.rstrip("/"), options.key
        self.client = openai.OpenAI(base_url=f"{self.url}/v1", api_key=options.key or "none", max_retries=0)
        self.model = options.model or self.client.models.list().data[0].id

    def complete(self, prompt=PROMPT, **more):
        """Greedy, 12 tokens, unless asked otherwise."""
        return self.client.completions.create(
            model=self.model, prompt=prompt, **{"temperature": 0, "max_tokens": 12, **more}
        )

    def text(self, prompt=PROMPT, **more):
        return self.complete(prompt, **more).choices[0].text

    def chat(self, content="Hello", **more):
        messages = [{"role": "user", "content": content}]
        more = {"temperature": 0, "max_tokens": 12, "messages": messages, **more}
        return self.client.chat.completions.create(model=self.model, **more)

    def embed(self, input, **more):
        return self.client.embeddings.create(model=self.model, input=input, **more)

    def fetch(self, path, body=None):
        """What the client has no call for."""
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self.key}"}
        request = urllib.request.Request(
            self.url + path, json.dumps(body).encode() if body else None, headers
        )
        with urllib.request.urlopen(request) as response:
            return response.read().decode()

    def ids(self, text):
        return json.loads(self.fetch("/tokenize", {"model": self.model, "prompt": text}))["tokens"]

    def text_of(self, ids):
        return json.loads(self.fetch("/detokenize", {"model": self.model, "tokens": ids}))["prompt"]


def equal(got, wanted):
    assert got == wanted, f"{got!r}, expected {wanted!r}"


def close(got, wanted, tolerance=1e-4):
    assert len(got) == len(wanted) and all(abs(a - b) <= tolerance for a, b in zip(got, wanted)), "differ"


def streamed(stream):
    """Texts and ends of choices, and the usage, of a stream of either kind."""
    texts, ends, usage = {}, {}, None
    for chunk in stream:
        usage = chunk.usage or usage
        for choice in chunk.choices:
            text = choice.delta.content if hasattr(choice, "delta") else choice.text
            assert choice.index not in ends, "a choice goes on after its end"
            texts[choice.index] = texts.get(choice.index, "") + (text or "")
            if choice.finish_reason:
                ends[choice.index] = choice.finish_reason
    return texts, ends, usage


# Models


@check
def models(serve):
    """models: the list has the model, and the model can be had by name"""
    assert serve.model in [model.id for model in serve.client.models.list()]
    model = serve.client.models.retrieve(serve.model)
    equal((model.id, model.object), (serve.model, "model"))


@check
def tokens(serve):
    """/tokenize and /detokenize are each other's inverse"""
    text = "The swift's tail: 12 spines, naïve 🐦.\n\tNew line"
    assert text in serve.text_of(serve.ids(text)), serve.text_of(serve.ids(text))


# Completions


@check
def whole(serve):
    """completions: an answer has the model, a text, an end and counts that add up"""
    answer = serve.complete()
    equal((answer.object, answer.model, len(answer.choices)), ("text_completion", serve.model, 1))
    choice, usage = answer.choices[0], answer.usage
    assert choice.text and choice.finish_reason in ("stop", "length") and choice.logprobs is None, choice
    equal(usage.total_tokens, usage.prompt_tokens + usage.completion_tokens)
    equal(usage.prompt_tokens, len(serve.ids(PROMPT)))
    assert usage.completion_tokens == 12 if choice.finish_reason == "length" else usage.completion_tokens < 12


@check
def greedy(serve):
    """completions: at temperature 0 an answer repeats, and its beginning is the shorter answer"""
    text = serve.text()
    equal(serve.text(), text)
    assert text.startswith(serve.text(max_tokens=5).rstrip("\ufffd")), "5 tokens are not the beginning of 12"


@check
def only_the_likeliest(serve):
    """completions: top_k 1, a tiny top_p and min_p 1 each leave only the likeliest token"""
    text = serve.text()
    equal(serve.text(temperature=1, extra_body={"top_k": 1}), text)
    equal(serve.text(temperature=1, top_p=1e-6), text)
    equal(serve.text(temperature=1, extra_body={"min_p": 1}), text)


@check
def prompts(serve):
    """completions: prompts in a list are answered in order, as each is alone"""
    several = [PROMPT, "A", "def main():", PROMPT + " that sang"]
    answer = serve.complete(several)
    equal([choice.index for choice in answer.choices], [0, 1, 2, 3])
    equal([choice.text for choice in answer.choices], [serve.text(prompt) for prompt in several])


@check
def token_ids(serve):
    """completions: token ids are continued as their text is, alone and in a list"""
    ids, other = serve.ids(PROMPT), serve.ids("A bird")
    equal(serve.text(ids), serve.text())
    equal(
        [choice.text for choice in serve.complete([ids, other]).choices], [serve.text(), serve.text("A bird")]
    )


@check
def choices(serve):
    """completions: n choices of a seed differ from each other, and come again with the seed"""
    several = dict(n=4, seed=5, temperature=1, max_tokens=16)
    texts = [choice.text for choice in serve.complete(**several).choices]
    assert len(texts) == 4 and len(set(texts)) > 1, texts
    equal([choice.text for choice in serve.complete(**several).choices], texts)


@check
def seeds(serve):
    """completions: a seed gives one text, other seeds give others"""
    texts = [serve.text(seed=seed, temperature=1, max_tokens=16) for seed in (1, 2, 3, 1, 2, 3)]
    equal(texts[3:], texts[:3])
    assert len(set(texts)) > 1, texts
    free = {serve.text(temperature=1, max_tokens=16) for _ in range(4)}
    assert len(free) > 1, "without a seed, four texts are the same"


@check
def stops(serve):
    """completions: a stop string ends the text before it, whole and streamed"""
    text = serve.text(max_tokens=24)
    stop = next((text[i : i + 3] for i in range(4, len(text) - 3) if "\ufffd" not in text[i : i + 3]), None)
    assert stop, f"too short to stop: {text!r}"
    before = text[: text.index(stop)]
    choice = serve.complete(max_tokens=24, stop=stop).choices[0]
    equal((choice.text, choice.finish_reason), (before, "stop"))
    texts, ends, _ = streamed(serve.complete(max_tokens=24, stop=["never seen", stop], stream=True))
    equal((texts[0], ends[0]), (before, "stop"))


@check
def streams(serve):
    """completions: a stream's pieces make the whole, of every choice, and usage comes last"""
    answer = serve.complete([PROMPT, "A"], n=2, seed=3, temperature=0.8)
    more = dict(n=2, seed=3, temperature=0.8, stream=True, stream_options={"include_usage": True})
    texts, ends, usage = streamed(serve.complete([PROMPT, "A"], **more))
    equal(texts, {choice.index: choice.text for choice in answer.choices})
    equal(ends, {choice.index: choice.finish_reason for choice in answer.choices})
    equal(usage.total_tokens, answer.usage.total_tokens)


@check
def scores(serve):
    """completions: logprobs name each token, its probability and the likeliest, which temperature 0 takes"""
    answer = serve.complete(logprobs=5)
    choice, scores = answer.choices[0], answer.choices[0].logprobs
    count = len(scores.tokens)
    assert count in (answer.usage.completion_tokens, answer.usage.completion_tokens - 1), count
    equal({count}, {len(scores.token_logprobs), len(scores.top_logprobs), len(scores.text_offset)})
    for token, logprob, top in zip(scores.tokens, scores.token_logprobs, scores.top_logprobs):
        assert logprob <= 0 and 1 <= len(top) <= 6, top
        equal(top[token], logprob)
        assert logprob >= max(top.values()) - 1e-9, f"{token!r} is not the likeliest of {top}"
        assert sum(map(math.exp, top.values())) <= 1 + 1e-6, top
    assert scores.text_offset == sorted(scores.text_offset), scores.text_offset
    if not any(token.startswith("bytes:") for token in scores.tokens):
        assert choice.text.strip() in "".join(scores.tokens), (choice.text, scores.tokens)


@check
def temperatures(serve):
    """completions: scores are the model's own, whatever the temperature"""
    first = [
        serve.complete(logprobs=5, max_tokens=1, temperature=t, seed=1).choices[0].logprobs for t in (0, 2)
    ]
    likeliest = [dict(sorted(it.top_logprobs[0].items(), key=lambda pair: -pair[1])[:5]) for it in first]
    close(list(likeliest[0].values()), list(likeliest[1].values()), 1e-9)


@check
def echo(serve):
    """completions: echo gives the prompt back, with the score of every token but the first"""
    ids = serve.ids(PROMPT)
    equal(serve.text(echo=True), PROMPT + serve.text())
    answer = serve.complete(echo=True, max_tokens=0, logprobs=1)
    scores = answer.choices[0].logprobs
    equal(answer.choices[0].text, PROMPT)
    equal((len(scores.tokens), scores.token_logprobs[0], scores.top_logprobs[0]), (len(ids), None, None))
    assert all(logprob <= 0 for logprob in scores.token_logprobs[1:]), scores.token_logprobs
    equal(answer.usage.completion_tokens, 0)


@check
def scored_twice(serve):
    """completions: a text has the scores as a prompt that it had when it was written"""
    written = serve.complete(logprobs=1, max_tokens=8).choices[0]
    names = written.logprobs.tokens
    again = serve.complete(PROMPT + written.text, echo=True, max_tokens=0, logprobs=1).choices[0].logprobs
    start = len(serve.ids(PROMPT))
    if again.tokens[start : start + len(names)] != names:
        return print(
            "note  that text has other tokens when it is read than when it was written: not compared"
        )
    close(again.token_logprobs[start : start + len(names)], written.logprobs.token_logprobs)


@check
def bias(serve):
    """completions: logit_bias forces a token, and forbids one"""
    token = serve.ids(" the")[-1]
    forced = serve.complete(logit_bias={str(token): 100}, max_tokens=4, logprobs=0).choices[0]
    equal((len(forced.logprobs.tokens), len(set(forced.logprobs.tokens))), (4, 1))
    assert forced.text.strip() in serve.text_of([token] * 4), (forced.text, serve.text_of([token] * 4))
    first = serve.complete(max_tokens=1, logprobs=0).choices[0].logprobs.tokens
    likeliest = (serve.ids(serve.text(max_tokens=1)) or [token])[-1]
    other = (
        serve.complete(max_tokens=1, logprobs=0, logit_bias={str(likeliest): -100}).choices[0].logprobs.tokens
    )
    if serve.text_of([likeliest]).strip() == first[0].strip():
        assert other != first, f"{first} was forbidden"


@check
def penalties(serve):
    """completions: a penalty against repetition lessens it"""
    names = (
        lambda **more: serve.complete(max_tokens=32, logprobs=0, **more).choices[0].logprobs.tokens
    )  # noqa: E731
    free, penalised = names(), names(extra_body={"repetition_penalty": 100})
    if len(set(free)) == len(free):
        return print("note  nothing is repeated without a penalty: it cannot show")
    repeated = lambda tokens: 1 - len(set(tokens)) / len(tokens)  # noqa: E731
    assert repeated(penalised) < repeated(free), (penalised, free)


@check
def together(serve):
    """completions: sixteen at once get what each gets alone"""
    prompts = [f"{PROMPT} number {i}" + " and" * (3 * i) for i in range(16)]
    alone = [serve.text(prompt, seed=1, temperature=1) for prompt in prompts]

    async def at_once():
        async with openai.AsyncOpenAI(base_url=f"{serve.url}/v1", api_key=serve.key or "none") as client:
            more = dict(model=serve.model, seed=1, temperature=1, max_tokens=12)
            return await asyncio.gather(*[client.completions.create(prompt=it, **more) for it in prompts])

    equal([answer.choices[0].text for answer in asyncio.run(at_once())], alone)


@check
def leaving(serve):
    """completions: a stream that is closed early frees its place, and the server goes on"""
    stream = serve.complete(stream=True, max_tokens=200, temperature=1)
    for _, _ in zip(range(3), stream):
        pass
    stream.close()
    assert serve.text(), "no answer afterwards"
    for _ in range(50):
        gauges = re.findall(
            r"^needletail_(?:requests_active|choices_running) (\S+)$", serve.fetch("/metrics"), re.M
        )
        if gauges and not any(map(float, gauges)):
            return
        time.sleep(0.1)
    raise AssertionError(f"still running: {gauges}")


# Chats


@check
def chat(serve):
    """chat: an answer is the assistant's, with an end and counts that add up, and repeats"""
    answer = serve.chat()
    choice, usage = answer.choices[0], answer.usage
    equal((answer.object, choice.message.role), ("chat.completion", "assistant"))
    assert choice.finish_reason in ("stop", "length") and isinstance(choice.message.content, str), choice
    equal(usage.total_tokens, usage.prompt_tokens + usage.completion_tokens)
    equal(serve.chat().choices[0].message.content, choice.message.content)


@check
def chat_messages(serve):
    """chat: every message counts"""
    system = {"role": "system", "content": "Speak of birds."}
    talk = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Yes?"}]
    user = {"role": "user", "content": "Hello"}
    counts = [
        serve.chat(messages=it).usage.prompt_tokens for it in ([user], [*talk, user], [system, *talk, user])
    ]
    assert counts[0] < counts[1] < counts[2], counts


@check
def chat_streams(serve):
    """chat: a stream's pieces make the whole, of every choice, and usage comes last"""
    answer = serve.chat(n=2, seed=3, temperature=0.8)
    more = dict(n=2, seed=3, temperature=0.8, stream=True, stream_options={"include_usage": True})
    texts, ends, usage = streamed(serve.chat(**more))
    equal(texts, {choice.index: choice.message.content for choice in answer.choices})
    equal(ends, {choice.index: choice.finish_reason for choice in answer.choices})
    equal(usage.total_tokens, answer.usage.total_tokens)


@check
def chat_helper(serve):
    """chat: the client's own helper for streams gathers the same answer"""
    more = dict(
        model=serve.model, messages=[{"role": "user", "content": "Hello"}], temperature=0, max_tokens=12
    )
    try:
        with serve.client.chat.completions.stream(**more) as stream:
            answer = stream.get_final_completion()
    except openai.LengthFinishReasonError as error:  # How the helper says that max_tokens were not enough.
        answer = error.completion
    equal(answer.choices[0].message.content, serve.chat().choices[0].message.content)


@check
def chat_scores(serve):
    """chat: logprobs name each token with its bytes and the likeliest, whole and streamed"""
    answer = serve.chat(logprobs=True, top_logprobs=3)
    choice, scores = answer.choices[0], answer.choices[0].logprobs.content
    assert len(scores) in (answer.usage.completion_tokens, answer.usage.completion_tokens - 1), len(scores)
    for score in scores:
        top = [alternative.logprob for alternative in score.top_logprobs]
        equal((len(top), top), (3, sorted(top, reverse=True)))
        assert score.logprob >= top[0] - 1e-9 and score.bytes, score
    written = b"".join(bytes(score.bytes) for score in scores).decode(errors="replace")
    assert choice.message.content.strip("\ufffd ") in written, (choice.message.content, written)
    pieces = [
        score
        for chunk in serve.chat(logprobs=True, top_logprobs=3, stream=True)
        for choice in chunk.choices
        if choice.logprobs
        for score in choice.logprobs.content
    ]
    equal(pieces, scores)


# Embeddings


@check
def embeddings(serve):
    """embeddings: one vector of length one for each text, in base64 (the client's default) as in numbers"""
    texts = [PROMPT, "A", "def main():"]
    answer = serve.embed(texts)
    equal([item.index for item in answer.data], [0, 1, 2])
    for item, text in zip(answer.data, texts):
        assert abs(math.sqrt(sum(x * x for x in item.embedding)) - 1) < 1e-3, "not of length one"
        close(serve.embed(text).data[0].embedding, item.embedding, 1e-6)
    numbers = serve.embed(texts, encoding_format="float")
    for a, b in zip(numbers.data, answer.data):
        close(a.embedding, b.embedding, 1e-7)
    assert answer.data[0].embedding != answer.data[1].embedding, "two texts have one vector"
    equal(answer.usage.prompt_tokens, sum(len(serve.ids(text)) for text in texts))


@check
def embedded_ids(serve):
    """embeddings: token ids have the vector of their text"""
    close(serve.embed(serve.ids(PROMPT)).data[0].embedding, serve.embed(PROMPT).data[0].embedding, 1e-6)


# Errors


def refused(kind, call):
    try:
        call()
    except kind as error:
        return error
    raise AssertionError(f"no {kind.__name__}")


@check
def unknown_model(serve):
    """errors: a model that is not served is NotFoundError, at every address"""
    client, model = serve.client, "no-such-model"
    refused(openai.NotFoundError, lambda: client.completions.create(model=model, prompt="a"))
    refused(openai.NotFoundError, lambda: client.embeddings.create(model=model, input="a"))
    refused(openai.NotFoundError, lambda: client.models.retrieve(model))


@check
def wrong_values(serve):
    """errors: what is out of range is BadRequestError, and names the parameter"""
    for name, value in {
        "temperature": -1,
        "top_p": 2,
        "n": 0,
        "max_tokens": -1,
        "presence_penalty": 3,
    }.items():
        error = refused(openai.BadRequestError, lambda: serve.complete(**{name: value}))
        equal((error.param, error.type), (name, "invalid_request_error"))
        assert name in error.message, error.message


@check
def too_long(serve):
    """errors: a prompt that the context has no room for is BadRequestError context_length_exceeded"""
    error = refused(openai.BadRequestError, lambda: serve.complete([serve.ids("a")[-1]] * 300_000))
    equal(error.code, "context_length_exceeded")


@check
def wrong_key(serve):
    """errors: a wrong key is AuthenticationError"""
    client = openai.OpenAI(base_url=f"{serve.url}/v1", api_key="wrong", max_retries=0)
    error = refused(openai.AuthenticationError, lambda: client.models.list())
    equal(error.code, "invalid_api_key")


def left_out(serve):
    """Names of checks that this server gives no occasion for, and why."""
    reasons = {}
    try:
        serve.chat(max_tokens=1)
    except openai.BadRequestError as error:
        if error.code != "no_chat_template":
            raise
        reasons = {
            it.__name__: "the model has no chat template" for it in CHECKS if it.__name__.startswith("chat")
        }
    if not serve.key:
        reasons["wrong_key"] = "it asks for no key (--key)"
    return reasons


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("url", help="where the server is, as http://127.0.0.1:8080")
    parser.add_argument("--key", default="", help="an API key, where the server wants one")
    parser.add_argument("--model", help="the model's name (asked of the server)")
    parser.add_argument(
        "--only", metavar="NAME", action="append", help="a check by its function's name; may be repeated"
    )
    options = parser.parse_args()
    unknown = set(options.only or []) - {it.__name__ for it in CHECKS}
    if unknown:
        parser.error(f"no check {', '.join(unknown)}: there are {', '.join(it.__name__ for it in CHECKS)}")
    serve, claims = Serve(options), Claims()
    reasons = left_out(serve)
    for it in CHECKS:
        if options.only and it.__name__ not in options.only:
            continue
        if it.__name__ in reasons:
            print(f"note  not checked, {reasons[it.__name__]}: {it.__doc__}")
        else:
            claims.of(it.__doc__, lambda: it(serve))
    claims.end()


if __name__ == "__main__":
    main()
