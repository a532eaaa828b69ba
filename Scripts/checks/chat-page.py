#!/usr/bin/env python3
"""Uses the chat page of a running `needletail serve` as people do, in headless Chromium.

    needletail serve MODEL --port 8080 &
    /tmp/oracle/bin/python Scripts/checks/chat-page.py http://127.0.0.1:8080 [--screenshots FOLDER]

Talks to the server's own model (streaming, probabilities on hover, stop, temperature, text mode, editing), then has
the browser answer in the server's place, to show hostile text and failures that no real model gives on demand. Wants
playwright (Scripts/oracles/requirements.txt) and a Chromium (`apt install chromium`). Prints a line a claim; exits 1 if
one fails.
"""

import argparse
import contextlib
import json
from pathlib import Path

from claims import Claims
from playwright.sync_api import sync_playwright

HOSTILE = '<img src=x onerror=alert(1)><script>alert(2)</script>&amp; "quoted" <b>bold</b>'
# Watches an answer from within the page: when its text grew, and an action at its fifth token.
WATCH = """action => {
  window.growth = [];
  const tokens = () => document.querySelectorAll("article:last-of-type .token").length;
  const start = tokens();
  window.watcher?.disconnect();
  window.watcher = new MutationObserver(() => {
    const count = tokens() - (document.querySelector(".document") ? start : 0);
    if (count > (window.growth.at(-1) ?? 0)) window.growth.push(count);
    if (count >= 5 && action && document.querySelector("#stop:not([hidden])")) {
      window.watcher.disconnect();
      if (action === "click") document.querySelector("#stop").click();
      else document.dispatchEvent(new KeyboardEvent("keydown", { key: action, bubbles: true }));
    }
  });
  window.watcher.observe(document.querySelector("#log"), { childList: true, subtree: true });
}"""
# Controls without an accessible name.
NAMELESS = """() => [...document.querySelectorAll("button, input, textarea, select, [role=log], aside")]
  .filter(e => !(e.ariaLabel || e.labels?.length || e.textContent.trim())).map(e => e.outerHTML)"""


def stream(parts, end="data: [DONE]\n\n"):
    """Server-sent events of a chat whose tokens are the given parts, each with one alternative."""
    chunks = []
    for part in parts:
        token = {"token": part, "logprob": -0.5, "bytes": list(part.encode())}
        other = {"token": "<u>other</u>", "logprob": -2.0, "bytes": list(b"<u>other</u>")}
        score = {**token, "top_logprobs": [token, other]}
        chunks.append(
            {"choices": [{"index": 0, "delta": {"content": part}, "logprobs": {"content": [score]}}]}
        )
    return "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks) + end


class Page:
    """A browser's tab at the chat page, and what happened in it."""

    def __init__(self, browser, options, **context):
        self.options = options
        self.context = browser.new_context(base_url=options.url, **context)
        self.tab = self.context.new_page()
        self.tab.set_default_timeout(1000 * options.timeout)
        self.console, self.dialogs, self.requests = [], [], []
        self.tab.on(
            "console", lambda message: self.console.append(message.text) if message.type == "error" else None
        )
        self.tab.on("pageerror", lambda error: self.console.append(str(error)))
        self.tab.on("dialog", lambda dialog: (self.dialogs.append(dialog.message), dialog.dismiss()))
        self.tab.on("request", lambda request: self.requests.append(request))

    @staticmethod
    def lengthen(route):
        """Lets an answer go on to max tokens: what is checked is the page, not where a model likes to end."""
        body = route.request.post_data_json
        route.continue_(post_data=json.dumps({**body, "ignore_eos": True}))

    def open(self):
        self.tab.route("**/completions", self.lengthen)
        if self.options.key:
            key = json.dumps(self.options.key)
            self.context.add_init_script(f"sessionStorage.setItem('needletail.key', {key})")
        self.tab.goto("/")
        self.tab.wait_for_selector("#model option", state="attached")
        (
            self.tab.fill("[name=max_tokens]", str(self.options.tokens))
            if self.tab.is_visible("#settings")
            else None
        )

    def chats(self):
        """Whether the model has a chat template."""
        body = {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 1}
        headers = {"Authorization": f"Bearer {self.options.key}"} if self.options.key else {}
        return self.context.request.post("/v1/chat/completions", data=body, headers=headers).status == 200

    def say(self, text, action=None, wait=True):
        self.tab.evaluate(WATCH, action)
        self.tab.fill("#input", text)
        self.tab.press("#input", "Enter")
        if wait:
            self.rest()

    def rest(self):
        self.tab.wait_for_selector("#send:not([hidden])")

    def mode(self, mode):
        self.tab.click(f"#mode label:has([value={mode}])")

    def asked(self):
        """The body of the last request for an answer."""
        return [request for request in self.requests if request.url.endswith("/completions")][
            -1
        ].post_data_json

    def last(self):
        return self.tab.locator("article").last.locator(".text").inner_text()

    def shoot(self, name):
        if self.options.screenshots:
            Path(self.options.screenshots).mkdir(parents=True, exist_ok=True)
            self.tab.screenshot(path=f"{self.options.screenshots}/{name}.png")

    @contextlib.contextmanager
    def instead(self, pattern, **answer):
        """Lets the browser answer requests itself; an answer of nothing cuts the connection."""
        self.tab.route(pattern, lambda route: route.fulfill(**answer) if answer else route.abort())
        yield
        self.tab.unroute(pattern)


