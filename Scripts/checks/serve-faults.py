#!/usr/bin/env python3
"""Sends a running `needletail serve` what no client should, and sees it refuse each and live on.

    needletail serve MODEL --port 8080 &
    /tmp/oracle/bin/python Scripts/checks/serve-faults.py http://127.0.0.1:8080 [--fuzz 2000] [--key KEY]

Three kinds of faults, over plain sockets so that nothing tidies them up:
- requests that HTTP can say but the API cannot mean (too large, too deep, not JSON, wrong types, values out of range,
  unknown addresses): each must get 4xx in OpenAI's shape, {"error": {"message", "type", "param", "code"}};
- what is no HTTP (nonsense, bad lengths, chunks that are none, floods of headers): 4xx of any shape, or the connection
  is closed, within --patience seconds;
- --fuzz bodies made of good ones by seeded mutation: 2xx that is JSON or a stream, or 4xx in OpenAI's shape.
After each, /health must say 200. With --key it also measures how long wrong keys of the right length take, by how many
of their first characters are right (a report, no judgement). Needs no packages. Exits 1 on any failure.
"""

import argparse
import json
import random
import re
import socket
import statistics
import sys
import time
from urllib.parse import urlsplit

from claims import Claims, shortened

PATHS = ("/v1/completions", "/v1/chat/completions", "/v1/embeddings", "/tokenize", "/detokenize")


class Answer:
    """What came back: a status (0: the connection closed without one), header fields and a body."""

    def __init__(self, data):
        head, _, rest = data.partition(b"\r\n\r\n")
        self.raw = data
        match = re.match(rb"HTTP/1\.[01] (\d{3})", head)
        self.status = int(match[1]) if match else 0
        lines = head.decode("latin-1").split("\r\n")[1:]
        self.fields = {
            name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)
        }
        if self.fields.get("transfer-encoding") == "chunked":
            self.body, self.rest = unchunked(rest)
        else:
            count = int(self.fields.get("content-length", len(rest)))
            self.body, self.rest = rest[:count], rest[count:]

    def __str__(self):
        return f"{self.status or 'no answer'} {self.body[:200].decode(errors='replace')}"

    @property
    def is_refusal(self):
        """Whether it is 4xx in OpenAI's shape."""
        if not 400 <= self.status < 500 or not self.fields.get("content-type", "").startswith(
            "application/json"
        ):
            return False
        try:
            error = strict(self.body)["error"]
        except (ValueError, KeyError, TypeError):
            return False
        return (
            isinstance(error, dict)
            and set(error) == {"message", "type", "param", "code"}
            and isinstance(error["message"], str)
            and bool(error["message"])
            and isinstance(error["type"], str)
            and all(error[key] is None or isinstance(error[key], str) for key in ("param", "code"))
        )


def strict(data):
    def refuse(text):
        raise ValueError(f"{text} is no JSON")

    return json.loads(data.decode(), parse_constant=refuse)


def unchunked(data):
    body = b""
    while data:
        size, _, data = data.partition(b"\r\n")
        count = int(size or b"0", 16)
        if not count:
            return body, data.removeprefix(b"\r\n")
        body, data = body + data[:count], data[count + 2 :]
    return body, data


class Server:
    """The server under test, at the other end of plain sockets."""

    def __init__(self, options):
        self.options = options
        address = urlsplit(options.url)
        self.host, self.address = address.netloc, (address.hostname, address.port or 80)
        self.key = f"Authorization: Bearer {options.key}\r\n".encode() if options.key else b""

    def raw(self, *pieces, pause=0.0, patience=None):
        """Sends bytes as they are and reads until the server closes, or is silent for `patience` seconds."""
        patience = patience or self.options.patience
        received = b""
        with socket.create_connection(self.address, patience) as connection:
            try:
                for piece in pieces:
                    connection.sendall(piece)
                    time.sleep(pause)
            except OSError:
                pass  # It has seen enough; perhaps it said why.
            try:
                while data := connection.recv(65536):
                    received += data
            except TimeoutError:
                return Answer(received) if received else None
            except OSError:
                pass
        return Answer(received)

    def head(self, path, body=b"", method="POST", fields="Content-Type: application/json\r\n", length=None):
        length = len(body) if length is None else length
        sized = f"Content-Length: {length}\r\n" if length != "" else ""
        return (
            (
                f"{method} {path} HTTP/1.1\r\nHost: {self.host}\r\nConnection: close\r\n{fields}{sized}"
            ).encode()
            + self.key
            + b"\r\n"
        )

    def post(self, path, body, **more):
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.raw(self.head(path, body, **more) + body)

    def get(self, path):
        return self.raw(self.head(path, method="GET", fields="", length=""))

    def is_well(self):
        try:
            answer = self.get("/health")
            return answer is not None and answer.status == 200
        except OSError:
            return False


