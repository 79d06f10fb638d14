/** Messages beside the content: a live region for screen readers, and a note at the bottom of the window. */

import { button, element, focusOn } from "./dom.js";
import { sentence } from "./words.js";

const NOTE_MS = 12_000;

let closeNote = () => {};

/** Announces a text to screen readers. */
export function announce(text) {
  const region = document.getElementById("announcements");
  region.textContent = "";
  // A screen reader repeats the same text only if the region was empty in between.
  setTimeout(() => { region.textContent = text; }, 50);
}

/**
 * Shows a note for some seconds, longer while it has the pointer or the focus, and announces it.
 * @param {string} text
 * @param {{isError?: boolean, actions?: {text: string, act?: () => void, href?: string}[]}} [options]
 */
export function note(text, { isError = false, actions = [] } = {}) {
  closeNote();
  const origin = document.activeElement;
  const close = () => {
    const hadFocus = box.contains(document.activeElement);
    clearInterval(timer);
    box.remove();
    if (hadFocus) focusOn(origin?.isConnected ? origin : document.getElementById("main"));
  };
  const control = ({ text: label, act, href }) => href
    ? element("a", { href, class: "note-action", onclick: close }, label)
    : button(label, () => { close(); act(); }, { class: "note-action" });
  const classes = isError ? "note note-error" : "note";
  const box = element("div", { class: classes, role: "group", "aria-label": "Last change" },
    element("p", { dir: "auto" }, text),
    ...actions.map(control),
    button("×", close, { class: "note-close", "aria-label": "Close" }));
  const timer = setInterval(() => {
    if (!box.matches(":hover, :focus-within")) close();
  }, NOTE_MS);
  closeNote = close;
  document.getElementById("toasts").append(box);
  announce(text);
}

export const noteFailure = (text, actions = []) => note(text, { isError: true, actions });

/** Shows what has failed, and why; nothing for a request that was aborted. */
export function noteError(text, error, actions = []) {
  if (error.name !== "AbortError") noteFailure(`${text} ${sentence(error.message)}`, actions);
}