def loads(page, claims):
    page.open()
    tab = page.tab
    claims("the page names the server's model", tab.input_value("#model"))
    outside = [r.url for r in page.requests if not r.url.startswith((page.options.url.rstrip("/"), "data:"))]
    claims("nothing is asked of other servers", not outside, outside)
    documents = [
        r.url for r in page.requests if r.resource_type not in ("fetch", "xhr") and r.url[:5] != "data:"
    ]
    claims("the page is one document", len(set(documents)) == 1, documents)
    claims("every control has a name", not tab.evaluate(NAMELESS), tab.evaluate(NAMELESS))
    page.shoot("welcome")


def answers(page, claims, mode):
    tab = page.tab
    page.mode(mode)
    page.say("Once upon a time there was")
    growth = tab.evaluate("window.growth")
    claims(f"{mode}: an answer comes token by token", len(growth) > 3, growth)
    body = page.asked()
    claims(
        f"{mode}: probabilities are asked for",
        body.get("top_logprobs") == 5 or body.get("logprobs") == 5,
        body,
    )
    note = tab.locator("article .note").last.inner_text()
    claims(
        f"{mode}: speed and time to first token stand below",
        "tokens/s" in note and "first after" in note,
        note,
    )
    token = tab.locator("article").last.locator(".token").nth(1)
    token.hover()
    popover = tab.locator("#popover")
    rows = popover.locator("tr").count() if popover.is_visible() else 0
    text = popover.inner_text()
    claims(
        f"{mode}: a token's probability and its alternatives show on hover", rows >= 5 and "%" in text, text
    )
    page.shoot(f"{mode}-hover")
    tab.mouse.move(1, 1)
    claims(f"{mode}: they go when the pointer does", not popover.is_visible())
    tab.locator("article").last.locator(".token").first.focus()
    before = popover.inner_text()
    tab.keyboard.press("ArrowRight")
    claims(
        f"{mode}: they show for keyboards too",
        popover.is_visible() and popover.inner_text() != before,
        before,
    )


def stops(page, claims, mode):
    tab = page.tab
    for action in ("click", "Escape"):
        page.say("Tell a very long story.", action)
        count = tab.locator("article").last.locator(".token").count()
        note = tab.locator("article .note").last.inner_text()
        tab.wait_for_timeout(700)
        still = tab.locator("article").last.locator(".token").count()
        how = {"click": "the button", "Escape": "Escape"}[action]
        claims(
            f"{mode}: {how} stops an answer and keeps what came",
            "stopped" in note and 5 <= count == still,
            note,
        )
    page.shoot(f"{mode}-stopped")


