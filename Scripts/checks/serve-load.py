#!/usr/bin/env python3
"""Loads a running `needletail serve` with many streaming clients, and judges every answer.

    needletail serve MODEL --port 8080 &
    /tmp/oracle/bin/python Scripts/checks/serve-load.py http://127.0.0.1:8080 --pid $! --seconds 180
    … --start "needletail serve MODEL --port 8080" --seconds 60 --terminate-at 20

Clients ask for completions and chats of random length, one after another; prompts share beginnings. A share of the
clients leaves in the middle of an answer, some read slowly, some send their headers a byte a second. Now and then the
same seeded request is sent: its text must never change. A stream is good if it is well formed and complete: finish
reasons, token counts that add up, [DONE], nothing after it. At the end the server must be idle and its memory flat:
the mean resident size of the last quarter of the time over that of the second.

With --terminate-at the server gets SIGTERM in the middle. Every request that it had for a second, or had begun to
answer, must get its complete answer; new ones are refused or get 503; the process exits 0 (seen with --start only).

Prints a table; exits 1 on any failure. Wants aiohttp (Scripts/oracles/requirements.txt).
"""

import argparse
import asyncio
import collections
import json
import os
import random
import re
import shlex
import signal
import socket
import subprocess
import time
from urllib.parse import urlsplit

import aiohttp
from claims import Claims, shortened

WORDS = """a the swift flies over high towers and small gardens while rain falls on old stones where nobody waits for
long 12 1984 (perhaps) "so" they say; naïve café 日本 🐦 def main(): return x == 0 never mind""".split()


class Bad(Exception):
    """An answer is not what it must be."""


class Refused(Exception):
    """The server did not take the request."""


class Load:
    """What all clients share."""

    def __init__(self, options):
        self.options = options
        self.random = random.Random(options.seed)
        self.start = time.monotonic()
        self.terminated = None
        self.prefixes = [self.words(count) for count in (5, 20, 20, 60, 120, 200)]
        self.canaries = collections.Counter()
        self.counts = collections.Counter()
        self.errors = collections.Counter()
        self.first, self.between = [], []
        self.resident = []
        self.held = []  # Seconds that connections without a request stood.

    def words(self, count):
        return " ".join(self.random.choices(WORDS, k=count))

    @property
    def over(self):
        return self.terminated or time.monotonic() - self.start > self.options.seconds

    def fail(self, error):
        self.errors[shortened(error, 160)] += 1

    def request(self, slow=False):
        """A path, a body, and whether it is the request that always gets the same answer."""
        draw = self.random
        body = {"model": self.options.model, "stream": True, "stream_options": {"include_usage": True}}
        if not slow and draw.random() < 0.05:
            body |= {
                "prompt": "Once upon a time",
                "seed": 7,
                "temperature": 1,
                "max_tokens": 24,
                "logprobs": 1,
            }
            return "/v1/completions", body, True
        most = 64 if slow else min(64, int(draw.expovariate(1 / 20)) + 1)
        body |= {"max_tokens": most, "temperature": draw.choice([0, 0.7, 1, 1.5])}
        # A token has a byte or more, so this fits; a chat's template takes some room too.
        room = max(16, self.options.context - most - 150)
        text = draw.choice(self.prefixes) if draw.random() < 0.4 else ""
        text = f"{text} {self.words(int(draw.expovariate(1 / 30)) + 1)}".strip()
        text = text.encode()[:room].decode(errors="ignore")
        body |= draw.choice(
            [
                {},
                {},
                {"top_p": 0.9},
                {"top_k": 40},
                {"min_p": 0.05},
                {"frequency_penalty": 0.5},
                {"stop": ["\n", "the"]},
                {"seed": draw.randrange(1 << 31)},
                {"n": 2},
            ]
        )
        if slow or draw.random() < 0.2:
            body["logprobs"] = 5
        if self.options.chat and draw.random() < 0.3:
            if "logprobs" in body:
                body |= {"logprobs": True, "top_logprobs": 5}
            return "/v1/chat/completions", body | {"messages": [{"role": "user", "content": text}]}, False
        return "/v1/completions", body | {"prompt": text}, False


