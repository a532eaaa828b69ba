extension ChatPage {
  /// What the page asks of the server and how it reads streams. Defines `$`, so it comes first.
  static let server = #"""
    "use strict";
    const $ = id => document.getElementById(id);

    // ---- The server ----------------------------------------------------------------------------------

    /** Sends a request and gives the response; throws an Error whose message is one clear sentence. */
    async function ask(path, body, signal) {
      const headers = {};
      if (body) headers["Content-Type"] = "application/json";
      if ($("key").value) headers.Authorization = `Bearer ${$("key").value}`;
      let response;
      try {
        const method = body ? "POST" : "GET";
        response = await fetch(path, { method, headers, body: body && JSON.stringify(body), signal });
      } catch (error) {
        throw signal?.aborted ? error : new Error("The server cannot be reached.");
      }
      if (response.ok) return response;
      let told = {};
      try { told = (await response.json()).error ?? {}; } catch { /* Not in OpenAI's shape. */ }
      const { status, statusText } = response;
      const message = told.message || `The server answered ${`${status} ${statusText}`.trim()}.`;
      throw Object.assign(new Error(message), { status, code: told.code });
    }

    /** The JSON values of a stream of server-sent events, up to its `[DONE]`. */
    async function* events(response) {
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      for (let buffer = "";;) {
        const { value, done } = await reader.read();
        if (done) throw new Error("The answer broke off: the connection closed before its end.");
        const blocks = (buffer + value).split(/\r?\n\r?\n/);
        buffer = blocks.pop();
        for (const block of blocks) {
          const lines = block.split(/\r?\n/).filter(line => line.startsWith("data:"));
          const data = lines.map(line => line.slice(5)).join("\n").trim();
          if (!data) continue;
          if (data === "[DONE]") return;
          const event = JSON.parse(data);
          if (event.error) throw new Error(event.error.message ?? "The server failed.");
          yield event;
        }
      }
    }

    /** What a chunk of either endpoint says; its tokens as {text, bytes, logprob, top: [the same]}. */
    function read(chunk) {
      const choice = chunk.choices?.[0] ?? {}, scores = choice.logprobs;
      const part = ({ token, bytes, logprob }) => ({ text: token, bytes: bytes ?? bytesOf(token), logprob });
      const ofChat = score => ({ ...part(score), top: (score.top_logprobs ?? []).map(part) });
      const named = ([token, logprob]) => part({ token, logprob });
      const ofText = (token, i) => ({ ...named([token, scores.token_logprobs[i]]),
        top: Object.entries(scores.top_logprobs?.[i] ?? {}).map(named) });
      const tokens = scores?.content?.map(ofChat) ?? scores?.tokens?.map(ofText) ?? [];
      for (const token of tokens) token.top.sort((a, b) => b.logprob - a.logprob);
      return {
        text: choice.delta?.content ?? choice.text ?? "", tokens,
        finish: choice.finish_reason, written: chunk.usage?.completion_tokens,
      };
    }

    /** Cuts streamed text into pieces: of a token, or of several that make whole characters only together. */
    class Pieces {
      #waiting = [];  // Tokens whose text has not come: parts of a character, or of what may be a stop.

      cut({ text, tokens }) {
        const pieces = [];
        this.#waiting.push(...tokens);
        while (text) {
          let count = 1;
          while (count <= this.#waiting.length && !this.#starts(text, count)) count++;
          const taken = this.#waiting.splice(0, count);
          const whole = taken.length === count ? joined(taken) : text;  // None fits: shown with all.
          pieces.push({ text: whole, tokens: taken });
          text = text.slice(whole.length);
        }
        return pieces;
      }

      /** Whether the first tokens that wait are what the text starts with. */
      #starts(text, count) {
        const start = joined(this.#waiting.slice(0, count));
        return start && text.startsWith(start);
      }
    }

    /** A token's bytes; those that are no text are named as OpenAI does, `bytes:\xe2\x80`. */
    function bytesOf(name) {
      const codes = /^bytes:((?:\\x[0-9a-f]{2})+)$/.exec(name)?.[1].slice(2).split("\\x");
      return codes?.map(code => parseInt(code, 16)) ?? [...new TextEncoder().encode(name)];
    }

    /** The text of tokens in a row. */
    function joined(tokens) {
      const bytes = new Uint8Array(tokens.flatMap(token => token.bytes));
      return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
    }
    """#
}
