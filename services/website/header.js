/** The head of the page: search field, links, and the account. */

import * as address from "./address.js";
import { noteFailure } from "./announce.js";
import { afterTyping, button, element } from "./dom.js";
import { MAX_SEARCH } from "./limits.js";
import * as signIn from "./sign_in.js";

const field = document.getElementById("search");
const searchLater = afterTyping(search);

export function start() {
  field.maxLength = MAX_SEARCH;
  field.addEventListener("input", searchLater);
  field.form.addEventListener("submit", (event) => {
    event.preventDefault();
    searchLater.cancel();
    search();
  });
  document.addEventListener("keydown", (event) => {
    const isInField = event.target.matches("input, textarea, select, dialog *");
    if (event.key !== "/" || isInField || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    field.focus();
    field.select();
  });
  showAccount();
}

/**
 * @param {import("./address.js").Address} current
 * @param {boolean} isTyping the field has changed the address, so it keeps its text
 */
export function show(current, isTyping) {
  searchLater.cancel();
  if (!isTyping || document.activeElement !== field) field.value = current.q ?? "";
  for (const link of document.querySelectorAll(".nav a, .account a")) {
    const isCurrent = new URL(link.href).searchParams.get("view") === current.view;
    if (isCurrent) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

/** Only the first letter makes a new entry in the history, so that "back" leaves the search as a whole. */
function search() {
  const current = address.read();
  const q = field.value.trim();
  if (q === (current.q ?? "") && current.view === "browse") return;
  const isBrowsing = current.view === "browse";
  const target = address.href({ view: "browse", type: isBrowsing ? current.type : undefined, q });
  address.go(target, { replace: isBrowsing && Boolean(current.q), keepFocus: true });
}

function showAccount() {
  const place = document.getElementById("account");
  const signOut = () => signIn.signOut().catch((error) => noteFailure(error.message));
  if (signIn.isSignedIn()) {
    place.replaceChildren(
      element("a", { href: address.href({ view: "account" }) }, "My account"),
      button("Sign out", signOut, { class: "button button-quiet" }));
  } else {
    place.replaceChildren(button("Sign in", () => signIn.start(), { class: "button button-main" }));
  }
}
