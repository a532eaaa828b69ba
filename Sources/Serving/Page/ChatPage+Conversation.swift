extension ChatPage {
  /// The turns of a conversation, and how an answer is asked for.
  static let conversation = #"""
    // ---- The conversation ----------------------------------------------------------------------------

    /** A turn is {role, pieces: [{text, tokens}], note}. The text mode's turns are the parts of one text. */
    const state = { mode: "chat", chat: [], text: [], request: null };

    const textOf = turn => turn.pieces.map(piece => piece.text).join("");
    const written = text => ({ role: "user", pieces: [{ text, tokens: [] }], note: "" });
    const before = turn => state[state.mode][state[state.mode].indexOf(turn) - 1];

    function requestBody() {
      const form = $("options").elements, chat = state.mode === "chat";
      const body = { model: $("model").value, stream: true, stream_options: { include_usage: true } };
      for (const field of form) {
        if (field.type === "number" && field.value !== "") body[field.name] = field.valueAsNumber;
      }
      const stops = form.stop.value.split("\n").filter(Boolean).map(line => line.replaceAll("\\n", "\n"));
      if (stops.length) body.stop = stops;
      const scores = chat ? { logprobs: true, top_logprobs: 5 } : { logprobs: 5 };
      if (form.probabilities.checked) Object.assign(body, scores);
      const turns = state[state.mode].filter(turn => turn.pieces.length);
      if (!chat) return { ...body, prompt: turns.map(textOf).join("") };
      const system = form.system.value.trim();
      return { ...body, messages: [...(system ? [{ role: "system", content: system }] : []),
        ...turns.map(turn => ({ role: turn.role, content: textOf(turn) }))] };
    }

    /** How an answer came: "42 tokens · 31.2 tokens/s · first after 0.18 s". */
    class Pace {
      #start = performance.now();
      #first = 0;
      #last = 0;
      count = 0;

      came(tokens) {
        this.count += tokens;
        this.#last = performance.now();
        this.#first ||= this.#last;
      }

      toString() {
        if (!this.#first) return "";
        const rate = 1000 * (this.count - 1) / (this.#last - this.#first), delay = this.#first - this.#start;
        return [
          this.count === 1 ? "1 token" : `${this.count} tokens`,
          ...(rate > 0 && rate < Infinity ? [`${rate.toFixed(rate < 100 ? 1 : 0)} tokens/s`] : []),
          `first after ${delay < 1000 ? `${Math.round(delay)} ms` : `${(delay / 1000).toFixed(1)} s`}`,
        ].join(" · ");
      }
    }

    /** Asks for the next turn and writes it as it comes. */
    async function answer() {
      if (state.request) return;
      const turns = state[state.mode], turn = { role: "assistant", pieces: [], note: "" };
      const body = requestBody(), chat = state.mode === "chat", request = new AbortController();
      const pace = new Pace(), pieces = new Pieces();
      const note = end => {
        turn.note = [String(pace), end].filter(Boolean).join(" · ");
        places.get(turn).note.textContent = turn.note;
      };
      turns.push(turn);
      state.request = request;
      showError();
      render();
      log.scrollTop = log.scrollHeight;
      let end = "";
      try {
        const response = await ask(chat ? "v1/chat/completions" : "v1/completions", body, request.signal);
        for await (const event of events(response)) {
          const chunk = read(event);
          const cut = pieces.cut(chunk);
          if (chunk.tokens.length || chunk.text) pace.came(chunk.tokens.length || 1);
          pace.count = chunk.written ?? pace.count;
          if (chunk.finish === "length") end = "ended by max tokens or the context";
          turn.pieces.push(...cut);
          following(() => { append(turn, cut); note(); });
        }
      } catch (error) {
        if (request.signal.aborted) end = "stopped";
        else if (error.code === "no_chat_template") showError("This model has no chat template: use Text.");
        else showError(error.message, true);
      }
      note(end);
      state.request = null;
      if (turn.pieces.length) {
        showBusy();  // Not all anew: somebody may be reading or selecting.
      } else {
        if (turns.at(-1) === turn) turns.pop();
        if (!end && $("error").hidden) showError("The model ended its answer before it began.", true);
        render();
      }
      save();
    }

    function answerAfter(turn) {
      if (state.request) return;
      const turns = state[state.mode];
      turns.length = turns.indexOf(turn) + 1;
      answer();
    }

    function stop() {
      state.request?.abort();
    }

    function send() {
      if (state.request) return;
      const text = $("input").value, turns = state[state.mode];
      const blank = state.mode === "chat" ? !text.trim() : !text;
      // Nothing new: a text goes on from where it is, and a question without an answer is asked again.
      if (blank && (!turns.length || (state.mode === "chat" && turns.at(-1).role === "assistant"))) return;
      if (!blank) turns.push(written(state.mode === "chat" ? text.trim() : text));
      $("input").value = "";
      grow($("input"));
      answer();
    }

    function editTurn(turn) {
      const mine = turn.role === "user";
      editor(places.get(turn).article, textOf(turn), mine ? "Send" : "Save", text => {
        if (!text.trim()) return;
        turn.pieces = [{ text, tokens: [] }];
        turn.note = mine ? "" : "edited";
        if (mine) answerAfter(turn); else { render(); save(); }
      });
    }

    function editDocument(turns) {
      editor(places.get(turns.at(-1)).article, turns.map(textOf).join(""), "Save", text => {
        turns.splice(0, turns.length, ...(text ? [written(text)] : []));
        render();
        save();
      });
    }

    async function copy(text, button) {
      try {
        await navigator.clipboard.writeText(text);
      } catch {  // Browsers have no clipboard for pages that came over plain HTTP from elsewhere.
        const field = element("textarea", { value: text });
        document.body.append(field);
        field.select();
        document.execCommand("copy");
        field.remove();
      }
      const label = button.querySelector("span") ?? button;
      label.textContent = "Copied";
      button.classList.add("done");
      setTimeout(() => { label.textContent = "Copy"; button.classList.remove("done"); }, 1200);
    }

    function showError(message = "", again = false) {
      $("error").hidden = !message;
      $("error").firstElementChild.textContent = message;
      $("retry").hidden = !again;
    }
    """#
}
