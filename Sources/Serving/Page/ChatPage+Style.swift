extension ChatPage {
  /// How the page looks: two palettes, one column, settings at its side or, on a phone, over it.
  static let style = #"""
    :root {
      --paper: #fcfbf9; --raised: #ffffff; --soft: #f1efea; --line: #dfdcd4;
      --ink: #1c1e21; --faint: #63676e; --accent: #0e7490; --on-accent: #ffffff;
      --bad: #b3261e; --bad-soft: #fbe9e7;
      --chosen: #ffffff; --shadow: 0 1px 2px #0001, 0 8px 28px #0002; --heat: .55;
    }
    @media (prefers-color-scheme: dark) {
      :root {
        --paper: #15171a; --raised: #1e2125; --soft: #24282d; --line: #353a40;
        --ink: #e7e6e2; --faint: #a0a5ac; --accent: #67c7dc; --on-accent: #0a1a1f;
        --bad: #ff9d94; --bad-soft: #3a2220;
        --chosen: #3d444b; --shadow: 0 1px 2px #0006, 0 8px 28px #0009; --heat: .42;
      }
    }
    * { box-sizing: border-box; }
    [hidden] { display: none !important; }
    html, body { height: 100%; }
    body {
      margin: 0; display: grid; grid-template: auto minmax(0, 1fr) auto / minmax(0, 1fr) auto;
      background: var(--paper); color: var(--ink); font: 16px/1.6 system-ui, sans-serif;
      height: 100dvh; overflow: hidden;
    }
    p, h1, h2 { margin: 0; }
    small, .hint, .note { color: var(--faint); font-size: .8125rem; font-weight: 400; }

    button, input, select, textarea { font: inherit; color: inherit; }
    button { border: 1px solid transparent; border-radius: .5rem; padding: .375rem .875rem; cursor: pointer; }
    button:disabled { opacity: .4; cursor: default; }
    .quiet { background: none; color: var(--faint); font-size: .875rem; padding: .25rem .5rem; }
    .quiet:hover:enabled { background: var(--soft); color: var(--ink); }
    input, select, textarea {
      border: 1px solid var(--line); border-radius: .5rem; background: var(--raised);
    }
    #settings :is(input, textarea) { font-weight: 400; }
    input:not([type=range], [type=checkbox], [type=radio]), aside textarea {
      width: 100%; padding: .25rem .5rem;
    }
    input[type=number] { appearance: textfield; }
    ::-webkit-inner-spin-button { display: none; }
    input:invalid { border-color: var(--bad); }
    input[type=range], input[type=checkbox] { accent-color: var(--accent); }
    textarea { resize: none; }
    ::placeholder { color: var(--faint); opacity: .8; }
    :focus-visible { outline: 2px solid var(--accent); outline-offset: 1px; }

    header {
      grid-column: 1 / -1; display: flex; align-items: center; gap: .625rem; padding: .5rem 1rem;
      border-bottom: 1px solid var(--line);
    }
    header > svg { fill: var(--accent); flex: none; }
    header button { display: flex; align-items: center; gap: .375rem; }
    header button svg { flex: none; fill: none; stroke: currentColor; stroke-width: 1.75;
      stroke-linecap: round; stroke-linejoin: round; }
    .done { color: var(--accent) !important; }
    h1 { font-size: 1.0625rem; font-weight: 650; letter-spacing: -.01em; }
    .space { flex: 1; }
    #model {
      border-color: transparent; background: none; color: var(--faint); font-size: .875rem; padding: .25rem;
      min-width: 0; max-width: 18rem; text-overflow: ellipsis;
    }
    #model:disabled { appearance: none; opacity: 1; }
    #mode { display: flex; flex: none; padding: 2px; border-radius: .625rem; background: var(--soft); }
    #mode label { cursor: pointer; }
    #mode input { position: absolute; opacity: 0; }
    #mode span { display: block; padding: .125rem .75rem; border-radius: .5rem; font-size: .875rem;
      color: var(--faint); }
    #mode :checked + span { background: var(--chosen); color: var(--ink); box-shadow: 0 1px 2px #0003; }
    #mode :focus-visible + span { outline: 2px solid var(--accent); }

    #log { grid-area: 2 / 1; padding: 1.5rem 1rem; overflow-y: auto; overscroll-behavior: contain;
      outline: 0; }
    #log > *, #composer > * { max-width: 46rem; margin-inline: auto; }
    .welcome { margin-top: 16vh; text-align: center; text-wrap: balance; color: var(--faint); }
    .welcome h2 { margin-bottom: .25rem; font-size: 1.5rem; font-weight: 600; letter-spacing: -.015em;
      color: var(--ink); }
    article { margin-bottom: 1.25rem; }
    .text { white-space: pre-wrap; overflow-wrap: anywhere; min-height: 1.6em; }
    .user > .text { width: fit-content; max-width: 85%; margin-left: auto; padding: .5rem .875rem;
      border-radius: 1rem 1rem .25rem 1rem; background: var(--soft); }
    .document .written { color: var(--faint); }
    article footer { display: flex; flex-wrap: wrap; align-items: center; gap: 0 .25rem; min-height: 2rem; }
    article footer .quiet { font-size: .8125rem; }
    .note { margin-right: .5rem; font-variant-numeric: tabular-nums; }
    .live .text::after { content: ""; display: inline-block; width: .5em; height: 1em; margin-left: 1px;
      vertical-align: -.125em; border-radius: 1px; background: var(--accent);
      animation: blink 1s steps(2, jump-none) infinite; }
    @keyframes blink { to { opacity: .15; } }
    @media (hover: hover) {
      .user { display: flex; flex-direction: row-reverse; align-items: center; gap: .5rem; }
      .user > .text { margin: 0; }
      article footer button { opacity: 0; }
      article:is(:hover, :focus-within, :last-child) footer button { opacity: 1; }
      article footer button:disabled { opacity: 0 !important; }
    }
    @media (hover: none) { .user > footer { justify-content: flex-end; } }
    .editor { width: 100%; padding: .625rem .875rem; line-height: 1.6; }

    .token { border-radius: 2px; outline-offset: 0; }
    .token:hover, .token.shown { background: color-mix(in srgb, var(--accent) 25%, transparent); }
    .tint .token {
      background: hsl(calc(5 + 45 * var(--p)) 90% 55%
        / calc(var(--heat) * (1 - var(--p)) * (1 - .5 * var(--p))));
    }
    .tint .token:hover, .tint .token.shown { box-shadow: 0 0 0 1.5px var(--accent); }
    #popover {
      position: fixed; z-index: 3; width: max-content; max-width: min(20rem, calc(100vw - 1rem));
      padding: .5rem .75rem; border: 1px solid var(--line); border-radius: .625rem; background: var(--raised);
      box-shadow: var(--shadow); font-size: .8125rem; pointer-events: none;
      font-variant-numeric: tabular-nums;
    }
    #popover table { border-spacing: 0; width: 100%; }
    #popover caption { text-align: left; padding-bottom: .25rem; color: var(--faint); white-space: nowrap; }
    #popover table + table caption { padding-top: .5rem; }
    #popover td { max-width: 9rem; padding: 0 .75rem 0 0; white-space: pre; overflow: hidden;
      text-overflow: ellipsis; }
    #popover td:first-child, #popover b { font-family: ui-monospace, monospace; color: var(--ink); }
    #popover td:nth-child(2) { text-align: right; }
    #popover td:last-child { padding: 0; width: 5rem; }
    #popover i { display: block; height: .375rem; min-width: 1px; border-radius: 1px;
      background: var(--line); }
    #popover .chosen { font-weight: 600; }
    #popover .chosen i { background: var(--accent); }

    #composer { grid-area: 3 / 1; padding: 0 1rem .625rem; }
    .entry { display: flex; align-items: flex-end; gap: .5rem; padding: .375rem;
      border: 1px solid var(--line); border-radius: 1rem; background: var(--raised);
      box-shadow: var(--shadow); }
    .entry:focus-within { border-color: var(--accent); }
    #input { flex: 1; min-width: 0; max-height: 40dvh; padding: .4375rem .625rem; border: 0; outline: 0;
      background: none; }
    #send, #stop { border-radius: .75rem; min-width: 5rem; font-weight: 600; }
    #send { background: var(--accent); color: var(--on-accent); }
    #stop { background: var(--soft); border-color: var(--line); color: var(--bad); }
    .hint { text-align: center; padding-top: .375rem; }
    kbd { font: inherit; font-weight: 600; }
    #error { display: flex; align-items: center; gap: .5rem; margin-bottom: .5rem; border-radius: .75rem;
      padding: .25rem .375rem .25rem .875rem; background: var(--bad-soft); color: var(--bad);
      font-size: .875rem; }
    #error span { flex: 1; overflow-wrap: anywhere; }
    #error button { color: inherit; flex: none; }

    #settings { grid-column: 2; grid-row: 2 / 4; width: 19rem; overflow-y: auto; padding: .75rem 1rem 1.5rem;
      border-left: 1px solid var(--line); font-size: .875rem; }
    #options, #options > label { display: grid; gap: .75rem; }
    #options > label { gap: .25rem; font-weight: 550; }
    .title { display: flex; align-items: center; }
    .title h2 { flex: 1; font-size: 1rem; font-weight: 650; }
    .slider { display: grid; grid-template-columns: 1fr 5rem; align-items: center; gap: 0 .5rem;
      font-weight: 550; }
    .slider [type=range] { grid-column: 1 / -1; width: 100%; margin: .375rem 0 0; }
    .three { display: grid; grid-template-columns: 1.15fr 1fr 1fr; gap: .25rem .625rem;
      margin: 0; padding: 0; border: 0; }
    .three label { font-weight: 550; }
    .three legend { padding: 0 0 .125rem; font-weight: 550; }
    fieldset.three label { font-weight: 400; color: var(--faint); }
    #options > .check { display: block; }
    .check input { margin: 0 .375rem 0 0; vertical-align: -.125em; }
    .scale { display: flex; align-items: center; gap: .375rem; margin: .25rem 0 0 1.5rem; color: var(--faint);
      font-size: .75rem; font-weight: 400; }
    .scale i { width: 5rem; height: .5rem; border-radius: 2px;
      background: linear-gradient(90deg, hsl(5 90% 55% / var(--heat)),
        hsl(28 90% 55% / calc(.4 * var(--heat))), hsl(50 90% 55% / 0)); }
    .text-mode .chat-only { display: none !important; }

    @media (max-width: 52rem) {
      #settings { position: fixed; inset: 0; z-index: 2; width: auto; border: 0; background: var(--paper); }
      input, select, textarea { font-size: 16px !important; }  /* Smaller, and a phone zooms in. */
    }
    @media (max-width: 34rem) {
      h1, .hint { display: none; }
      header { gap: .25rem; padding: .375rem .5rem; }
      header .quiet { padding: .5rem; }
      header button span { position: absolute; width: 1px; overflow: hidden; clip-path: inset(50%); }
      #log { padding: 1rem .75rem; }
      #composer { padding: 0 .5rem .5rem; }
      .space { display: none; }
      #model { flex: 1; }
      article:not(.user) .note { flex-basis: 100%; }
      article footer .quiet:first-of-type { margin-left: -.5rem; }
    }
    @media (prefers-reduced-motion: reduce) { .live .text::after { animation: none; } }
    """#
}