def settings(page, claims):
    tab = page.tab
    page.mode("chat")
    tab.fill("#temperature", "0")
    tab.fill("[name=stop]", "\\n\\n\\n\nENOUGH")
    tab.fill("[name=system]", "Be brief.")
    texts = []
    tab.click("#clear")
    for _ in range(2):
        page.say("And then?")
        texts.append(page.last())
        tab.click("#clear")
    body = page.asked()
    claims(
        "temperature, stops and system prompt reach the server",
        body["temperature"] == 0
        and body["stop"] == ["\n\n\n", "ENOUGH"]
        and body["messages"][0]["role"] == "system",
        body,
    )
    claims("at temperature 0 an answer repeats", texts[0] == texts[1], texts)
    tab.evaluate("sessionStorage.setItem('needletail.key', 'sk-secret')") if not page.options.key else None
    tab.reload()
    claims("settings outlast a reload", tab.input_value("#temperature") == "0")
    lasting = tab.evaluate("JSON.stringify(localStorage)")
    claims(
        "the key is not kept beyond the tab",
        tab.input_value("#key") and tab.input_value("#key") not in lasting,
    )
    tab.evaluate("key => key || sessionStorage.removeItem('needletail.key')", page.options.key)
    tab.reload()
    tab.click("text=Reset")
    claims("settings can be reset", tab.input_value("#temperature") == "1")
    tab.fill("[name=max_tokens]", str(page.options.tokens))
    tab.wait_for_selector("#model option", state="attached")


def conversation(page, claims):
    tab = page.tab
    page.say("First question")
    page.say("Second question")
    claims("a question goes with what was said before", len(page.asked()["messages"]) == 3, page.asked())
    first = tab.locator("article").first
    first.hover()
    first.locator("text=Edit").click()
    tab.fill(".editor", "Another question")
    tab.keyboard.press("Control+Enter")
    page.rest()
    claims(
        "an edited question is asked anew, without what followed",
        tab.locator("article").count() == 2
        and page.asked()["messages"] == [{"role": "user", "content": "Another question"}],
        page.asked(),
    )
    tab.locator("article").last.locator("text=Regenerate").click()
    page.rest()
    claims("an answer can be had again", tab.locator("article").count() == 2)
    answer = page.last()
    tab.reload()
    claims("the conversation outlasts a reload", page.last() == answer)
    tab.click("#clear")
    claims("the conversation can be cleared", tab.locator("article").count() == 0)


def hostile(page, claims):
    tab = page.tab
    page.mode("chat")
    parts = [HOSTILE[i : i + 7] for i in range(0, len(HOSTILE), 7)] + [HOSTILE]
    with page.instead("**/v1/chat/completions", content_type="text/event-stream", body=stream(parts)):
        page.say(HOSTILE)
    claims("text of the model is shown as text", page.last() == 2 * HOSTILE, page.last())
    claims("text of the user is shown as text", tab.locator(".user .text").inner_text() == HOSTILE)
    tab.locator("article .token").last.hover()
    made = tab.locator(":is(#log, #popover) :is(img, script, u, b:not(caption > b))").count()
    claims("alternatives are shown as text", made == 0 and "<u>" in tab.inner_text("#popover"), made)
    page.shoot("hostile")
    tab.click("#clear")


def characters(page, claims):
    """A character may be of several tokens: its text comes with the last of them."""
    whole = "naïve 🐦 日本"
    for mode, kind in (("chat", "chat/completions"), ("text", "completions")):
        choices = []
        for character in whole:
            *held, last = [[byte] for byte in character.encode()]
            choices += [choice(mode, "", byte) for byte in held] + [choice(mode, character, last)]
        body = (
            "".join(f"data: {json.dumps({'choices': [it]})}\r\n\r\n" for it in choices)
            + "data: [DONE]\r\n\r\n"
        )
        page.mode(mode)
        page.tab.click("#clear")
        with page.instead(f"**/v1/{kind}", content_type="text/event-stream", body=body):
            page.say("Characters of several tokens: ")
        pieces = page.tab.locator("article").last.locator(".token").all_inner_texts()
        claims(f"{mode}: a character of several tokens is one piece", pieces == list(whole), pieces)
        page.tab.click("#clear")


def choice(mode, text, data):
    """A chunk's choice with one token of the given bytes, named as OpenAI names it."""
    name = bytes(data).decode() if data[0] < 128 else "bytes:" + "".join(f"\\x{byte:02x}" for byte in data)
    if mode == "text":
        scores = {
            "tokens": [name],
            "token_logprobs": [-1.0],
            "top_logprobs": [{name: -1.0}],
            "text_offset": [0],
        }
        return {"index": 0, "text": text, "logprobs": scores}
    score = {"token": name, "logprob": -1.0, "bytes": data, "top_logprobs": []}
    return {"index": 0, "delta": {"content": text}, "logprobs": {"content": [score]}}


