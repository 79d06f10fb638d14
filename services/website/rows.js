/** Suggestions in rows. A row's heading is the reason that its suggestions have in common. */

import * as address from "./address.js";
import { announce } from "./announce.js";
import { card } from "./cards.js";
import { button, element, focusOn, newId } from "./dom.js";
import * as marks from "./marks.js";
import { reasonOf } from "./words.js";

/** Reasons with fewer suggestions share the last row, in which each card has its own reason. */
const SMALLEST_ROW = 3;
const LAST_ROW = "Also for you";

/**
 * @param {Object} options
 * @param {AbortSignal} options.signal
 * @param {boolean} options.mayHide cards have the button "Not for me"
 * @param {(key: string) => boolean} options.isLiked whether an item of a reason is liked, or only seen
 * @param {() => import("./api.js").Item[]} options.usersItems popular suggestions are compared with these
 * @param {() => Promise<void>} options.loadMore loads further suggestions and calls `add`
 */
export function rows({ signal, mayHide, isLiked, usersItems, loadMore }) {
  const node = element("div", { class: "rows" });
  /** @type {Map<string, {section: HTMLElement, rail: HTMLElement}>} by heading */
  const byHeading = new Map();
  /** A request can exclude only a limited number of items, so the API may suggest an item again. */
  const shownKeys = new Set();

  /** @param {import("./api.js").Suggestion[]} suggestions for each type, best first */
  function add(suggestions) {
    const added = suggestions.filter(({ item }) => !shownKeys.has(address.itemKey(item)));
    added.forEach(({ item }) => shownKeys.add(address.itemKey(item)));
    const groups = new Map();
    for (const suggestion of typesInTurn(added)) {
      const heading = headingOf(suggestion);
      groups.set(heading, [...(groups.get(heading) ?? []), suggestion]);
    }
    const others = [];
    for (const [heading, group] of groups) {
      if (group.length >= SMALLEST_ROW || byHeading.has(heading)) addTo(heading, group);
      else others.push(...group);
    }
    if (others.length) addTo(byHeading.size ? LAST_ROW : headingOf(others[0]), others);
    if (byHeading.has(LAST_ROW)) node.append(byHeading.get(LAST_ROW).section);
    marks.request(added.map(({ item }) => address.itemKey(item)));
  }

  function addTo(heading, group) {
    const { rail } = byHeading.get(heading) ?? newRow(heading);
    rail.append(...group.map((suggestion) => card(suggestion.item, {
      signal,
      remark: remarkOf(suggestion, heading),
      onHide: mayHide ? hide : undefined,
    })));
  }

  function newRow(heading) {
    const id = newId();
    const rail = element("div", { class: "rail" });
    const properties = { class: "button button-quiet", "aria-describedby": id };
    const moreButton = button("More", () => showMore(rail, moreButton), properties);
    const section = element("section", { "aria-labelledby": id },
      element("div", { class: "row-head" }, element("h2", { id, dir: "auto" }, heading), moreButton), rail);
    node.append(section);
    byHeading.set(heading, { section, rail });
    return byHeading.get(heading);
  }

  async function showMore(rail, moreButton) {
    if (moreButton.getAttribute("aria-disabled") === "true") return;
    moreButton.setAttribute("aria-disabled", "true");
    const last = rail.lastElementChild;
    const before = node.querySelectorAll("article").length;
    await loadMore();
    moreButton.removeAttribute("aria-disabled");
    const added = node.querySelectorAll("article").length - before;
    const next = last ? last.nextElementSibling : rail.firstElementChild;
    if (next) {
      next.scrollIntoView({ block: "nearest", inline: "start" });
      focusOn(next.querySelector("h3 a"));
      announce(`${added} more suggestions`);
    } else {
      announce(added ? `No more for this reason, but ${added} more below` : "No more suggestions");
    }
  }

  /** Removes the card; the focus goes to the next card's button, or to the row's heading. */
  function hide(hidden) {
    const inRow = [...hidden.parentElement.querySelectorAll("article")];
    const index = inRow.indexOf(hidden);
    const neighbour = inRow[index + 1] ?? inRow[index - 1];
    const section = hidden.closest("section");
    const key = hidden.dataset.key;
    const placeholder = element("span", { hidden: true });
    hidden.replaceWith(placeholder);
    focusOn(neighbour?.querySelector(".card-hide") ?? section.querySelector("h2"));
    // "Undo", and an error of the API, bring the card back.
    marks.watch(key, () => {
      if (!marks.shownOn(key).notInterested && placeholder.isConnected) placeholder.replaceWith(hidden);
    }, signal);
  }

  /** The reason, unless it is the heading; for a popular item, what it has in common with an item of the user. */
  function remarkOf({ item, because }, heading) {
    const reason = headingOf({ because });
    const common = because?.popular ? inCommon(item, usersItems()) : undefined;
    return [reason === heading ? "" : reason, common].filter(Boolean).join(": ") || undefined;
  }

  function headingOf({ because }) {
    return reasonOf(because, because?.items ? isLiked(address.itemKey(because.items[0])) : false);
  }

  return { node, add };
}

/** "Fantasy, like The Hobbit": a common theme and the item with the most common themes; undefined if there is none. */
function inCommon(item, others) {
  const shared = (other) => item.themes.filter((theme) => other.themes.includes(theme));
  const [nearest] = others.toSorted((left, right) => shared(right).length - shared(left).length);
  const [theme] = nearest ? shared(nearest) : [];
  return theme && `${theme}, like ${nearest.name}`;
}

/**
 * The first suggestion of each type, then the second of each, and so on: an answer has all of one type before the next.
 * @param {import("./api.js").Suggestion[]} suggestions
 */
export function typesInTurn(suggestions) {
  const ranks = new Map();
  const ranked = suggestions.map((suggestion) => {
    const rank = ranks.get(suggestion.item.type) ?? 0;
    ranks.set(suggestion.item.type, rank + 1);
    return { suggestion, rank };
  });
  return ranked.sort((left, right) => left.rank - right.rank).map(({ suggestion }) => suggestion);
}
