/** The head of the page: search field, links, and the account. */

import * as address from "./address.js";
import { failure } from "./announce.js";
import { button, element } from "./dom.js";
import * as signIn from "./sign_in.js";

const TYPING_MS = 250;

const field = document.getElementById("search");
let typing = 0;

export function start() {
  field.addEventListener("input", () => {
    clearTimeout(typing);
    typing = setTimeout(search, TYPING_MS);
  });
  field.form.addEventListener("submit", (event) => {
    event.preventDefault();
    clearTimeout(typing);
    search();
  });
  document.addEventListener("keydown", (event) => {
    const isField = event.target.matches("input, textarea, select, dialog *");
    if (event.key !== "/" || isField || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    field.focus();
    field.select();
  });
  showAccount();
}

/**
 * @param {import("./address.js").Address} current
 * @param {boolean} isTyping the address follows the field, and not the other way round
 */
export function show(current, isTyping) {
  clearTimeout(typing);
  if (!isTyping || document.activeElement !== field) field.value = current.q ?? "";
  for (const link of document.querySelectorAll(".nav a, .account a")) {
    const isCurrent = new URL(link.href).searchParams.get("view") === current.view;
    if (isCurrent) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

/** Only the first letter makes a new entry in the history; "back" leaves the search as a whole. */
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
  const leave = () => signIn.signOut().catch((error) => failure(error.message));
  const enter = () => signIn.start().catch((error) => failure(error.message));
  if (signIn.isSignedIn()) {
    place.replaceChildren(
      element("a", { href: address.href({ view: "account" }) }, "My account"),
      button("Sign out", leave, { class: "button button-quiet" }));
  } else {
    place.replaceChildren(button("Sign in", enter, { class: "button button-main" }));
  }
}
