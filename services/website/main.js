/** Starts the page, and shows the view that the address names. */

import * as address from "./address.js";
import { noteFailure } from "./announce.js";
import { findCard } from "./cards.js";
import { element, focusOn } from "./dom.js";
import * as header from "./header.js";
import * as loading from "./loading.js";
import * as marks from "./marks.js";
import * as signIn from "./sign_in.js";
import * as account from "./views/account.js";
import * as addItem from "./views/add_item.js";
import * as browse from "./views/browse.js";
import * as forYou from "./views/for_you.js";
import * as insight from "./views/insight.js";
import * as item from "./views/item.js";
import * as myList from "./views/my_list.js";
import * as token from "./views/token.js";
import * as topTen from "./views/top_ten.js";

/**
 * A view's `render(address, signal)` returns a `View`.
 * @typedef {Object} View
 * @property {HTMLElement} node with the page's title in `data-title`
 * @property {Promise<any>} [ready] resolves when the content is there, so that "back" can return to a place in it
 * @property {(address: import("./address.js").Address, isReturning: boolean) => Promise<any>} [update] shows another
 *   address in the same view
 */
const VIEWS = {
  browse, item, "for-you": forYou, list: myList, top: topTen, insight, account, add: addItem,
};

/** Views that "back" shows as they were left. */
const KEPT = new Set(["browse", "item", "for-you", "list", "top"]);
const MAX_KEPT = 8;

/** @type {Map<string, View & {name: string, controller: AbortController}>} by address, the latest last */
const kept = new Map();
let current = null;

async function start() {
  const implicit = token.takeAnswer();
  const answer = implicit ? {} : await signIn.finish();
  if (answer.leaving) return;
  address.start();
  address.onChange(change);
  header.start();
  if (implicit) place(token.render(implicit));
  else await change({ keepFocus: true, returning: history.state?.scroll ? history.state : null });
  if (answer.failure) {
    noteFailure(answer.failure, [{ text: "Try again", act: () => signIn.start() }]);
  }
  marks.setAfterSignIn(answer.then);
  const site = await signIn.site().catch(() => null);
  if (site) document.getElementById("version").textContent = `Version ${site.version}`;
}

/** @param {{keepFocus: boolean, returning: {scroll: number, focus: string}|null}} how */
async function change({ keepFocus, returning }) {
  const target = address.read();
  header.show(target, keepFocus);
  let ready;
  if (current?.name === target.view && current.update) {
    ready = current.update(target, Boolean(returning));
    current.href = address.here();
    document.title = titleOf(current);
  } else {
    leave();
    const view = (returning && take(address.here())) || render(target);
    place(view);
    ready = view.ready;
  }
  if (!keepFocus && !returning) scrollTo(0, 0);
  if (!keepFocus) focusOn(current.node.querySelector("h1") ?? document.getElementById("main"));
  const shown = current;
  await ready;
  if (shown !== current) return;
  // An item's heading is part of the answer.
  if (document.activeElement === document.getElementById("main")) focusOn(current.node.querySelector("h1"));
  if (returning) restore(returning);
}

function render(target) {
  const controller = new AbortController();
  const name = target.view in VIEWS ? target.view : "browse";
  return { ...VIEWS[name].render(target, controller.signal), name, controller };
}

function place(view) {
  current = view;
  current.href = address.here();
  document.getElementById("main").replaceChildren(view.node);
  document.title = titleOf(view);
  // Some titles are part of the answer, such as the name of an item.
  view.ready?.then(() => { if (current === view) document.title = titleOf(view); });
}

function leave() {
  if (!current?.controller) return;
  if (!KEPT.has(current.name)) {
    current.controller.abort();
    return;
  }
  take(current.href)?.controller.abort();
  kept.set(current.href, current);
  if (kept.size > MAX_KEPT) take(kept.keys().next().value).controller.abort();
}

function take(href) {
  const view = kept.get(href);
  kept.delete(href);
  return view;
}

function restore({ scroll, focus }) {
  scrollTo(0, scroll);
  if (focus) findCard(current.node, focus)?.querySelector("h3 a")?.focus({ preventScroll: true });
}

const titleOf = (view) => (view.node.dataset.title ? `${view.node.dataset.title} · Seen` : "Seen");

start().catch((error) => {
  const problem = loading.failureBox("The page cannot be shown.", error, () => location.reload());
  document.getElementById("main").append(element("div", { class: "view" }, problem));
});
