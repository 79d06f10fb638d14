/** The ten most liked items of each type. */

import * as address from "../address.js";
import * as api from "../api.js";
import { card, skeletons } from "../cards.js";
import { element } from "../dom.js";
import * as loading from "../loading.js";
import * as marks from "../marks.js";
import { count, TYPES } from "../words.js";

export function render(_, signal) {
  const sections = TYPES.map(({ type, title }) => ({ type, title, content: element("div", {}) }));
  const node = element("div", { class: "view top", "data-title": "Top ten" },
    element("h1", {}, "Top ten"),
    element("p", { class: "lead" }, "What the people here like most."),
    ...sections.map(({ title, content }) => element("section", {}, element("h2", {}, title), content)));
  const ready = Promise.all(sections.map(({ type, title, content }) => loading.fill(content, {
    what: `The top ten of ${title.toLowerCase()}`,
    skeleton: () => [element("div", { class: "rail" }, ...skeletons(6))],
    load: () => api.topTen(type, signal),
    show: ({ items }) => {
      if (!items.length) return [nothingLiked(type)];
      marks.request(items.map(({ item }) => address.itemKey(item)));
      const entry = ({ item, likes }, index) => card(item, {
        signal, rank: index + 1, remark: likes === 1 ? "1 like" : `${count(likes)} likes`,
      });
      return [element("div", { class: "rail" }, ...items.map(entry))];
    },
  })));
  return { node, ready };
}

function nothingLiked(type) {
  return loading.empty("Nobody has liked anything here yet.",
    element("a", { class: "button", href: address.href({ view: "browse", type }) }, "Be the first"));
}