class Faults:
    """Sends faults and claims."""

    def __init__(self, server, claims):
        self.server, self.claims, self.ill = server, claims, 0
        try:
            models = strict(server.get("/v1/models").body)
        except (OSError, AttributeError, ValueError):
            raise SystemExit(f"{server.options.url}/v1/models gives no answer: is a server there?") from None
        model = server.options.model or models["data"][0]["id"]
        self.good = {
            "/v1/completions": {"model": model, "prompt": "Once", "max_tokens": 2},
            "/v1/chat/completions": {
                "model": model,
                "messages": [{"role": "user", "content": "Hi"}],
                "max_tokens": 2,
            },
            "/v1/embeddings": {"model": model, "input": "Once"},
            "/tokenize": {"model": model, "prompt": "Once"},
            "/detokenize": {"model": model, "tokens": [1, 2]},
        }

    def judge(self, name, answer, fits):
        well = self.server.is_well()
        self.ill = 0 if well else self.ill + 1
        got = "silence" if answer is None else answer
        self.claims(
            name, answer is not None and fits(answer) and well, got if well else f"{got}, and is not well now"
        )

        if self.ill == 3:
            print("FAIL  the server is gone: the rest was not sent")
            sys.exit(1)

    def refused(self, name, answer):
        self.judge(name, answer, lambda answer: answer.is_refusal)

    def not_http(self, name, answer):
        """4xx in whatever shape, or a closed connection. 501 is HTTP's own word for codings it does not know."""
        self.judge(
            name,
            answer,
            lambda answer: not answer.status or 400 <= answer.status < 500 or answer.status in (501, 505),
        )

    def sent(self, path, **members):
        """The answer to a good request with some of its members changed."""
        return self.server.post(path, {**self.good[path], **members})


def good_requests(faults):
    for path, body in faults.good.items():
        answer = faults.server.post(path, body)
        if path == "/v1/chat/completions" and answer.status == 400:
            print(f"note  {path} is refused here: {answer}")
            continue
        faults.claims(f"a good request to {path} is answered", answer.status == 200, answer)


