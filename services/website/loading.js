/** Loads a part of the page: shows a skeleton, then the content, or the error with a button to try again. */

import { announce } from "./announce.js";
import { Leaving } from "./api.js";
import { button, element, focusOn } from "./dom.js";
import { datasets, sentence } from "./words.js";

/**
 * Fills the container with what `show` makes of what `load` resolves to.
 * @template T
 * @param {HTMLElement} container
 * @param {{load: () => Promise<T>, show: (answer: T) => Node[], skeleton?: () => Node[], what: string}} part
 *   `what` completes "… cannot be shown", as in "The top ten"
 * @returns {Promise<boolean>} whether it was shown
 */
export async function fill(container, { load, show, skeleton = () => [skeletonText()], what }) {
  container.setAttribute("aria-busy", "true");
  container.replaceChildren(...skeleton());
  try {
    container.replaceChildren(...show(await load()));
    container.setAttribute("aria-busy", "false");
    return true;
  } catch (error) {
    // Something else is loaded in its place, or the page is being left.
    if (error.name === "AbortError" || error instanceof Leaving) return false;
    const again = () => {
      focusOn(container);
      fill(container, { load, show, skeleton, what });
    };
    container.replaceChildren(failure(`${what} cannot be shown.`, error, again));
    container.setAttribute("aria-busy", "false");
    return false;
  }
}

/** A box with the reason for a failure and a button to try again. */
export function failure(text, error, again) {
  const fields = (error.errors ?? []).map(({ field, message }) => `${field} ${message}`);
  const reason = fields.join("; ") || error.message;
  announce(`${text} ${sentence(reason)}`);
  if (!("status" in error)) console.error(error);
  return element("div", { class: "failure" },
    element("p", {}, element("strong", {}, text), ` ${sentence(reason)}`),
    error.requestId && element("p", { class: "faint small" }, `Request ${error.requestId}`),
    again && button("Try again", again));
}

/** Names the datasets whose items are not in an answer; null if all are. */
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
