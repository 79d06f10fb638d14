/** Cards of items: articles with the item's name as their heading, and toggle buttons for the marks. */

import { itemHref, itemKey } from "./address.js";
import { cover } from "./cover.js";
import { button, element, icon, newId } from "./dom.js";
import * as marks from "./marks.js";
import { count, kindOf, yearOf } from "./words.js";

/**
 * @typedef {Object} CardOptions
 * @property {AbortSignal} signal aborted when the card is not needed any more
 * @property {number} [rank] place in a list of the best items
 * @property {string} [remark] the last line of the text
 * @property {(card: HTMLElement) => void} [onHide] adds a button "Not for me", which sets the mark and calls this
 * @property {{picked: boolean, toggle: () => void}} [pick] shows a button "Pick" instead of the marks
 */

/**
 * @param {import("./api.js").Item} item
 * @param {CardOptions} options
 */
export function card(item, { signal, rank, remark, onHide, pick }) {
  const titleId = newId();
  const article = element("article", { class: "card", "data-key": itemKey(item), "aria-labelledby": titleId },
    element("div", { class: "card-cover" },
      cover(item),
      rank && element("span", { class: "rank", "aria-hidden": "true" }, rank)),
    element("h3", { id: titleId, class: "card-title" }, element("a", { href: itemHref(item), dir: "auto" }, item.name)),
    facts(item),
    remark && element("p", { class: "card-remark", dir: "auto" }, remark),
    pick ? pickButton(pick, titleId) : markButtons(item, titleId, signal));
  if (onHide) {
    article.append(button("Not for me", () => {
      marks.set(item, "notInterested", true);
      onHide(article);
    }, { class: "button button-quiet card-hide", "aria-describedby": titleId }));
  }
  return article;
}

/** Cards of the items. The marks on them are loaded. */
export function cards(items, options) {
  marks.request(items.map(itemKey));
  return items.map((item) => card(item, options));
}

/** The card of the item in the container, or null. */
export const findCard = (container, key) => container.querySelector(`article[data-key="${CSS.escape(key)}"]`);

/** The buttons "Seen" and "Like". */
export function markButtons(item, describedBy, signal) {
  return element("div", { class: "marks" },
    markButton(item, "seen", "Seen", describedBy, signal), markButton(item, "liked", "Like", describedBy, signal));
}

/** Year, kind and rating on one line. */
function facts(item) {
  return element("p", { class: "card-facts" },
    element("span", {}, [yearOf(item), kindOf(item)].filter(Boolean).join(" · ")),
    item.rating !== undefined && rating(item));
}

export function skeletons(number) {
  const skeleton = () => element("div", { class: "card skeleton" },
    element("div", { class: "card-cover" }),
    element("div", { class: "line" }),
    element("div", { class: "line line-short" }));
  return Array.from({ length: number }, skeleton);
}

function rating(item) {
  const votes = item.votes ? `, ${count(item.votes)} votes` : "";
  return element("span", { class: "rating", title: `${item.rating} of 10${votes}` },
    element("span", { "aria-hidden": "true" }, "★ "),
    element("span", { class: "hidden" }, "Rating "), item.rating.toFixed(1));
}

function markButton(item, kind, text, describedBy, signal) {
  const key = itemKey(item);
  const toggle = element("button", {
    type: "button", class: `mark mark-${kind}`, "aria-describedby": describedBy,
    onclick: () => marks.set(item, kind, !marks.shownOn(key)[kind]),
  }, icon(kind === "liked" ? "like" : "seen"), text);
  const show = () => toggle.setAttribute("aria-pressed", marks.shownOn(key)[kind]);
  show();
  marks.watch(key, show, signal);
  return toggle;
}

function pickButton({ picked, toggle }, describedBy) {
  const pressed = element("button", {
    type: "button",
    class: "mark mark-pick",
    "aria-pressed": String(picked),
    "aria-describedby": describedBy,
    onclick: toggle,
  }, icon(picked ? "seen" : "add"), "Pick");
  return element("div", { class: "marks" }, pressed);
}