def failures(page, claims):
    tab, error = page.tab, page.tab.locator("#error span")
    shape = {
        "error": {
            "message": f"Too long. {HOSTILE}",
            "type": "invalid_request_error",
            "param": None,
            "code": None,
        }
    }
    page.mode("chat")
    untold = {"error": {**shape["error"], "code": "no_chat_template"}}
    cases = [
        ("a model without a chat template", dict(status=400, json=untold), "use Text"),
        ("a refusal", dict(status=400, json=shape), shape["error"]["message"]),
        ("an answer that is not OpenAI's", dict(status=502, body="<h1>Bad gateway</h1>"), "502"),
        ("no connection", dict(), "cannot be reached"),
        (
            "a failure within the stream",
            dict(content_type="text/event-stream", body=stream(["Well"], f"data: {json.dumps(shape)}\n\n")),
            shape["error"]["message"],
        ),
        (
            "a stream that breaks off",
            dict(content_type="text/event-stream", body=stream(["Well"], "")),
            "broke off",
        ),
    ]
    for name, answer, expected in cases:
        with page.instead("**/v1/chat/completions", **answer):
            page.say("Hello")
            shown = error.is_visible() and expected in error.inner_text()
            claims(f"{name} is one clear line", shown, error.inner_text())
        page.shoot("failure")
        tab.click("#clear")
    with page.instead("**/v1/models", status=401, json=shape):
        tab.reload()
        tab.wait_for_selector("#error:not([hidden])")
        claims("a server that wants a key says so", "API key" in error.inner_text(), error.inner_text())
    tab.reload()
    tab.wait_for_selector("#model option", state="attached")


def phone(browser, claims, options):
    device = dict(viewport={"width": 360, "height": 700}, has_touch=True, is_mobile=True)
    page = Page(browser, options, color_scheme="dark", **device)
    page.open()
    page.mode("chat")
    with page.instead(
        "**/v1/chat/completions",
        content_type="text/event-stream",
        body=stream(["A word", " and", " another." * 40, "w" * 300]),
    ):
        page.say("Hello " * 30)
    fits = page.tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
    claims("on a phone nothing is wider than the screen", fits)
    page.tab.locator("article .token").first.tap()
    claims("on a phone a tap shows the probabilities", page.tab.locator("#popover").is_visible())
    page.shoot("phone")
    page.tab.tap("#show-settings")
    claims("on a phone settings open over the page", page.tab.locator("#temperature").is_visible())
    page.shoot("phone-settings")
    page.tab.tap("#hide-settings")
    dark = page.tab.evaluate("getComputedStyle(document.body).backgroundColor")
    claims("dark where dark is preferred", sum(map(int, dark[4:-1].split(","))) < 150, dark)
    claims("no errors in the phone's console", not page.console, page.console)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("url", help="where the server is, as http://127.0.0.1:8080")
    parser.add_argument("--key", default="", help="an API key, where the server wants one")
    parser.add_argument("--tokens", type=int, default=60, help="max tokens of an answer (60)")
    parser.add_argument("--screenshots", metavar="FOLDER", help="keep pictures of the page there")
    parser.add_argument("--chromium", default="/usr/bin/chromium", metavar="FILE")
    parser.add_argument("--timeout", type=float, default=60, help="seconds that an answer may take (60)")
    options = parser.parse_args()
    claims = Claims()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=options.chromium, args=["--no-sandbox"])
        page = Page(browser, options, viewport={"width": 1280, "height": 800})
        loads(page, claims)
        for mode in ("chat", "text") if page.chats() else ("text",):
            answers(page, claims, mode)
            stops(page, claims, mode)
        if page.chats():
            settings(page, claims)
            conversation(page, claims)
        else:
            print(
                "note  the model has no chat template: chats with it, settings and editing were not checked"
            )
        hostile(page, claims)
        characters(page, claims)
        claims("no errors in the console", not page.console, page.console)
        failures(page, claims)
        claims("no script of others ran", not page.dialogs, page.dialogs)
        phone(browser, claims, options)
        browser.close()
    claims.end()


if __name__ == "__main__":
    main()
