/** Suggestions from the user's marks; without an account, from a few picked items (picks.js). */

import * as address from "../address.js";
import * as api from "../api.js";
import { skeletons } from "../cards.js";
import { element } from "../dom.js";
import * as loading from "../loading.js";
import * as marks from "../marks.js";
import { rows } from "../rows.js";
import * as signIn from "../sign_in.js";
import * as picks from "./picks.js";

const AMOUNT = 20; // of each type
const COMPARED = 20; // newest items of each list that popular suggestions are compared with

export function render(target, signal) {
  return signIn.isSignedIn() ? renderPersonal(signal) : picks.render(target, signal);
}

function renderPersonal(signal) {
  const content = element("div", {});
  const node = element("div", { class: "view for-you", "data-title": "For you" },
    element("h1", {}, "For you"), content);
  /** All suggested items, including hidden ones. */
  const suggested = [];
  let usersItems = [];

  async function request() {
    const answer = await api.suggest({ amount: AMOUNT, exclude: suggested }, signal);
    suggested.push(...answer.suggestions.map(({ item }) => item));
    // A reason says whether its item is liked or only seen.
    const reasons = answer.suggestions.flatMap(({ because }) => (because?.items ?? []).slice(0, 1));
    await marks.load([...new Set(reasons.map(address.itemKey))]);
    if (answer.suggestions.some(({ because }) => because?.popular)) usersItems = await newest(signal);
    return answer;
  }

  function load() {
    suggested.length = 0;
    return loading.fill(content, {
      what: "Your suggestions",
      skeleton: () => [1, 2].map(() => element("div", { class: "rail" }, ...skeletons(6))),
      load: request,
      show: ({ suggestions, missing }) => {
        if (!suggestions.length && !missing.length) return [loading.empty("There is nothing left to suggest.")];
        const isNew = !usersItems.length && suggestions.every(({ because }) => because?.popular);
        const shown = rows({
          signal,
          mayHide: true,
          isLiked: (key) => marks.shownOn(key).liked,
          usersItems: () => usersItems,
          loadMore,
        });
        shown.add(suggestions);
        return [loading.missingNotice(missing, load), isNew && hintForNewUsers(), shown.node].filter(Boolean);

        async function loadMore() {
          try {
            shown.add((await request()).suggestions);
          } catch (error) {
            if (error.name === "AbortError") return;
            content.append(loading.failureBox("There are no more suggestions now.", error));
          }
        }
      },
    });
  }

  return { node, ready: load() };
}

/** The items that the user has liked and seen last. */
async function newest(signal) {
  const lists = await Promise.all(["liked", "seen"].map((kind) => api.listMarked(kind, { size: COMPARED }, signal)));
  return lists.flatMap(({ items }) => items.map(({ item }) => item));
}

function hintForNewUsers() {
  return element("div", { class: "notice" },
    element("p", {}, "You have marked nothing yet, so these are what many people like. Mark a few things that you "
      + "know, and the suggestions become yours."),
    element("a", { class: "button", href: "/" }, "Find what you know"));
}
