/** Suggestions in rows, each headed by its reason. */

import * as address from "./address.js";
import { announce } from "./announce.js";
import { card } from "./cards.js";
import { button, element, focusOn, newId } from "./dom.js";
import * as marks from "./marks.js";
import { reasonOf } from "./words.js";

/** Reasons with fewer suggestions share a row, in which each card has its own reason. */
const ROW = 3;
const REST = "Also for you";

/**
 * @param {Object} options
 * @param {AbortSignal} options.signal
 * @param {boolean} options.mayHide cards have "Not for me"
 * @param {(key: string) => boolean} options.isLiked whether an item of a reason is liked, or only seen
 * @param {() => import("./api.js").Item[]} options.known the person's items; popular suggestions are compared with them
 * @param {() => Promise<void>} options.more reads further suggestions and adds them
 */
export function rows({ signal, mayHide, isLiked, known, more }) {
  const node = element("div", { class: "rows" });
  /** @type {Map<string, {section: HTMLElement, rail: HTMLElement}>} by heading */
  const byHeading = new Map();
  /** A request can exclude only so many; after these, the API may suggest an item again. */
  const shownKeys = new Set();

  /** @param {import("./api.js").Suggestion[]} suggestions for each type, best first */
  function add(suggestions) {
    const fresh = suggestions.filter(({ item }) => !shownKeys.has(address.itemKey(item)));
    fresh.forEach(({ item }) => shownKeys.add(address.itemKey(item)));
    const groups = new Map();
    for (const suggestion of byRank(fresh)) {
      const heading = headingOf(suggestion);
      groups.set(heading, [...(groups.get(heading) ?? []), suggestion]);
    }
    const rest = [];
    for (const [heading, group] of groups) {
      if (group.length >= ROW || byHeading.has(heading)) addTo(heading, group);
      else rest.push(...group);
    }
    if (rest.length) addTo(byHeading.size ? REST : headingOf(rest[0]), rest);
    // The row of all other reasons stays the last one.
    if (byHeading.has(REST)) node.append(byHeading.get(REST).section);
    marks.learn(fresh.map(({ item }) => address.itemKey(item)));
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
    await more();
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

  /** The focus goes to the next card's button, or to the row's heading. */
  function hide(hidden) {
    const inRow = [...hidden.parentElement.querySelectorAll("article")];
    const index = inRow.indexOf(hidden);
    const neighbour = inRow[index + 1] ?? inRow[index - 1];
    const section = hidden.closest("section");
    const key = hidden.dataset.key;
    const place = element("span", { hidden: true });
    hidden.replaceWith(place);
    focusOn(neighbour?.querySelector(".card-hide") ?? section.querySelector("h2"));
    // "Undo", or an answer that refuses the mark, brings the card back.
    marks.watch(key, () => {
      if (!marks.of(key).notInterested && place.isConnected) place.replaceWith(hidden);
    }, signal);
  }

  /** The reason, where it is not the heading; and what a popular item has in common with one that the person knows. */
  function remarkOf({ item, because }, heading) {
    const reason = headingOf({ because });
    const common = because?.popular ? inCommon(item, known()) : undefined;
    return [reason === heading ? "" : reason, common].filter(Boolean).join(": ") || undefined;
  }

  function headingOf({ because }) {
    return reasonOf(because, because?.items ? isLiked(address.itemKey(because.items[0])) : false);
  }

  return { node, add };
}

/** "Fantasy, like The Hobbit": a theme, and the item with which the most themes are shared; undefined without one. */
function inCommon(item, others) {
  const shared = (other) => item.themes.filter((theme) => other.themes.includes(theme));
  const [nearest] = others.toSorted((one, other) => shared(other).length - shared(one).length);
  const [theme] = nearest ? shared(nearest) : [];
  return theme && `${theme}, like ${nearest.name}`;
}

/** The types in turn: the answer has all of one type before the next. */
function byRank(suggestions) {
  const ranks = new Map();
  const ranked = suggestions.map((suggestion) => {
    const rank = ranks.get(suggestion.item.type) ?? 0;
    ranks.set(suggestion.item.type, rank + 1);
    return { suggestion, rank };
  });
  return ranked.sort((one, other) => one.rank - other.rank).map(({ suggestion }) => suggestion);
}
