/** One item: cover, description, categories, rating, year, source, and similar items. */

import * as address from "../address.js";
import { note, noteError } from "../announce.js";
import * as api from "../api.js";
import { cards, markButtons, skeletons } from "../cards.js";
import { cover } from "../cover.js";
import { confirm } from "../dialog.js";
import { button, element, icon, newId, outsideLink } from "../dom.js";
import { ITEM_KEY } from "../limits.js";
import * as loading from "../loading.js";
import * as marks from "../marks.js";
import * as signIn from "../sign_in.js";
import { count, kindOf, sourceOf, yearOf } from "../words.js";

const SIMILAR = 12;

export function render({ item: key }, signal) {
  const node = element("div", { class: "view item", "data-title": "Item" });
  if (!ITEM_KEY.test(key)) {
    node.append(notFound());
    return { node };
  }
  const similar = element("section", { class: "similar" });
  const main = element("div", {});
  node.append(main, similar);
  const shown = loading.fill(main, {
    what: "This item",
    skeleton: () => [element("div", { class: "item-main skeleton" },
      element("div", { class: "item-cover card-cover" }), loading.skeletonText())],
    load: () => api.getItem(key, signal).catch((error) => {
      if (error.status === 404) return null;
      throw error;
    }),
    show: (item) => {
      if (!item) return [notFound()];
      node.dataset.title = item.name;
      marks.request([key]);
      showSimilar(similar, item, signal);
      return [details(item, signal)];
    },
  });
  return { node, ready: shown };
}

function notFound() {
  return loading.empty("There is no such item.", element("h1", { class: "hidden" }, "Not found"),
    element("p", {}, "It may have been removed."), element("a", { class: "button", href: "/" }, "Browse the library"));
}

function details(item, signal) {
  const titleId = newId();
  const source = sourceOf(item);
  const category = (name) => {
    const href = address.href({ view: "browse", type: item.type, category: name });
    return element("li", {}, element("a", { class: "chip", dir: "auto", href }, name));
  };
  const categories = () =>
    element("ul", { class: "chips", "aria-label": "Categories" }, ...item.category.map(category));
  const remove = () => removeItem(item);
  return element("article", { class: "item-main", "aria-labelledby": titleId, "data-key": address.itemKey(item) },
    element("div", { class: "item-cover" }, cover(item, { eager: true })),
    element("div", { class: "item-text" },
      element("p", { class: "eyebrow" }, [kindOf(item), yearOf(item)].filter(Boolean).join(" · ")),
      element("h1", { id: titleId, dir: "auto" }, item.name),
      rating(item),
      markButtons(item, titleId, signal),
      item.description && element("div", { class: "description", dir: "auto" }, item.description),
      item.category.length > 0 && categories(),
      element("div", { class: "actions" },
        source && outsideLink(source.address, { class: "button" }, `${source.name} `, icon("link")),
        signIn.mayChangeItems() && button("Remove this item", remove, { class: "button button-danger" }))));
}

function rating(item) {
  if (item.rating === undefined) return element("p", { class: "faint" }, "Not rated yet");
  const votes = item.type === "ANIME" ? "people have it in their list" : "votes";
  return element("p", { class: "item-rating" },
    element("span", { class: "star", "aria-hidden": "true" }, "★"),
    element("strong", {}, item.rating.toFixed(1)),
    " of 10",
    item.votes ? element("span", { class: "faint" }, ` · ${count(item.votes)} ${votes}`) : null);
}

async function showSimilar(container, item, signal) {
  const title = element("h2", {}, "Similar");
  const content = element("div", {});
  container.replaceChildren(title, content);
  await loading.fill(content, {
    what: "What is similar",
    skeleton: () => [element("div", { class: "grid" }, ...skeletons(6))],
    load: () => listSimilar(item, signal),
    show: ({ items, missing, isFromMarks }) => {
      title.textContent = isFromMarks ? "People who know this also know" : "Similar";
      if (!items.length && !missing.length) return [element("p", { class: "faint" }, "Nothing is similar yet.")];
      const again = () => showSimilar(container, item, signal);
      const grid = element("div", { class: "grid" }, ...cards(items, { signal }));
      return [loading.missingNotice(missing, again), grid].filter(Boolean);
    },
  });
}

/** Similar items according to everyone's marks; without enough marks, suggestions that have themes in common. */
async function listSimilar(item, signal) {
  const answer = await api.listSimilar(address.itemKey(item), SIMILAR, signal);
  if (answer.items.length || answer.missing.length) return { ...answer, isFromMarks: true };
  const { suggestions, missing } = await api.suggest({ amount: SIMILAR, likes: [item], anonymous: true }, signal);
  const inCommon = ({ themes }) => themes.filter((theme) => item.themes.includes(theme)).length;
  const items = suggestions.map((suggestion) => suggestion.item).filter(inCommon);
  items.sort((left, right) => inCommon(right) - inCommon(left));
  return { items: items.slice(0, SIMILAR), missing, isFromMarks: false };
}

async function removeItem(item) {
  const isSure = await confirm({
    title: `Remove ${item.name}?`,
    text: "The item and everyone's marks on it are removed. This cannot be undone.",
    action: "Remove",
  });
  if (!isSure) return;
  try {
    await api.removeItem(address.itemKey(item));
    address.go(address.href({ view: "browse", type: item.type }));
    note(`${item.name} is removed.`);
  } catch (error) {
    noteError(`${item.name} could not be removed.`, error);
  }
}
