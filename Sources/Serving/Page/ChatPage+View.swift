extension ChatPage {
  /// How a conversation and the probabilities of its tokens are shown.
  static let view = #"""
    // ---- The view: text from outside becomes text nodes only -----------------------------------------

    /** An element with properties and children; strings become text nodes. */
    function element(name, properties = {}, ...children) {
      const made = Object.assign(document.createElement(name), properties);
      made.append(...children);
      return made;
    }

    function button(text, action, waits = true) {
      const made = element("button", { type: "button", className: "quiet", onclick: action }, text);
      if (waits) made.dataset.waits = "";  // Not while an answer is being written.
      return made;
    }

    const log = $("log");
    const shown = new WeakMap();  // Piece by the span that shows it.
    const places = new WeakMap();  // Turn to the elements where its text and its note stand.

    function pieceView(piece) {
      const token = piece.tokens.at(-1);
      if (!token) return document.createTextNode(piece.text);
      const view = element("span", { className: "token", tabIndex: -1 }, piece.text);
      view.style.setProperty("--p", Math.exp(token.logprob).toFixed(4));
      shown.set(view, piece);
      return view;
    }

    function append(turn, pieces) {
      const place = places.get(turn);
      const first = !place.text.querySelector(".token");
      place.text.append(...pieces.map(pieceView));
      // One stop of the Tab key for each answer; arrows go on from there.
      if (first) place.text.querySelector(".token")?.setAttribute("tabindex", 0);
    }

    function article(turn, label, body, ...buttons) {
      const note = element("span", { className: "note" }, turn?.note ?? "");
      const view = element("article", {}, body, element("footer", {}, note, ...buttons));
      view.setAttribute("aria-label", label);
      if (turn) places.set(turn, { ...places.get(turn), note, article: view });
      return view;
    }

    function chatTurn(turn) {
      const body = element("div", { className: "text", dir: "auto" });
      places.set(turn, { text: body });
      const mine = turn.role === "user";
      const view = article(turn, mine ? "You" : "Model", body,
        button("Copy", event => copy(textOf(turn), event.target), false),
        button("Edit", () => editTurn(turn)),
        button(mine ? "Send again" : "Regenerate", () => answerAfter(mine ? turn : before(turn))));
      view.className = turn.role;
      append(turn, turn.pieces);
      return view;
    }

    /** All turns of the text mode as one text: what was written, how the model went on, and so forth. */
    function documentView(turns) {
      const body = element("div", { className: "text", dir: "auto" });
      const last = turns.at(-1);
      for (const turn of turns) {
        const text = element("span", { className: turn.role === "user" ? "written" : "continued" });
        places.set(turn, { text });
        body.append(text);
        append(turn, turn.pieces);
      }
      const view = article(last, "Text", body,
        button("Copy", event => copy(turns.map(textOf).join(""), event.target), false),
        button("Edit", () => editDocument(turns)),
        ...(last.role === "assistant" ? [button("Regenerate", () => answerAfter(before(last)))] : []),
        button("Undo", () => { turns.pop(); render(); save(); }),
        button("Continue", () => answer()));
      view.className = "document";
      return view;
    }

    function welcome() {
      const chat = state.mode === "chat";
      return element("div", { className: "welcome" },
        element("h2", {}, chat ? "What shall we talk about?" : "How does the text begin?"),
        element("p", {}, chat
          ? "Point at a word of an answer to see how likely it was."
          : "Write a beginning; the model continues it. No chat template, so base models are at home here."));
    }

    function render() {
      const turns = state[state.mode];
      hidePopover();
      log.replaceChildren(...(!turns.length ? [welcome()]
        : state.mode === "chat" ? turns.map(chatTurn) : [documentView(turns)]));
      showBusy();
    }

    function showBusy() {
      const busy = Boolean(state.request);
      log.setAttribute("aria-busy", busy);
      $("send").hidden = busy;
      $("stop").hidden = !busy;
      for (const made of document.querySelectorAll("[data-waits]")) made.disabled = busy;
      log.querySelector(".live")?.classList.remove("live");
      if (busy) places.get(state[state.mode].at(-1))?.article.classList.add("live");
    }

    /** Runs a change of the log's end; who was reading there keeps seeing it. */
    function following(change) {
      const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 48;
      change();
      if (atEnd) log.scrollTop = log.scrollHeight;
    }

    function grow(area) {
      area.style.height = "auto";
      area.style.height = `${area.scrollHeight + 2}px`;
    }

    /** Replaces an article's text by a field; `done` gets what was made of it. */
    function editor(place, text, doneLabel, done) {
      const field = element("textarea", { className: "editor", value: text, ariaLabel: "Edit" });
      const finish = () => { render(); done(field.value); };
      field.oninput = () => grow(field);
      field.onkeydown = event => {
        if (event.key === "Escape") render();
        else if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) finish();
        else return;
        event.preventDefault();
        event.stopPropagation();
      };
      place.replaceChildren(field,
        element("footer", {}, button(doneLabel, finish), button("Cancel", render),
          element("small", {}, "Ctrl Enter keeps, Esc cancels")));
      grow(field);
      field.focus();
    }

    // ---- Probabilities of a token --------------------------------------------------------------------

    const popover = $("popover");

    /** A token's text with its white space made visible; its bytes where they are no text. */
    function visible(token) {
      const text = joined([token]), hex = byte => `<${byte.toString(16).padStart(2, "0")}>`;
      if (text.includes("\ufffd")) return token.bytes.map(hex).join("");
      const pictures = text.replaceAll(" ", "␣").replaceAll("\n", "⏎").replaceAll("\t", "⇥");
      return pictures.replace(/[\x00-\x1f\x7f]/g, control => hex(control.charCodeAt())) || "(empty)";
    }

    function percent(logprob) {
      const share = 100 * Math.exp(logprob);
      return share >= 99.995 ? "100 %" : share >= 0.01 ? `${share.toPrecision(3).slice(0, 5)} %` : "< 0.01 %";
    }

    function tokenTable(token) {
      const row = (part, chosen) => {
        const bar = element("i");
        bar.style.width = `${100 * Math.exp(part.logprob)}%`;
        return element("tr", { className: chosen ? "chosen" : "" }, element("td", {}, visible(part)),
          element("td", {}, percent(part.logprob)), element("td", {}, bar));
      };
      const same = part => part.text === token.text && part.logprob === token.logprob;
      const rows = token.top.map(part => row(part, same(part)));
      if (!token.top.some(same)) rows.push(row(token, true));
      return element("table", {}, element("caption", {}, element("b", {}, visible(token)),
        ` has ${percent(token.logprob)}, ln p = ${token.logprob.toFixed(3).replace("-", "−")}`), ...rows);
    }

    let pointed = null;  // The token whose probabilities are shown.

    function showPopover(view) {
      hidePopover();
      pointed = view;
      popover.replaceChildren(...shown.get(view).tokens.map(tokenTable));
      popover.hidden = false;
      view.classList.add("shown");
      view.setAttribute("aria-describedby", "popover");
      placePopover();
    }

    /** Puts it above its token, or below; away if the token was scrolled away. */
    function placePopover() {
      if (!pointed) return;
      const { left, top, bottom } = pointed.getClientRects()[0] ?? pointed.getBoundingClientRect();
      const { offsetWidth: width, offsetHeight: height } = popover, page = log.getBoundingClientRect();
      if (bottom < page.top || top > page.bottom) return hidePopover();
      popover.style.left = `${Math.max(8, Math.min(left - 12, innerWidth - width - 8))}px`;
      popover.style.top = `${top > height + 12 ? top - height - 6 : bottom + 6}px`;
    }

    function hidePopover() {
      pointed?.classList.remove("shown");
      pointed?.removeAttribute("aria-describedby");
      pointed = null;
      popover.hidden = true;
    }

    const tokenOf = event => event.target.closest?.(".token");
    const point = event => { if (tokenOf(event)) showPopover(tokenOf(event)); else hidePopover(); };
    const byMouse = action => event => { if (event.pointerType !== "touch") action(event); };
    log.addEventListener("pointerover", byMouse(point));
    log.addEventListener("pointerleave", byMouse(hidePopover));
    log.addEventListener("focusin", point);
    log.addEventListener("focusout", hidePopover);
    log.addEventListener("scroll", placePopover);
    document.addEventListener("click", point);  // A tap, on touch screens.
    log.addEventListener("keydown", event => {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (!step || !tokenOf(event)) return;
      const tokens = [...tokenOf(event).closest("article").querySelectorAll(".token")];
      tokens[tokens.indexOf(tokenOf(event)) + step]?.focus();
      event.preventDefault();
    });
    """#
}
