/** Suggestions without an account: from a few items that the user picks. The picks are in the address. */

import * as address from "../address.js";
import { announce, noteError, noteFailure } from "../announce.js";
import * as api from "../api.js";
import { card, findCard, skeletons } from "../cards.js";
import { afterTyping, button, element, focusOn } from "../dom.js";
import { ITEM_KEY, MAX_LIKES, MAX_SEARCH } from "../limits.js";
import * as loading from "../loading.js";
import { rows } from "../rows.js";
import * as signIn from "../sign_in.js";

const CANDIDATES = 6; // of each type
const FOUND = 12; // candidates of a search
const AMOUNT = 8; // suggestions of each type

export function render(first, signal) {
  /** @type {Map<string, import("../api.js").Item|null>} by key; null until the item is loaded */
  const picked = new Map(keysOf(first).map((key) => [key, null]));
  const restartSearch = loading.restartable(signal);
  const restartAnswer = loading.restartable(signal);

  const field = element("input", {
    type: "search",
    class: "field",
    "aria-label": "Find something you like",
    placeholder: "A title that you like",
    maxlength: MAX_SEARCH,
    autocomplete: "off",
    oninput: afterTyping(showCandidates),
  });
  const chips = element("ul", { class: "chips", "aria-label": "Picked" });
  const grid = element("div", { class: "grid grid-small" });
  const answer = element("section", { "aria-label": "Suggestions" });
  const node = element("div", { class: "view picks", "data-title": "For you" },
    element("h1", {}, "For you"),
    element("p", { class: "lead" }, "Pick a few things you like and get suggestions right away. Nothing is stored. ",
      button("Use an account instead", () => signIn.start(), { class: "text-button" })),
    element("div", { class: "pick-bar" }, field, chips), grid, answer);

  async function showCandidates() {
    const focused = grid.contains(document.activeElement) && document.activeElement.closest("article");
    await fillCandidates();
    // The search may have replaced a card that had the focus.
    if (focused && document.activeElement === document.body) {
      (findCard(grid, focused.dataset.key)?.querySelector("button") ?? field).focus();
    }
  }

  function fillCandidates() {
    const searchSignal = restartSearch();
    const search = field.value.trim();
    return loading.fill(grid, {
      what: "What you could pick",
      skeleton: () => skeletons(6),
      load: async () => {
        if (search) return (await api.listItems({ page: 1, size: FOUND, search }, searchSignal)).items;
        const { suggestions } = await api.suggest({ amount: CANDIDATES, anonymous: true, seed: 1 }, searchSignal);
        return suggestions.map(({ item }) => item);
      },
      show: (items) => {
        if (search) announce(`${items.length} found`);
        return items.length ? items.map(candidate) : [loading.empty(`Nothing is called “${search}”.`)];
      },
    });
  }

  function candidate(item) {
    const isPicked = picked.has(address.itemKey(item));
    return card(item, { signal, pick: { picked: isPicked, toggle: () => toggle(item) } });
  }

  function toggle(item) {
    const key = address.itemKey(item);
    const wasPicked = picked.delete(key);
    if (!wasPicked && picked.size >= MAX_LIKES) {
      noteFailure(`You can pick at most ${MAX_LIKES}.`);
      return;
    }
    if (!wasPicked) picked.set(key, item);
    announce(wasPicked ? `${item.name} is not picked any more` : `${item.name} is picked`);
    const pressed = findCard(grid, key);
    if (pressed) {
      const hadFocus = pressed.contains(document.activeElement);
      const renewed = candidate(item);
      pressed.replaceWith(renewed);
      if (hadFocus) renewed.querySelector("button").focus();
    }
    const target = address.href({ view: "for-you", likes: [...picked.keys()].join(",") });
    address.go(target, { replace: true, keepFocus: true });
    showChips();
    showSuggestions();
  }

  function showChips() {
    const names = [...picked.values()].filter(Boolean).map((item) => element("li", {},
      button(item.name, () => {
        toggle(item);
        focusOn(chips.querySelector("button") ?? field);
      }, { class: "chip chip-picked", "aria-label": `Remove ${item.name}` })));
    chips.replaceChildren(...names);
  }

  function showSuggestions() {
    const answerSignal = restartAnswer();
    if (!picked.size) {
      answer.replaceChildren();
      return undefined;
    }
    const likes = [...picked.keys()].map((key) => ({ type: key.split("/")[0], id: key.split("/")[1] }));
    const suggested = [];
    const request = async () => {
      const reply = await api.suggest({ amount: AMOUNT, likes, exclude: suggested, anonymous: true }, answerSignal);
      suggested.push(...reply.suggestions.map(({ item }) => item));
      return reply;
    };
    return loading.fill(answer, {
      what: "Suggestions",
      skeleton: () => [element("div", { class: "rail" }, ...skeletons(6))],
      load: request,
      show: ({ suggestions, missing }) => {
        const shown = rows({
          signal: answerSignal,
          mayHide: false,
          isLiked: () => true,
          usersItems: () => [...picked.values()].filter(Boolean),
          loadMore: async () => {
            try {
              shown.add((await request()).suggestions);
            } catch (error) {
              noteError("There are no more suggestions now.", error);
            }
          },
        });
        shown.add(suggestions);
        return [loading.missingNotice(missing, showSuggestions), shown.node].filter(Boolean);
      },
    });
  }

  /** Loads the items of picks that came with the address, and drops those that do not exist. */
  async function loadPicks() {
    const keys = [...picked].filter(([, item]) => !item).map(([key]) => key);
    try {
      if (!keys.length) return;
      const { items, missing } = await api.getItems(keys, signal);
      items.forEach((item) => picked.set(address.itemKey(item), item));
      for (const key of keys) if (!picked.get(key) && !missing.includes(key.split("/")[0])) picked.delete(key);
    } catch (error) {
      noteError("The picks of this address cannot be read.", error);
    } finally {
      showChips();
    }
  }

  /** Shows the picks of another address, such as after "back". Does nothing after a pick here. */
  function update(target) {
    const keys = keysOf(target);
    if (keys.join() === [...picked.keys()].join()) return undefined;
    picked.clear();
    keys.forEach((key) => picked.set(key, null));
    return show();
  }

  const show = () => Promise.all([showCandidates(), loadPicks().then(showSuggestions)]);
  return { node, update, ready: show() };
}

function keysOf({ likes = "" }) {
  return likes.split(",").filter((key) => ITEM_KEY.test(key)).slice(0, MAX_LIKES);
}