class Stream:
    """Judges the lines of one stream as they come."""

    def __init__(self, body):
        self.body = body
        self.texts, self.finished = collections.defaultdict(str), {}
        self.scored = collections.Counter()
        self.usage, self.id, self.done = None, None, False

    def line(self, line):
        """Takes a line; tells whether it brought text."""
        if not line:
            return False
        if self.done:
            raise Bad(f"a line after [DONE]: {line}")
        if not line.startswith("data: "):
            raise Bad(f"a line that is no data: {line}")
        if line == "data: [DONE]":
            self.done = True
            return False
        event = json.loads(line[6:])
        if "error" in event:
            raise Bad(f"an error in the stream: {event['error'].get('message')}")
        if self.usage:
            raise Bad("an event after the usage")
        if self.id not in (None, event["id"]) or event["model"] != self.body["model"]:
            raise Bad("a stream changes its id or model")
        self.id = event["id"]
        if not event["choices"]:
            self.usage = event["usage"]
        return any([self.choice(choice) for choice in event["choices"]])

    def choice(self, choice):
        index = choice["index"]
        if index in self.finished:
            raise Bad("a choice goes on after its end")
        text = choice["delta"].get("content") or "" if "delta" in choice else choice["text"]
        scores = choice.get("logprobs") or {}
        count = len(scores.get("content") or scores.get("tokens") or [])
        self.texts[index] += text
        self.scored[index] += count
        if choice.get("finish_reason"):
            self.finished[index] = choice["finish_reason"]
        return bool(text or count)

    def end(self):
        """Tells how many tokens were written, if all is well."""
        choices, most = self.body.get("n", 1), self.body["max_tokens"]
        if not self.done:
            raise Bad("a stream without [DONE]")
        if sorted(self.finished) != list(range(choices)):
            raise Bad(f"{choices} choices, of which {sorted(self.finished)} end")
        if not set(self.finished.values()) <= {"stop", "length"}:
            raise Bad(f"finish reasons {self.finished}")
        usage = self.usage or {}
        written, prompt = usage.get("completion_tokens", -1), usage.get("prompt_tokens", -1)
        if not (
            0 <= written <= most * choices and prompt > 0 and usage.get("total_tokens") == prompt + written
        ):
            raise Bad(f"usage does not add up: {usage}, max_tokens {most}, n {choices}")
        if set(self.finished.values()) == {"length"} and written != most * choices:
            raise Bad(f"ended by length after {written} tokens of {most * choices}")
        if self.body.get("logprobs") and self.scored.total() > written:
            raise Bad(f"{self.scored.total()} scores for {written} tokens")
        return written


async def client(load, session):
    """Asks one thing after another, as quickly as answers come."""
    while not load.over:
        path, body, canary = load.request()
        leaves = not canary and load.random.random() < load.options.disconnect
        stop = load.random.randrange(6) if leaves else None
        await judged(load, one(load, session, path, body, canary, stop), time.monotonic())


async def judged(load, answer, sent):
    try:
        await answer
    except Refused as refusal:
        if load.terminated and load.terminated - sent < 1:
            load.counts["refused at the end"] += 1
        else:
            load.fail(refusal)
        await asyncio.sleep(0.05)
    except (Bad, aiohttp.ClientError, asyncio.TimeoutError, OSError, ValueError, KeyError, EOFError) as error:
        load.fail(f"{type(error).__name__}: {error}")
        await asyncio.sleep(0.05)


async def one(load, session, path, body, canary, stop):
    start = time.monotonic()
    load.counts["requests"] += 1
    try:
        response = await session.post(path, json=body)
    except (aiohttp.ClientConnectionError, ConnectionError) as error:
        raise Refused(f"no answer: {type(error).__name__} {error}") from None
    async with response:
        if response.status != 200:
            message = (await response.json())["error"]["message"]
            raise (Refused if response.status == 503 else Bad)(f"{response.status} {message}")
        if not response.content_type == "text/event-stream":
            raise Bad(f"Content-Type {response.content_type}")
        stream, last, chunks = Stream(body), None, 0
        async for raw in response.content:
            if stream.line(raw.decode().rstrip("\r\n")):
                now = time.monotonic()
                (load.between if last else load.first).append(now - (last or start))
                last = now
                chunks += 1
                if stop is not None and chunks > stop:
                    load.counts["left"] += 1
                    response.close()
                    return
    load.counts["tokens"] += stream.end()
    load.counts["complete"] += 1
    if canary:
        load.canaries[stream.texts[0]] += 1


