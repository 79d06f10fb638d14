/** What the page says beside its content: a live region for screen readers, and a note at the bottom of the window. */

import { button, element, focusOn } from "./dom.js";

const NOTE_MS = 12_000;

let shown = null;

/** Says it to screen readers only. */
export function announce(text) {
  const region = document.getElementById("announcements");
  region.textContent = "";
  // The same text twice is said twice only if the region was empty in between.
  setTimeout(() => { region.textContent = text; }, 50);
}

/**
 * Shows a note for some seconds, longer while it has the pointer or the focus, and announces it.
 * @param {string} text
 * @param {{error?: boolean, actions?: {text: string, act?: () => void, href?: string}[]}} [options]
 */
export function note(text, { error = false, actions = [] } = {}) {
  const origin = document.activeElement;
  const close = () => {
    if (shown !== entry) return;
    shown = null;
    const hadFocus = entry.contains(document.activeElement);
    entry.remove();
    if (hadFocus) focusOn(origin?.isConnected ? origin : document.getElementById("main"));
  };
  const control = ({ text: label, act, href }) => href
    ? element("a", { href, class: "note-action", onclick: close }, label)
    : button(label, () => { close(); act(); }, { class: "note-action" });
  const classes = error ? "note note-error" : "note";
  const entry = element("div", { class: classes, role: "group", "aria-label": "Last change" },
    element("p", { dir: "auto" }, text),
    ...actions.map(control),
    button("×", close, { class: "note-close", "aria-label": "Close" }));
  if (shown) shown.remove();
  shown = entry;
  document.getElementById("toasts").append(entry);
  announce(text);
  closeLater(entry, close);
}

export const failure = (text, actions = []) => note(text, { error: true, actions });

function closeLater(entry, close) {
  const poll = setInterval(() => {
    if (!entry.isConnected) clearInterval(poll);
    else if (!entry.matches(":hover, :focus-within")) { clearInterval(poll); close(); }
  }, NOTE_MS);
}