def not_json(faults):
    nothing = [
        ("an empty body", b""),
        ("spaces", b"   "),
        ("a word", b"hello"),
        ("a bare string", b'"prompt"'),
        ("a number", b"1"),
        ("null", b"null"),
        ("an array", b"[]"),
        ("half an object", b'{"prompt": "a'),
        ("a comma too many", b'{"prompt": "a",}'),
        ("single quotes", b"{'prompt': 'a'}"),
        ("a comment", b'{"prompt": "a"} // no'),
        ("two objects", b'{"prompt": "a"}{"prompt": "b"}'),
        ("NaN", b'{"prompt": "a", "temperature": NaN}'),
        ("Infinity", b'{"prompt": "a", "top_p": Infinity}'),
        ("-Infinity", b'{"prompt": "a", "top_p": -Infinity}'),
        ("1e999", b'{"prompt": "a", "temperature": 1e999}'),
        ("leading zeros", b'{"prompt": "a", "max_tokens": 01}'),
        ("a plus", b'{"prompt": "a", "max_tokens": +1}'),
        ("hexadecimal", b'{"prompt": "a", "max_tokens": 0x1}'),
        ("a naked point", b'{"prompt": "a", "top_p": .5}'),
        ("a control character", b'{"prompt": "a\nb"}'),
        ("an unknown escape", b'{"prompt": "\\x41"}'),
        ("a lone high surrogate", b'{"prompt": "\\ud83d"}'),
        ("a lone low surrogate", b'{"prompt": "\\udc26"}'),
        ("surrogates the wrong way round", b'{"prompt": "\\udc26\\ud83d"}'),
        ("a key twice", b'{"prompt": "a", "prompt": "b"}'),
        ("bytes that are no UTF-8", b'{"prompt": "\xff\xfe"}'),
        ("an overlong encoding", b'{"prompt": "\xc0\xaf"}'),
        ("a surrogate in UTF-8", b'{"prompt": "\xed\xa0\x80"}'),
        ("half a character", b'{"prompt": "\xe2\x82"}'),
        ("UTF-16", '{"prompt": "a"}'.encode("utf-16")),
        ("Latin-1", '{"prompt": "é"}'.encode("latin-1")),
        ("a zero byte", b'{"prompt": "a"}\0'),
        ("gzip's magic", b"\x1f\x8b\x08\x00\x00\x00"),
        ("digits without end", b'{"max_tokens": ' + b"9" * 100000 + b"}"),
        ("arrays 100,000 deep", b"[" * 100000),
        ("objects 100,000 deep", b'{"a":' * 100000),
        ("closed arrays 20,000 deep", b'{"prompt":' + b"[" * 20000 + b"]" * 20000 + b"}"),
    ]
    for name, body in nothing:
        faults.refused(f"no JSON of this API: {name}", faults.server.post("/v1/completions", body))
    for path in PATHS:
        for name, body in (("half an object", b'{"a": '), ("an array", b"[1]"), ("an empty object", b"{}")):
            faults.refused(f"{path}: {name}", faults.server.post(path, body))


def wrong_values(faults):
    text, chat, embed = PATHS[0], PATHS[1], PATHS[2]
    odd = {
        "a string": "x",
        "a number": 1.5,
        "true": True,
        "an array": [None],
        "an object": {"a": 1},
        "nested": [[["x"]]],
    }
    kinds = {
        "temperature": ("a string", "true", "an array", "an object"),
        "top_p": ("a string", "true", "an object"),
        "min_p": ("a string", "true", "an array"),
        "top_k": ("a string", "a number", "true", "an array"),
        "max_tokens": ("a string", "a number", "true", "an array"),
        "n": ("a string", "a number", "true", "an object"),
        "seed": ("a string", "a number", "true", "an array"),
        "stream": ("a string", "a number", "an array"),
        "stop": ("a number", "true", "an array", "an object"),
        "presence_penalty": ("a string", "true"),
        "frequency_penalty": ("a string", "an array"),
        "repetition_penalty": ("a string", "true"),
        "logit_bias": ("a string", "a number", "true", "an array", "an object"),
        "model": ("a number", "true", "an array"),
        "stream_options": ("a string", "true", "an array"),
    }
    for path in (text, chat):
        for member, names in kinds.items():
            for name in names:
                faults.refused(f"{path}: {member} is {name}", faults.sent(path, **{member: odd[name]}))
    out = [
        ("temperature", -0.1),
        ("temperature", 1e300),
        ("top_p", 0),
        ("top_p", 1.01),
        ("top_p", -1),
        ("min_p", 1.5),
        ("top_k", -2),
        ("max_tokens", -1),
        ("max_tokens", 10**30),
        ("n", 0),
        ("n", -1),
        ("n", 10**6),
        ("n", 10**19),
        ("seed", 10**40),
        ("presence_penalty", 2.1),
        ("frequency_penalty", -2.1),
        ("repetition_penalty", 0),
        ("logprobs", -1),
        ("logprobs", 10**6),
        ("logit_bias", {"0": 101}),
        ("logit_bias", {"-1": 1}),
        ("logit_bias", {"99999999999": 1}),
        ("logit_bias", {"x": 1}),
        ("logit_bias", {"0": None}),
        ("stop", ["a"] * 1000),
        ("stop", [""] * 1000),
        ("stop", [1]),
    ]
    for member, value in out:
        answer = faults.sent(text, **{member: value})
        faults.refused(f"{text}: {member} is {shortened(value, 30)}", answer)
    prompts = [
        None,
        True,
        3,
        {},
        [],
        [[]],
        ["a", 1],
        [1, "a"],
        [1, None],
        [[1], "a", {}],
        [-1],
        [10**9],
        [1.5],
        [2**40],
        [[1, [2]]],
        [True],
        "word " * 400000,
    ]
    for path, member in ((text, "prompt"), (embed, "input")):
        for value in prompts:
            faults.refused(
                f"{path}: {member} is {shortened(value, 30)}", faults.sent(path, **{member: value})
            )
    user = {"role": "user", "content": "Hi"}
    for value in (
        None,
        "Hi",
        {},
        [],
        [None],
        ["Hi"],
        [{}],
        [{"role": "user"}],
        [{"content": "Hi"}],
        [user | {"role": 1}],
        [user | {"role": None}],
        [user | {"content": 1}],
        [user | {"content": {}}],
        [user | {"content": [1]}],
        [user | {"content": [{"type": "text"}]}],
        [user | {"content": [{"type": "image_url", "image_url": {}}]}],
        [user] * 100000,
        [user | {"content": "word " * 400000}],
    ):
        faults.refused(f"{chat}: messages is {shortened(value, 40)}", faults.sent(chat, messages=value))
    for path in (text, chat, embed):
        faults.refused(f"{path}: a model that is not served", faults.sent(path, model="no-such-model"))
    for value in ("hex", 1, []):
        faults.refused(f"{embed}: encoding_format is {value}", faults.sent(embed, encoding_format=value))
    for value in ("a", [-1], [10**9], ["a"], [1.5], {}, [2**63]):
        faults.refused(f"/detokenize: tokens is {value}", faults.sent("/detokenize", tokens=value))