async def slow_reader(load):
    """Takes its answers in small bites, through a small window."""
    address = urlsplit(load.options.url)
    while not load.over:
        path, body, _ = load.request(slow=True)
        await judged(load, bites(load, address, path, body), time.monotonic())


async def bites(load, address, path, body):
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    connection.setblocking(False)
    loop = asyncio.get_running_loop()
    try:
        await loop.sock_connect(connection, (address.hostname, address.port or 80))
        reader, writer = await asyncio.open_connection(sock=connection, limit=1024)
    except OSError as error:
        connection.close()
        raise Refused(f"no connection: {error}") from None
    load.counts["requests"] += 1
    load.counts["slow"] += 1
    payload = json.dumps(body).encode()
    key = f"Authorization: Bearer {load.options.key}\r\n" if load.options.key else ""
    writer.write(
        f"POST {path} HTTP/1.1\r\nHost: {address.netloc}\r\nContent-Type: application/json\r\n{key}"
        f"Connection: close\r\nContent-Length: {len(payload)}\r\n\r\n".encode() + payload
    )
    received = bytearray()
    try:
        await writer.drain()
        while bite := await reader.read(1024):
            received += bite
            if not load.terminated:
                await asyncio.sleep(0.05)
    except ConnectionError as error:
        if not received:
            raise Refused(f"no answer: {error}") from None
        raise
    finally:
        writer.close()
    head, _, rest = bytes(received).partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200"):
        raise (Refused if not head or b" 503 " in head[:16] else Bad)(f"a slow reader got {head[:60]}")
    if b"transfer-encoding: chunked" in head.lower():
        rest = unchunked(rest)
    stream = Stream(body)
    for line in rest.decode().split("\n"):
        stream.line(line.rstrip("\r"))
    load.counts["tokens"] += stream.end()
    load.counts["complete"] += 1


def unchunked(data):
    whole = b""
    while True:
        size, found, data = data.partition(b"\r\n")
        if not found:
            raise Bad("a chunked answer breaks off")
        count = int(size, 16)
        if not count:
            return whole
        whole, data = whole + data[:count], data[count + 2 :]


async def slow_loris(load):
    """Sends headers a byte a second, until the server has enough."""
    address = urlsplit(load.options.url)
    head = f"POST /v1/completions HTTP/1.1\r\nHost: {address.netloc}\r\nX-Patience: {'z' * 100000}"
    while not load.over:
        start = time.monotonic()
        try:
            reader, writer = await asyncio.open_connection(address.hostname, address.port or 80)
        except OSError:
            return
        try:
            for byte in head.encode():
                writer.write(bytes([byte]))
                await writer.drain()
                try:
                    if not await asyncio.wait_for(reader.read(1024), 1):
                        break
                except asyncio.TimeoutError:
                    if load.over and (
                        not load.terminated or time.monotonic() - load.terminated > load.options.drain
                    ):
                        break
        except OSError:
            pass
        writer.close()
        load.held.append(time.monotonic() - start)


async def watch_memory(load):
    while not load.over:
        load.resident.append(resident(load.options.pid))
        await asyncio.sleep(1)


def resident(pid):
    """The process's resident size, in MB."""
    with open(f"/proc/{pid}/status") as file:
        return int(re.search(r"VmRSS:\s+(\d+) kB", file.read())[1]) / 1024


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


async def terminate(load, claims, server):
    """Sends SIGTERM and sees that nobody gets in after it and the process goes."""
    await asyncio.sleep(load.options.terminate_at)
    running = load.counts["requests"] - load.counts["complete"] - load.counts["left"] - load.errors.total()
    print(f"SIGTERM after {load.options.terminate_at} s, with {running} requests under way", flush=True)
    os.kill(load.options.pid, signal.SIGTERM)
    load.terminated = time.monotonic()
    taken, tried = [], 0
    body = {"model": load.options.model, "prompt": "Too late", "max_tokens": 1}
    await asyncio.sleep(0.5)
    while lives := alive(load, server):
        if time.monotonic() - load.terminated > load.options.drain:
            break
        tried += 1
        try:
            async with aiohttp.ClientSession(load.options.url) as session:
                async with session.post("/v1/completions", json=body, headers=load.headers) as response:
                    if response.status != 503:
                        taken.append(response.status)
        except (aiohttp.ClientError, ConnectionError):
            pass
        await asyncio.sleep(0.1)
    seconds = time.monotonic() - load.terminated
    claims(f"after SIGTERM new requests are refused ({tried} tried)", not taken, taken[:5])
    claims(f"the process ends within {load.options.drain:g} s of SIGTERM ({seconds:.1f} s)", not lives)
    if server:
        claims("it exits 0", server.poll() == 0, server.poll())
    else:
        print("its exit status is its parent's to see: use --start")


