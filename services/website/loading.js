/** What a part of the page shows while it is loaded, if that fails, and if there is nothing to show. */

import { announce } from "./announce.js";
import { button, element, focusOn } from "./dom.js";
import { datasets, sentence } from "./words.js";

/** Returns a function whose result is aborted by the function's next call, and when `signal` is. */
export function restartable(signal) {
  let controller = null;
  return () => {
    controller?.abort();
    controller = new AbortController();
    return AbortSignal.any([signal, controller.signal]);
  };
}

/**
 * Shows a skeleton, then `show` of the answer that `load` resolves to, or the error with a button to try again.
 * @template T
 * @param {HTMLElement} container
 * @param {{load: () => Promise<T>, show: (answer: T) => Node[], skeleton?: () => Node[], what: string}} part
 *   `what` completes "… cannot be shown", as in "The top ten"
 * @returns {Promise<void>} after the content or the error is shown
 */
export async function fill(container, { load, show, skeleton = () => [skeletonText()], what }) {
  container.setAttribute("aria-busy", "true");
  container.replaceChildren(...skeleton());
  try {
    container.replaceChildren(...show(await load()));
  } catch (error) {
    if (error.name === "AbortError") return; // something else is loaded in its place, or the page is being left
    const again = () => {
      focusOn(container);
      fill(container, { load, show, skeleton, what });
    };
    container.replaceChildren(failureBox(`${what} cannot be shown.`, error, again));
  }
  container.setAttribute("aria-busy", "false");
}

/** A box with the reason for a failure and a button to try again. */
export function failureBox(text, error, again) {
  const fields = (error.errors ?? []).map(({ field, message }) => `${field} ${message}`);
  const reason = fields.join("; ") || error.message;
  announce(`${text} ${sentence(reason)}`);
  if (!("status" in error)) console.error(error);
  return element("div", { class: "failure" },
    element("p", {}, element("strong", {}, text), ` ${sentence(reason)}`),
    error.requestId && element("p", { class: "faint small" }, `Request ${error.requestId}`),
    again && button("Try again", again));
}

/** Names the datasets whose items are missing in an answer; null if there are none. */
export function missingNotice(missing, again) {
  if (!missing?.length) return null;
  const text = `${datasets(missing)} cannot be reached, so their items are missing here.`;
  announce(text);
  return element("div", { class: "notice" }, element("p", {}, text), again && button("Try again", again));
}

export function empty(title, ...content) {
  return element("div", { class: "empty" }, element("p", { class: "empty-title" }, title), ...content);
}

/** The skeleton of a heading and two lines. */
export function skeletonText() {
  return element("div", { class: "skeleton" },
    element("div", { class: "line line-title" }),
    element("div", { class: "line" }),
    element("div", { class: "line line-short" }));
}