def wrong_requests(faults):
    server = faults.server
    for method in ("GET", "PUT", "DELETE", "PATCH", "TRACE"):
        faults.refused(f"{method} /v1/completions", server.raw(server.head("/v1/completions", method=method)))
    for path in ("/v1/models", "/health", "/"):
        faults.refused(f"POST {path}", server.post(path, {}))
    for path in (
        "/v1",
        "/v1/",
        "/v2/completions",
        "/v1/completions/x",
        "/favicon.ico",
        "/../../etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/v1/models/no-such-model",
        "/v1/models/%00",
        "/v1/models/%ff",
        "/" + "a" * 6000,
        "/%",
        "//",
        "/v1//completions",
        "/v1/models/..%2f..%2fetc%2fpasswd",
    ):
        faults.refused(f"GET {shortened(path, 40)}", server.get(path))
    good = json.dumps(faults.good["/v1/completions"]).encode()
    for kind in (
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/json; charset=utf-16",
        "application/json; charset=latin-1",
    ):
        faults.refused(
            f"Content-Type {kind}", server.post("/v1/completions", good, fields=f"Content-Type: {kind}\r\n")
        )
    for coding in ("gzip", "br", "deflate"):
        fields = f"Content-Type: application/json\r\nContent-Encoding: {coding}\r\n"
        faults.refused(f"Content-Encoding {coding}", server.post("/v1/completions", good, fields=fields))
    size = server.options.too_large
    faults.refused(
        f"a body of {size:,} bytes", server.post("/v1/completions", b'{"prompt": "' + b"a" * size + b'"}')
    )
    faults.refused(
        "a body said to be of 10 GB", server.raw(server.head("/v1/completions", length=10**10), b"{")
    )
    chunk = b"10000\r\n" + b" " * 65536 + b"\r\n"
    fields = "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n"
    pieces = [chunk] * (size // 65536 + 1)
    faults.refused(
        "chunks without end", server.raw(server.head("/v1/completions", fields=fields, length=""), *pieces)
    )
    if server.options.key:
        for name, field in (
            ("no key", b""),
            ("a wrong key", b"Authorization: Bearer wrong\r\n"),
            ("an empty key", b"Authorization: Bearer \r\n"),
            ("Basic", b"Authorization: Basic YTpi\r\n"),
            ("a key that is no text", b"Authorization: Bearer \xff\xfe\r\n"),
        ):
            kept, server.key = server.key, field
            answer = server.post("/v1/completions", good)
            server.key = kept
            faults.judge(f"401 for {name}", answer, lambda answer: answer.is_refusal and answer.status == 401)


def not_http(faults):
    server = faults.server
    good = json.dumps(faults.good["/v1/completions"]).encode()
    post = server.head("/v1/completions", good)
    chunked = server.head(
        "/v1/completions",
        fields="Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n",
        length="",
    )
    both = server.head(
        "/v1/completions", good, fields="Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n"
    )
    line = f"POST /v1/completions HTTP/1.1\r\nHost: {server.host}\r\n".encode()
    cases = [
        ("nonsense", b"\x00\x01\x02\x03 nonsense \xff\r\n\r\n"),
        ("a TLS hello", bytes.fromhex("1603010200010001fc0303") + b"\0" * 512),
        ("no path", b"POST\r\n\r\n"),
        ("an unknown version", post.replace(b"HTTP/1.1", b"HTTP/9.9") + good),
        ("an HTTP/2 preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0" * 24),
        ("a method of 10,000 letters", b"P" * 10000 + b" / HTTP/1.1\r\n\r\n"),
        ("a path of 1 MB", b"GET /" + b"a" * (1 << 20) + b" HTTP/1.1\r\nHost: x\r\n\r\n"),
        ("no Host", b"GET /health HTTP/1.1\r\n: x\r\n\r\n"),
        ("a field without a name", line + b": nothing\r\n\r\n"),
        ("a space in a field's name", line + b"Bad Name: x\r\n\r\n"),
        ("a zero byte in a field", line + b"X: a\0b\r\n\r\n"),
        ("a folded field", line + b"X: a\r\n b\r\nContent-Length: 0\r\n\r\n"),
        ("a field of 1 MB", line + b"X: " + b"a" * (1 << 20) + b"\r\n\r\n"),
        ("20,000 fields", line + b"".join(b"X-%d: y\r\n" % i for i in range(20000)) + b"\r\n"),
        ("Content-Length that is no number", server.head("/v1/completions", length="many") + good),
        ("a negative Content-Length", server.head("/v1/completions", length=-5) + good),
        ("a Content-Length beyond 64 bits", server.head("/v1/completions", length=10**40) + good),
        ("two Content-Lengths", line + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n{}   "),
        ("Content-Length and chunks", both + good),
        ("a chunk's size that is no number", chunked + b"many\r\n{}\r\n0\r\n\r\n"),
        ("a negative chunk", chunked + b"-1\r\n{}\r\n0\r\n\r\n"),
        ("a chunk beyond 64 bits", chunked + b"f" * 40 + b"\r\n{}\r\n0\r\n\r\n"),
        ("a chunk longer than said", chunked + b"2\r\n{}{}{}{}\r\n0\r\n\r\n"),
        (
            "an unknown transfer coding",
            server.head("/v1/completions", fields="Transfer-Encoding: magic\r\n", length="") + good,
        ),
    ]
    for name, data in cases:
        faults.not_http(f"no HTTP: {name}", server.raw(data))
    short = server.raw(server.head("/v1/completions", good, length=len(good) - 3) + good)
    faults.not_http("a Content-Length too small", short)
    for name, data in (
        ("a body that never ends", server.head("/v1/completions", length=len(good) + 10) + good),
        ("a chunk that never ends", chunked + b"ff\r\n{"),
        ("a head that never ends", line),
    ):
        with socket.create_connection(server.address) as connection:
            connection.sendall(data)
            time.sleep(0.2)
        faults.claims(f"{name}: the client goes, the server stays", server.is_well())


def pipelining(faults):
    server = faults.server
    one = f"GET /health HTTP/1.1\r\nHost: {server.host}\r\n\r\n".encode()
    last = one.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    bad = server.head("/v1/completions", b"{").replace(b"Connection: close\r\n", b"") + b"{"
    data, statuses = server.raw(one + bad + one + bad + last), []
    while data is not None and data.status:
        statuses.append(data.status)
        data = Answer(data.rest)
    faults.claims(
        "five requests at once are answered in order", statuses == [200, 400, 200, 400, 200], statuses
    )
    begun = [server.raw(*[bytes([byte]) for byte in last], pause=0.002)]
    faults.claims("a request that comes byte by byte is answered", begun[0].status == 200, begun[0])
    many = [socket.create_connection(server.address) for _ in range(200)]
    faults.claims("200 silent connections keep nobody out", server.is_well())
    for connection in many:
        connection.close()


def fuzz(faults, count, seed):
    draw = random.Random(seed)
    chats = faults.server.post("/v1/chat/completions", faults.good["/v1/chat/completions"]).status == 200
    paths = [path for path in PATHS if chats or "chat" not in path]
    extra = {
        "temperature": 0.5,
        "top_p": 0.9,
        "top_k": 5,
        "min_p": 0.1,
        "n": 2,
        "seed": 3,
        "stop": ["a"],
        "logprobs": None,
        "logit_bias": {"1": 2},
        "echo": False,
        "stream": False,
        "presence_penalty": 0.1,
        "stream_options": None,
    }
    bad, tally = [], {}
    for number in range(count):
        path = draw.choice(paths)
        body = {
            **faults.good[path],
            **{key: extra[key] for key in draw.sample(sorted(extra), draw.randrange(5))},
        }
        data = mutated_text(draw, mutated(draw, body))
        answer = faults.server.post(path, data)
        status = answer.status if answer else None
        tally[status] = tally.get(status, 0) + 1
        kind = answer.fields.get("content-type", "") if answer else ""
        fine = answer is not None and (
            answer.is_refusal
            or status == 200
            and (
                kind.startswith("text/event-stream") and b"data: [DONE]" in answer.body or parses(answer.body)
            )
        )
        if not fine:
            bad.append((number, path, data[:300], str(answer)))
            if not faults.server.is_well():
                break
    for number, path, data, answer in bad[:5]:
        print(f"      body {number} to {path}: {data!r} got {answer}")
    faults.claims(
        f"{count} mutated bodies are answered or refused: {dict(sorted(tally.items(), key=str))}",
        not bad,
        f"{len(bad)} are not",
    )
    faults.claims("the server is well afterwards", faults.server.is_well())


def parses(data):
    try:
        return isinstance(strict(data), dict)
    except ValueError:
        return False


def mutated(draw, value):
    """The value with something in it changed."""
    strange = [
        None,
        True,
        False,
        0,
        -1,
        1,
        2,
        1.5,
        -0.0,
        1e308,
        5e-324,
        2**31,
        2**53,
        2**63,
        -(2**63),
        10**25,
        "",
        " ",
        "0",
        "a\0b",
        "\u202e",
        "é" * 50,
        "🐦",
        "\U0010ffff",
        "<s>",
        "</s>",
        "<|im_start|>",
        [],
        {},
        [[]],
        [None],
        {"": None},
        ["a"] * 20,
        [1, 2, 3],
    ]
    if draw.random() < 0.3:
        return draw.choice(strange)
    if isinstance(value, dict) and value:
        value = dict(value)
        for _ in range(draw.randrange(1, 3)):
            key = draw.choice(sorted(value))
            kind = draw.random()
            if kind < 0.15:
                del value[key]
            elif kind < 0.3:
                value[draw.choice(["", "x", "N", key + " ", key.upper()])] = value[key]
            else:
                value[key] = mutated(draw, value[key])
            if not value:
                break
        return capped(value)
    if isinstance(value, list) and value:
        value = list(value)
        place = draw.randrange(len(value))
        value[place] = mutated(draw, value[place])
        return value * draw.choice([1, 1, 2])
    if isinstance(value, str):
        place = draw.randrange(len(value) + 1)
        return value[:place] + draw.choice(["", "\n", "\0", "\\", '"', "é", "\ufeff", "<s>"]) + value[place:]
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return draw.choice([-value, value + 1, value * 1000, value / 3, str(value), int(value)])
    return draw.choice(strange)


def capped(body):
    """Answers stay short: what is asked is whether they come, not how much."""
    for key in ("max_tokens", "n"):
        if (
            isinstance(body.get(key), (int, float))
            and not isinstance(body[key], bool)
            and 8 < body[key] < 10**20
        ):
            body[key] = 8
    return body


def mutated_text(draw, value):
    data = bytearray(json.dumps(value, ensure_ascii=draw.random() < 0.5).encode())
    if draw.random() < 0.3:
        for _ in range(draw.randrange(1, 4)):
            place = draw.randrange(len(data) + 1)
            kind = draw.random()
            if kind < 0.35 and place < len(data):
                data[place] = draw.randrange(256)
            elif kind < 0.6:
                del data[place : place + draw.randrange(1, 8)]
            elif kind < 0.8:
                data[place:place] = draw.choice(
                    [
                        b"{",
                        b"}",
                        b"[",
                        b"]",
                        b",",
                        b":",
                        b'"',
                        b"\\",
                        b"\\u",
                        b"\\ud800",
                        b"e9",
                        b"-",
                        b"\xff",
                        b"\0",
                    ]
                )
            else:
                data[place:place] = data[:place][-20:]
    return bytes(data)


def key_timing(faults, tries):
    """How long wrong keys take, by how many of their first characters are right."""
    server, key = faults.server, faults.server.options.key
    flip = lambda text: "".join("y" if c == "x" else "x" for c in text)  # noqa: E731
    shares = {"none": 0, "half": len(key) // 2, "all but one": len(key) - 1}
    times = {name: [] for name in shares}
    body = json.dumps(faults.good["/v1/completions"]).encode()
    with socket.create_connection(server.address, server.options.patience) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        names = list(shares) * tries
        random.Random(1).shuffle(names)
        for name in names:
            wrong = key[: shares[name]] + flip(key[shares[name] :])
            head = (
                f"POST /v1/completions HTTP/1.1\r\nHost: {server.host}\r\nContent-Type: application/json\r\n"
                f"Authorization: Bearer {wrong}\r\nContent-Length: {len(body)}\r\n\r\n"
            )
            start = time.perf_counter()
            connection.sendall(head.encode() + body)
            if b" 401 " not in connection.recv(65536)[:16]:
                return faults.claims("a wrong key gets 401 on a connection that stays open", False)
            times[name].append(1e6 * (time.perf_counter() - start))
    print(
        f"time of a wrong key of the right length, {tries} tries each, by how many of its first characters are right:"
    )
    for name, values in times.items():
        ordered = sorted(values)
        print(
            f"  {name:<12} median {statistics.median(values):7.1f} µs   p10 {ordered[len(ordered) // 10]:7.1f}   "
            f"p90 {ordered[len(ordered) * 9 // 10]:7.1f}"
        )


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("url", help="where the server is, as http://127.0.0.1:8080")
    parser.add_argument("--fuzz", type=int, default=1000, metavar="N", help="mutated bodies to send (1000)")
    parser.add_argument("--seed", type=int, default=1, help="of the mutations (1)")
    parser.add_argument("--key", default="", help="the API key, where the server wants one")
    parser.add_argument("--model", help="the model's name (asked of the server)")
    parser.add_argument(
        "--too-large", type=int, default=64 << 20, metavar="BYTES", help="a body beyond the limit (64 MB)"
    )
    parser.add_argument("--patience", type=float, default=40, help="seconds until silence is a failure (40)")
    parser.add_argument("--tries", type=int, default=200, help="of wrong keys, each kind (200)")
    options = parser.parse_args()
    claims = Claims()
    faults = Faults(Server(options), claims)
    good_requests(faults)
    not_json(faults)
    wrong_values(faults)
    wrong_requests(faults)
    not_http(faults)
    pipelining(faults)
    fuzz(faults, options.fuzz, options.seed)
    if options.key:
        key_timing(faults, options.tries)
    claims.end()


if __name__ == "__main__":
    main()
