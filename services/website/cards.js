/** Cards of items: each is an article with the item's name as its heading, and toggle buttons for the marks. */

import { itemHref, itemKey } from "./address.js";
import { cover } from "./cover.js";
import { button, element, icon, newId } from "./dom.js";
import * as marks from "./marks.js";
import { count, kindOf, yearOf } from "./words.js";

/**
 * @typedef {Object} CardOptions
 * @property {AbortSignal} signal ends the card's life
 * @property {number} [rank] of a list of the best
 * @property {string} [remark] a line below the others
 * @property {(card: HTMLElement) => void} [onHide] the card has a button "Not for me", which calls this after marking
 * @property {{picked: boolean, toggle: () => void}} [pick] the card has one button "Pick" in place of the marks
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

/** Cards for all items, and a request for the marks on them. */
export function cards(items, options) {
  marks.learn(items.map(itemKey));
  return items.map((item) => card(item, options));
}

/** "Seen" and "Like". */
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
  const one = () => element("div", { class: "card skeleton" },
    element("div", { class: "card-cover" }),
    element("div", { class: "line" }),
    element("div", { class: "line line-short" }));
  return Array.from({ length: number }, one);
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
    onclick: () => marks.set(item, kind, !marks.of(key)[kind]),
  }, icon(kind === "liked" ? "like" : "seen"), text);
  const show = () => toggle.setAttribute("aria-pressed", marks.of(key)[kind]);
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