def alive(load, server):
    if server:
        return server.poll() is None
    try:
        os.kill(load.options.pid, 0)
        return True
    except ProcessLookupError:
        return False


async def run(load, claims, server):
    options = load.options
    timeout = aiohttp.ClientTimeout(total=options.patience)
    async with aiohttp.ClientSession(
        options.url, headers=load.headers, timeout=timeout, connector=aiohttp.TCPConnector(limit=0)
    ) as session:
        await prepare(load, session)
        before = descriptors(options.pid) if options.pid else 0
        load.start = time.monotonic()
        people = [client(load, session) for _ in range(options.clients)]
        people += [slow_reader(load) for _ in range(options.slow)]
        others = [slow_loris(load) for _ in range(options.loris)]
        if options.pid:
            others.append(watch_memory(load))
        if options.terminate_at:
            others.append(terminate(load, claims, server))
        strangers = [asyncio.create_task(other) for other in others]
        await asyncio.gather(*people)
        seconds = time.monotonic() - load.start
        if not options.terminate_at:
            # What waits for the next byte to send need not be waited for.
            await asyncio.sleep(1.1)
        else:
            await asyncio.gather(*strangers)
        for stranger in strangers:
            stranger.cancel()
    print(table(load, seconds))
    if not options.terminate_at:
        await idle(load, claims, before)


