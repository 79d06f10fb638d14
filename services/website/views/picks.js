/** Suggestions without an account: from a few items that are picked on the spot. The address has the picks. */

import * as address from "../address.js";
import { announce, failure } from "../announce.js";
import * as api from "../api.js";
import { card, skeletons } from "../cards.js";
import { button, element, focusOn } from "../dom.js";
import * as loading from "../loading.js";
import { rows } from "../rows.js";
import * as signIn from "../sign_in.js";

const MAX_PICKS = 50; // the API's maximum of `likes`
const CANDIDATES = 6; // of each type
const FOUND = 12;
const AMOUNT = 8; // suggestions of each type
const TYPING_MS = 250;

export function render(first, signal) {
  /** @type {Map<string, import("../api.js").Item|null>} by key; null until its name is known */
  const picked = new Map(keysOf(first).map((key) => [key, null]));
  let candidates = [];
  let searching = null;
  let suggesting = null;

  const field = element("input", {
    type: "search",
    class: "field",
    "aria-label": "Find something you like",
    placeholder: "A title that you like",
    maxlength: 200,
    autocomplete: "off",
    oninput: later,
  });
  const chosen = element("ul", { class: "chips", "aria-label": "Picked" });
  const grid = element("div", { class: "grid grid-small" });
  const answer = element("section", { "aria-label": "Suggestions" });
  const enter = () => signIn.start().catch((error) => failure(error.message));
  const node = element("div", { class: "view picks", "data-title": "For you" },
    element("h1", {}, "For you"),
    element("p", { class: "lead" }, "Pick a few things you like and get suggestions right away. Nothing is stored. ",
      button("Use an account instead", enter, { class: "text-button" })),
    element("div", { class: "pick-bar" }, field, chosen), grid, answer);

  let typing = 0;
  function later() {
    clearTimeout(typing);
    typing = setTimeout(showCandidates, TYPING_MS);
  }

  async function showCandidates() {
    const focused = grid.contains(document.activeElement) && document.activeElement.closest("article");
    await fillCandidates();
    // The card may be picked while a search for it is still to begin.
    if (focused && document.activeElement === document.body) {
      const same = grid.querySelector(`article[data-key="${CSS.escape(focused.dataset.key)}"] button`);
      (same ?? field).focus();
    }
  }

  function fillCandidates() {
    searching?.abort();
    searching = new AbortController();
    const ended = AbortSignal.any([signal, searching.signal]);
    const search = field.value.trim();
    return loading.fill(grid, {
      what: "What you could pick",
      skeleton: () => skeletons(6),
      load: async () => {
        if (search) return (await api.listItems({ page: 1, size: FOUND, search }, ended)).items;
        const { suggestions } = await api.suggest({ amount: CANDIDATES, anonymous: true, seed: 1 }, ended);
        return suggestions.map(({ item }) => item);
      },
      show: (items) => {
        candidates = items;
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
    if (!wasPicked && picked.size >= MAX_PICKS) {
      failure(`You can pick at most ${MAX_PICKS}.`);
      return;
    }
    if (!wasPicked) picked.set(key, item);
    announce(wasPicked ? `${item.name} is not picked any more` : `${item.name} is picked`);
    const pressed = grid.querySelector(`article[data-key="${CSS.escape(key)}"]`);
    if (pressed) {
      const hadFocus = pressed.contains(document.activeElement);
      const renewed = candidate(item);
      pressed.replaceWith(renewed);
      if (hadFocus) renewed.querySelector("button").focus();
    }
    const target = address.href({ view: "for-you", likes: [...picked.keys()].join(",") });
    address.go(target, { replace: true, keepFocus: true });
    showChosen();
    showSuggestions();
  }

  function showChosen() {
    const chips = [...picked.values()].filter(Boolean).map((item) => element("li", {},
      button(item.name, () => {
        toggle(item);
        focusOn(chosen.querySelector("button") ?? field);
      }, { class: "chip chip-picked", "aria-label": `Remove ${item.name}` })));
    chosen.replaceChildren(...chips);
  }

  function showSuggestions() {
    suggesting?.abort();
    if (!picked.size) {
      answer.replaceChildren();
      return undefined;
    }
    suggesting = new AbortController();
    const ended = AbortSignal.any([signal, suggesting.signal]);
    const likes = [...picked.keys()].map((key) => ({ type: key.split("/")[0], id: key.split("/")[1] }));
    const suggested = [];
    const request = async () => {
      const reply = await api.suggest({ amount: AMOUNT, likes, exclude: suggested, anonymous: true }, ended);
      suggested.push(...reply.suggestions.map(({ item }) => item));
      return reply;
    };
    return loading.fill(answer, {
      what: "Suggestions",
      skeleton: () => [element("div", { class: "rail" }, ...skeletons(6))],
      load: request,
      show: ({ suggestions, missing }) => {
        const shown = rows({
          signal: ended,
          mayHide: false,
          isLiked: () => true,
          known: () => [...picked.values()].filter(Boolean),
          more: async () => {
            try {
              shown.add((await request()).suggestions);
            } catch (error) {
              if (error.name !== "AbortError") failure(error.message);
            }
          },
        });
        shown.add(suggestions);
        return [loading.missingNotice(missing, showSuggestions), shown.node].filter(Boolean);
      },
    });
  }

  /** The names of picks that came with the address; those that do not exist are dropped. */
  async function nameThePicks() {
    const unnamed = [...picked].filter(([, item]) => !item).map(([key]) => key);
    try {
      if (!unnamed.length) return;
      const { items, missing } = await api.getItems(unnamed, signal);
      items.forEach((item) => picked.set(address.itemKey(item), item));
      for (const key of unnamed) if (!picked.get(key) && !missing.includes(key.split("/")[0])) picked.delete(key);
    } catch (error) {
      if (error.name !== "AbortError") failure(`The picks of this address cannot be read. ${error.message}`);
    } finally {
      showChosen();
    }
  }

  /** Of an address that is not the answer to a pick here, such as after "back". */
  function update(target) {
    const keys = keysOf(target);
    if (keys.join() === [...picked.keys()].join()) return undefined;
    picked.clear();
    keys.forEach((key) => picked.set(key, null));
    return show();
  }

  const show = () => Promise.all([showCandidates(), nameThePicks().then(showSuggestions)]);
  return { node, update, ready: show() };
}

function keysOf({ likes = "" }) {
  return likes.split(",").filter(address.isItemKey).slice(0, MAX_PICKS);
}
