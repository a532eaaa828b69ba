/// The page at `/`: a conversation with the model, in one document without outside resources.
///
/// It is written as a browser reads it, and put together here. Text from outside enters as text nodes only;
/// what the page may load and whom it may ask is the server's to say (`PagePolicy`).
enum ChatPage {
  static let html = #"""
    <!doctype html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1, interactive-widget=resizes-content">
    <meta name="color-scheme" content="light dark">
    <title>Needletail</title>
    <link rel="icon" href="data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'>
      <path fill='%230e7490'
        d='M1 7c8-1 13 2 15 6 2-4 7-7 15-6-7 2-11 6-13 12l2 9-4-5-4 5 2-9C12 13 8 9 1 7z'/></svg>">
    <style>
    \#(style)
    </style>
    </head>
    <body>
    <header>
      <svg viewBox="0 0 32 32" width="26" height="26" aria-hidden="true">
        <path d="M1 7c8-1 13 2 15 6 2-4 7-7 15-6-7 2-11 6-13 12l2 9-4-5-4 5 2-9C12 13 8 9 1 7z"/>
      </svg>
      <h1>Needletail</h1>
      <select id="model" aria-label="Model"></select>
      <div id="mode" role="radiogroup" aria-label="Mode">
        <label title="Questions and answers, through the model's chat template">
          <input type="radio" name="mode" value="chat" checked><span>Chat</span></label>
        <label title="One text that the model continues, for base models">
          <input type="radio" name="mode" value="text"><span>Text</span></label>
      </div>
      <span class="space"></span>
      <button id="copy" type="button" class="quiet">
        <svg viewBox="0 0 24 24" width="16" height="16" aria-hidden="true">
          <path d="M9 9h11v11H9zM5 15H4V4h11v1"/>
        </svg>
        <span>Copy</span></button>
      <button id="clear" type="button" class="quiet">
        <svg viewBox="0 0 24 24" width="16" height="16" aria-hidden="true">
          <path d="M4 7h16M10 7V4h4v3M6 7l1 13h10l1-13"/>
        </svg>
        <span>Clear</span></button>
      <button id="show-settings" type="button" class="quiet" aria-controls="settings" aria-expanded="false">
        <svg viewBox="0 0 24 24" width="16" height="16" aria-hidden="true">
          <path d="M4 8h8M18 8h2M12.5 8a2.5 2.5 0 1 0 5 0a2.5 2.5 0 1 0-5 0
            M4 16h2M12 16h8M6.5 16a2.5 2.5 0 1 0 5 0a2.5 2.5 0 1 0-5 0"/>
        </svg>
        <span>Settings</span></button>
    </header>

    <main id="log" role="log" aria-live="polite" aria-label="Conversation" tabindex="-1"></main>

    <form id="composer" autocomplete="off">
      <p id="error" role="alert" hidden>
        <span></span>
        <button id="retry" type="button" class="quiet">Try again</button>
        <button id="dismiss" type="button" class="quiet" aria-label="Dismiss the error">×</button>
      </p>
      <div class="entry">
        <textarea id="input" rows="1" aria-label="Message" enterkeyhint="send"></textarea>
        <button id="send" type="submit">Send</button>
        <button id="stop" type="button" hidden>Stop</button>
      </div>
      <p class="hint"><kbd>Enter</kbd> sends · <kbd>Shift Enter</kbd> new line · <kbd>Esc</kbd> stops</p>
    </form>

    <aside id="settings" aria-label="Settings" hidden>
      <form id="options" autocomplete="off">
        <div class="title">
          <h2>Settings</h2>
          <button type="reset" class="quiet">Reset</button>
          <button id="hide-settings" type="button" class="quiet" aria-label="Close the settings">×</button>
        </div>
        <label class="chat-only">System prompt
          <textarea name="system" rows="3" placeholder="None"></textarea></label>

        <div class="slider">
          <label for="temperature">Temperature</label>
          <input id="temperature" name="temperature" type="number" min="0" max="100" step="any" value="1">
          <input type="range" data-for="temperature" min="0" max="2" step="0.05" aria-label="Temperature">
        </div>
        <div class="slider">
          <label for="top_p">Top p</label>
          <input id="top_p" name="top_p" type="number" min="0" max="1" step="any" value="1">
          <input type="range" data-for="top_p" min="0.01" max="1" step="0.01" aria-label="Top p">
        </div>
        <div class="slider">
          <label for="min_p">Min p</label>
          <input id="min_p" name="min_p" type="number" min="0" max="1" step="any" value="0">
          <input type="range" data-for="min_p" min="0" max="1" step="0.01" aria-label="Min p">
        </div>

        <div class="three">
          <label>Max tokens <input name="max_tokens" type="number" min="1" step="1" value="256"></label>
          <label>Top k <input name="top_k" type="number" min="0" step="1" placeholder="all"></label>
          <label>Seed <input name="seed" type="number" step="1" placeholder="random"></label>
        </div>
        <fieldset class="three">
          <legend>Penalties</legend>
          <label>Repetition
            <input name="repetition_penalty" type="number" min="0" step="any" placeholder="1"></label>
          <label>Presence
            <input name="presence_penalty" type="number" min="-2" max="2" step="any" placeholder="0"></label>
          <label>Frequency
            <input name="frequency_penalty" type="number" min="-2" max="2" step="any" placeholder="0"></label>
        </fieldset>
        <label>Stop at <small>one a line, \n for a line break</small>
          <textarea name="stop" rows="2" placeholder="Nothing"></textarea></label>

        <label class="check"><input name="probabilities" type="checkbox" checked>
          Ask for probabilities</label>
        <label class="check"><input name="tint" type="checkbox"> Colour tokens by probability
          <span class="scale" aria-hidden="true">unlikely<i></i>likely</span></label>

        <label>API key <small>forgotten with this tab</small>
          <input id="key" type="password" autocomplete="off" spellcheck="false" placeholder="None"></label>
      </form>
    </aside>

    <div id="popover" role="tooltip" hidden></div>
    <noscript>This page needs JavaScript.</noscript>
    <script>
    \#(server)

    \#(view)

    \#(conversation)

    \#(controls)</script>
    </body>
    </html>
    """#
}
