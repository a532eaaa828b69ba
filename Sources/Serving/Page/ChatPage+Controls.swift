extension ChatPage {
  /// What the browser keeps, and the controls. Starts the page, so it comes last.
  static let controls = #"""
    // ---- What the browser keeps: key and conversation with the tab, settings for longer ----------------

    // Storage may be full or forbidden; the page works without.
    function attempt(action, otherwise) {
      try { return action() ?? otherwise; } catch { return otherwise; }
    }
    const tab = () => sessionStorage, browser = () => localStorage;
    const keep = (storage, name, value) => attempt(() => storage().setItem(name, value));
    const kept = (storage, name) => attempt(() => storage().getItem(name), "");
    const parsed = text => attempt(() => JSON.parse(text), {});

    function save() {
      keep(tab, "needletail.turns", JSON.stringify({ mode: state.mode, chat: state.chat, text: state.text }));
    }

    const valueOf = field => field.type === "checkbox" ? "checked" : "value";
    const fields = () => [...$("options").elements].filter(field => field.name);

    function settingsChanged() {
      for (const range of document.querySelectorAll("[data-for]")) {
        const number = $(range.dataset.for);
        range.value = number.value || number.defaultValue;
      }
      document.body.classList.toggle("tint", $("options").elements.tint.checked);
      keep(browser, "needletail.settings", JSON.stringify(Object.fromEntries(
        fields().map(field => [field.name, field[valueOf(field)]]))));
    }

    function restore() {
      const settings = parsed(kept(browser, "needletail.settings"));
      for (const field of fields()) {
        if (field.name in settings) field[valueOf(field)] = settings[field.name];
      }
      Object.assign(state, parsed(kept(tab, "needletail.turns")));
      $("key").value = kept(tab, "needletail.key");
      settingsChanged();
    }

    // ---- Controls ------------------------------------------------------------------------------------

    function setMode(mode) {
      stop();
      state.mode = mode;
      document.querySelector(`[name=mode][value=${mode}]`).checked = true;
      document.body.classList.toggle("text-mode", mode === "text");
      $("input").placeholder = mode === "chat" ? "Message" : "Text to continue";
      render();
      log.scrollTop = log.scrollHeight;
    }

    function showSettings(show) {
      $("settings").hidden = !show;
      $("show-settings").setAttribute("aria-expanded", show);
    }

    /** Names the models; asks again while the server is loading or away. */
    async function loadModels(delay = 1000) {
      clearTimeout(loadModels.timer);
      try {
        const { data } = await (await ask("v1/models")).json();
        $("model").replaceChildren(...data.map(({ id }) => element("option", { value: id }, id)));
        $("model").disabled = data.length < 2;
        if (loadModels.failed) showError();
        loadModels.failed = false;
      } catch (error) {
        loadModels.failed = true;
        if (error.status === 401) {
          showError("This server asks for an API key: enter it in the settings.");
          showSettings(true);
          $("key").focus();
        } else {
          showError(error.status === 503 ? "The model is being loaded." : error.message);
          loadModels.timer = setTimeout(loadModels, delay, Math.min(2 * delay, 10000));
        }
      }
    }

    $("composer").onsubmit = event => { event.preventDefault(); send(); };
    $("options").onsubmit = event => event.preventDefault();
    $("stop").onclick = stop;
    $("retry").onclick = () => {
      const last = state[state.mode].at(-1);
      if (state.mode === "chat" && last?.role === "assistant") answerAfter(before(last)); else answer();
    };
    $("dismiss").onclick = () => showError();
    $("copy").onclick = event => {
      const line = turn => `${turn.role === "user" ? "You" : "Model"}: ${textOf(turn)}\n\n`;
      copy(state[state.mode].map(state.mode === "chat" ? line : textOf).join(""), event.currentTarget);
    };
    $("clear").onclick = () => {
      stop();
      state[state.mode] = [];
      showError();
      render();
      save();
      $("input").focus();
    };
    $("mode").onchange = event => { setMode(event.target.value); save(); };
    $("show-settings").onclick = () => {
      showSettings($("settings").hidden);
      if (!$("settings").hidden) $("hide-settings").focus();
    };
    $("hide-settings").onclick = () => { showSettings(false); $("show-settings").focus(); };
    $("key").onchange = () => { keep(tab, "needletail.key", $("key").value); loadModels(); };
    $("options").oninput = event => {
      if (event.target.dataset.for) $(event.target.dataset.for).value = event.target.value;
      settingsChanged();
    };
    $("options").onreset = () => setTimeout(() => {  // The key is no setting: it stays.
      $("key").value = kept(tab, "needletail.key");
      settingsChanged();
    });
    $("input").oninput = () => grow($("input"));
    $("input").onkeydown = event => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      send();
    };
    document.addEventListener("keydown", event => {
      if (event.key !== "Escape") return;
      if (state.request) stop();
      else if (!popover.hidden) hidePopover();
      else if (matchMedia("(max-width: 52rem)").matches) showSettings(false);
    });

    restore();
    showSettings(matchMedia("(min-width: 70rem)").matches);
    setMode(state.mode);
    grow($("input"));
    loadModels();
    if (matchMedia("(hover: hover)").matches) $("input").focus();
    """#
}