async def prepare(load, session):
    """Learns the model's name and room, and whether it chats."""
    async with session.get("/v1/models") as response:
        response.raise_for_status()
        model = (await response.json())["data"][0]
    options = load.options
    options.model = options.model or model["id"]
    options.context = options.context or model.get("max_model_len") or 512
    body = {"model": options.model, "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 1}
    async with session.post("/v1/chat/completions", json=body) as response:
        options.chat = response.status == 200
    print(
        f"model {options.model}, context {options.context}, {'with' if options.chat else 'without'} chat; "
        f"{options.clients} clients, {options.slow} slow readers, {options.loris} slow senders",
        flush=True,
    )


async def idle(load, claims, before):
    """Nobody asks any more: the server does nothing, and holds no more connections than at first."""
    gauges = {}
    async with aiohttp.ClientSession(load.options.url, headers=load.headers) as session:
        for _ in range(100):
            async with session.get("/metrics") as response:
                text = await response.text()
            gauges = {
                name: float(value)
                for name, value in re.findall(
                    r"^(needletail_(?:requests_active|choices_waiting|choices_running|kv_pages_used)) (\S+)$",
                    text,
                    re.M,
                )
            }
            if gauges and not any(gauges.values()):
                break
            await asyncio.sleep(0.1)
    claims("nothing runs on after its client left", gauges and not any(gauges.values()), gauges)
    if load.options.pid:
        for _ in range(50):
            after = descriptors(load.options.pid)
            if after <= before + 8:
                break
            await asyncio.sleep(0.1)
        claims(
            f"no connection stays open ({before} file descriptors before, {after} after)", after <= before + 8
        )


def quantile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")


def table(load, seconds):
    counts = load.counts
    rows = [
        ("seconds", f"{seconds:.1f}"),
        ("requests", f"{counts['requests']:,}"),
        ("complete answers", f"{counts['complete']:,}"),
        ("left by the client", f"{counts['left']:,}"),
        ("read slowly", f"{counts['slow']:,}"),
        ("refused at the end", f"{counts['refused at the end']:,}"),
        ("errors", f"{load.errors.total():,}"),
        ("tokens of complete answers", f"{counts['tokens']:,} ({counts['tokens'] / seconds:,.0f}/s)"),
        ("time to first token, p50 / p99", times(load.first)),
        ("between tokens, p50 / p99", times(load.between)),
    ]
    if load.held:
        held = f"{min(load.held):.0f} … {max(load.held):.0f} s, {len(load.held)} times"
        rows.append(("slow senders were held", held))
    if load.resident:
        rows.append(
            (
                "resident, first / most / last",
                " / ".join(
                    f"{value:,.0f}" for value in (load.resident[0], max(load.resident), load.resident[-1])
                )
                + " MB",
            )
        )
    return "\n".join(f"  {name:<32} {value}" for name, value in rows)


def times(values):
    return f"{1000 * quantile(values, 0.5):,.1f} / {1000 * quantile(values, 0.99):,.1f} ms"


def flat(load):
    """The mean resident size of the last quarter of the time over that of the second."""
    quarter = len(load.resident) // 4
    mean = lambda values: sum(values) / len(values)  # noqa: E731
    return mean(load.resident[-quarter:]) / mean(load.resident[quarter : 2 * quarter])


def judge(load, claims):
    for error, count in load.errors.most_common(10):
        print(f"  {count} × {error}")
    claims("every answer is well formed and complete", not load.errors, f"{load.errors.total()} are not")
    claims(f"there were answers ({load.counts['complete']})", load.counts["complete"] > 0)
    if load.canaries.total() > 1 or not load.options.terminate_at:
        claims(
            f"the same seeded request got the same text each time ({load.canaries.total()} times)",
            len(load.canaries) == 1,
            load.canaries,
        )
    if len(load.resident) >= 20 and not load.options.terminate_at:
        ratio = flat(load)
        claims(
            f"memory is flat: last quarter over second {ratio:.3f}, at most {load.options.growth}",
            ratio <= load.options.growth,
        )
    elif load.options.pid and not load.options.terminate_at:
        print("too short to judge memory: 20 s or more")


def start(options):
    """Starts the server and waits until it is ready."""
    server = subprocess.Popen(shlex.split(options.start))
    options.pid = server.pid
    address = urlsplit(options.url)
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with socket.create_connection((address.hostname, address.port or 80), 1) as connection:
                head = f"GET /health HTTP/1.1\r\nHost: {address.netloc}\r\nConnection: close\r\n\r\n"
                connection.sendall(head.encode())
                if b" 200 " in connection.recv(64):
                    return server
        except OSError:
            pass
        time.sleep(0.2)
    server.kill()
    raise SystemExit(f"{options.start}: did not become healthy at {options.url}")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("url", help="where the server is, as http://127.0.0.1:8080")
    parser.add_argument(
        "--clients", type=int, default=200, metavar="N", help="streaming clients at once (200)"
    )
    parser.add_argument(
        "--seconds", type=float, default=60, metavar="T", help="how long new requests are made (60)"
    )
    parser.add_argument("--disconnect", type=float, default=0.1, metavar="P", help="share that leaves (0.1)")
    parser.add_argument("--slow", type=int, default=4, metavar="N", help="slow readers (4)")
    parser.add_argument("--loris", type=int, default=4, metavar="N", help="senders of a byte a second (4)")
    parser.add_argument("--pid", type=int, help="the server's process, to see its memory")
    parser.add_argument(
        "--start", metavar="COMMAND", help="start the server with this command, end it afterwards"
    )
    parser.add_argument("--terminate-at", type=float, metavar="S", help="send SIGTERM after S seconds")
    parser.add_argument("--drain", type=float, default=60, help="seconds a shutdown may take (60)")
    parser.add_argument("--patience", type=float, default=120, help="seconds an answer may take (120)")
    parser.add_argument("--growth", type=float, default=1.05, help="memory that counts as flat (1.05)")
    parser.add_argument(
        "--context", type=int, help="tokens a prompt and its answer may have (asked of the server)"
    )
    parser.add_argument("--model", help="the model's name (asked of the server)")
    parser.add_argument("--key", default="", help="an API key, where the server wants one")
    parser.add_argument("--seed", type=int, default=1, help="of the requests that are drawn (1)")
    options = parser.parse_args()
    server = start(options) if options.start else None
    if options.terminate_at and not options.pid:
        parser.error("--terminate-at needs --pid or --start")
    load, claims = Load(options), Claims()
    load.headers = {"Authorization": f"Bearer {options.key}"} if options.key else {}
    try:
        asyncio.run(run(load, claims, server))
    finally:
        if server and server.poll() is None:
            server.terminate()
            try:
                server.wait(options.drain)
            except subprocess.TimeoutExpired:
                server.kill()
    judge(load, claims)
    claims.end()


if __name__ == "__main__":
    main()
