/**
 * The address holds the state of the page. This module reads and changes it.
 *
 * @typedef {Object} Address
 * @property {string} view "browse" (`/`), "item", "for-you", "list", "top", "insight", "account" or "add"
 * @property {string} [item] "BOOK/606e2683b3fff1da8a207ae9"
 * @property {string} [type] browse: an item type
 * @property {string} [category] browse
 * @property {string} [q] browse: words to search for
 * @property {string} [likes] for-you without an account: picked items, separated by commas
 * @property {string} [kind] list: "liked" or "notInterested"; without it, items that are marked as seen
 * @property {string} [minFilms] insight
 * @property {string} [minVotes] insight
 */

const PARAMETERS = ["view", "item", "type", "category", "q", "likes", "kind", "minFilms", "minVotes"];

const listeners = new Set();

/** @returns {Address} */
export function read() {
  const query = new URLSearchParams(location.search);
  const address = {};
  for (const name of PARAMETERS) {
    const value = query.get(name);
    if (value) address[name] = value;
  }
  return { ...address, view: address.item ? "item" : address.view ?? "browse" };
}

/** @param {Partial<Address>} address */
export function href(address) {
  const query = new URLSearchParams();
  for (const name of PARAMETERS) {
    const implied = name === "view" && (address.view === "browse" || address.item);
    if (address[name] && !implied) query.set(name, address[name]);
  }
  // "/" and "," are allowed in a query, and easier to read.
  const text = query.toString().replaceAll("%2F", "/").replaceAll("%2C", ",");
  return text ? `/?${text}` : "/";
}

export const itemKey = (item) => `${item.type}/${item.id}`;
export const itemHref = (item) => href({ item: itemKey(item) });
export const here = () => location.pathname + location.search;

/**
 * Goes to another state of the page.
 * @param {string} target from `href`
 * @param {{replace?: boolean, keepFocus?: boolean}} [how] `replace`: without a new entry in the history; `keepFocus`:
 *   the focus stays where it is, such as in the search field
 */
export function go(target, { replace = false, keepFocus = false } = {}) {
  if (target === here()) replace = true;
  if (!replace) remember();
  history[replace ? "replaceState" : "pushState"]({}, "", target);
  listeners.forEach((listener) => listener({ keepFocus, returning: null }));
}

/**
 * @typedef {{scroll: number, focus: string}} Place the scroll position, and the key of the item that had the focus
 * @param {(how: {keepFocus: boolean, returning: Place|null}) => void} listener `returning`: after "back"
 */
export function onChange(listener) {
  listeners.add(listener);
}

/** Stores the place in the page, so that "back" returns to it. */
function remember() {
  const focus = document.activeElement?.closest("article")?.dataset.key ?? "";
  history.replaceState({ scroll: scrollY, focus }, "");
}

export function start() {
  history.scrollRestoration = "manual";
  let scrollTimer = 0;
  addEventListener("scroll", () => {
    clearTimeout(scrollTimer);
    scrollTimer = setTimeout(() => history.replaceState({ ...history.state, scroll: scrollY }, ""), 200);
  }, { passive: true });
  addEventListener("popstate", (event) => {
    clearTimeout(scrollTimer);
    const { scroll = 0, focus = "" } = event.state ?? {};
    listeners.forEach((listener) => listener({ keepFocus: false, returning: { scroll, focus } }));
  });
  document.addEventListener("click", followLink);
}

/** Links to other states of the page change the address without loading the page again. */
function followLink(event) {
  const link = event.target.closest?.("a[href]");
  const special = event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey;
  if (!link || special || event.defaultPrevented || link.target || link.origin !== location.origin) return;
  if (link.hash && link.pathname === location.pathname) {
    // A link within the page, such as the one to the content.
    event.preventDefault();
    document.getElementById(link.hash.slice(1))?.focus();
  } else if (link.pathname === "/") {
    event.preventDefault();
    go(link.pathname + link.search);
  }
}
