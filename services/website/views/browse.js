/** The first page: all items by type and category, and search results. */

import * as address from "../address.js";
import { announce } from "../announce.js";
import * as api from "../api.js";
import { cards, skeletons } from "../cards.js";
import { cover } from "../cover.js";
import { button, element, focusOn } from "../dom.js";
import * as loading from "../loading.js";
import { typesInTurn } from "../rows.js";
import * as signIn from "../sign_in.js";
import { tabs } from "../tabs.js";
import { count, TYPES } from "../words.js";

const PAGE_SIZE = 24;
const POPULAR = 15;
const CHIPS = 12;
/** Covers beside the introduction. */
const FAN_SIZE = 5;
/** Further pages need a press of the button, so that the foot of the page can be reached. */
const PAGES_BY_SCROLLING = 4;
/** Lists that "back" from tab to tab shows as they were left. */
const MAX_KEPT = 8;

/** @param {import("../address.js").Address} first */
export function render(first, signal) {
  let shown = first;
  const restartChips = loading.restartable(signal);
  /** @type {Map<string, {node: HTMLElement, controller: AbortController}>} loaded lists by address, the latest last */
  const kept = new Map();
  let loadingController = null;

  const types = [{ value: "", text: "All" }, ...TYPES.map(({ type, title }) => ({ value: type, text: title }))];
  const { list, panel, select } = tabs("Type", types, (type) => {
    address.go(address.href({ view: "browse", type, q: shown.q }), { keepFocus: true });
  });
  const chips = element("div", { class: "chips", role: "group", "aria-label": "Categories" });
  const heading = element("h1", { class: "browse-title" });
  const fan = element("div", { class: "fan", "aria-hidden": "true" });
  const intro = introduction(fan);
  const node = element("div", { class: "view browse" }, heading, intro, list, chips, panel);

  async function update(target, isReturning = false) {
    shown = target;
    const isWholeList = !target.q && !target.category;
    node.dataset.title = titleOf(target);
    heading.textContent = headingOf(target);
    intro.hidden = !isWholeList || Boolean(target.type) || signIn.isSignedIn();
    heading.classList.toggle("hidden", !intro.hidden || isWholeList);
    select(target.type ?? "");
    await Promise.all([showChips(chips, target, restartChips()), showList(target, isReturning)]);
  }

  async function showList(target, isReturning) {
    loadingController?.abort();
    loadingController = null;
    const href = address.href(target);
    const before = kept.get(href);
    kept.delete(href);
    if (isReturning && before) {
      kept.set(href, before);
      panel.replaceChildren(before.node);
      return;
    }
    before?.controller.abort();
    const controller = new AbortController();
    loadingController = controller;
    const list = element("div", {});
    panel.replaceChildren(list);
    const showFan = (popular) => fan.replaceChildren(...popular.slice(0, FAN_SIZE).map((item) => cover(item)));
    await fillList(list, target, AbortSignal.any([signal, controller.signal]), intro.hidden ? undefined : showFan);
    if (controller.signal.aborted) return;
    loadingController = null;
    kept.set(href, { node: list, controller });
    if (kept.size > MAX_KEPT) {
      const oldest = kept.keys().next().value;
      kept.get(oldest).controller.abort();
      kept.delete(oldest);
    }
  }

  return { node, update, ready: update(first) };
}

function introduction(fan) {
  const text = element("div", { class: "introduction-text" },
    element("p", { class: "slogan" }, "Find what you know.", element("br"), "Hear what is next."),
    element("p", {}, "Books, films, shows and anime in one place. Mark what you have seen and liked, and Seen "
      + "tells you what to watch or read next, and why."),
    element("a", { class: "button button-main", href: address.href({ view: "for-you" }) }, "Suggest something to me"));
  return element("section", { class: "introduction", "aria-label": "About Seen" }, text, fan);
}

function headingOf({ q, category, type }) {
  const title = TYPES.find((entry) => entry.type === type)?.title;
  if (q) return `“${q}”${title ? ` in ${title.toLowerCase()}` : ""}`;
  if (category) return title ? `${category} · ${title}` : category;
  return title ?? "Books, films, shows and anime";
}

function titleOf({ q, category, type }) {
  const isFirstPage = !q && !category && !type;
  return isFirstPage ? "" : headingOf({ q, category, type });
}

/** Buttons for the most frequent categories, or all, and for the chosen one. */
async function showChips(container, { type, category, q }, signal) {
  const names = await listCategories(type ? [type] : TYPES.map((entry) => entry.type), signal);
  if (signal.aborted) return;
  const expanded = container.dataset.expanded === "yes";
  const visible = expanded ? names : names.slice(0, CHIPS);
  if (category && !visible.includes(category)) visible.unshift(category);
  const chip = (name) => {
    const isChosen = name === category;
    const target = address.href({ view: "browse", type, q, category: isChosen ? undefined : name });
    const choose = () => address.go(target, { keepFocus: true });
    return button(name, choose, { class: "chip", "aria-pressed": String(isChosen), "data-name": name });
  };
  const focused = container.contains(document.activeElement) ? document.activeElement.dataset.name : undefined;
  container.replaceChildren(...visible.map(chip));
  if (names.length > CHIPS) {
    const toggle = async () => {
      container.dataset.expanded = expanded ? "" : "yes";
      await showChips(container, { type, category, q }, signal);
      container.querySelector("[aria-expanded]")?.focus();
    };
    const text = expanded ? "Fewer categories" : `All ${count(names.length)} categories`;
    container.append(button(text, toggle, { class: "chip chip-all", "aria-expanded": String(expanded) }));
  }
  if (focused) {
    const same = [...container.children].find(({ dataset }) => dataset.name === focused);
    (same ?? container.firstElementChild)?.focus();
  }
}

/** The categories of all these types, most items first. A type that does not answer is left out: the list names it. */
async function listCategories(types, signal) {
  const answers = await Promise.allSettled(types.map((type) => api.listCategories(type, signal)));
  const sums = new Map();
  for (const { value } of answers) {
    for (const { name, items } of value?.categories ?? []) sums.set(name, (sums.get(name) ?? 0) + items);
  }
  return [...sums].sort(([, left], [, right]) => right - left).map(([name]) => name);
}

/** @param {(popular: import("../api.js").Item[]) => void} [onPopular] */
async function fillList(container, target, signal, onPopular) {
  const isWholeList = !target.q && !target.category;
  const request = { size: PAGE_SIZE, type: target.type, category: target.category, search: target.q };
  await loading.fill(container, {
    what: "The library",
    skeleton: () => [element("div", { class: "grid" }, ...skeletons(12))],
    load: async () => {
      const [page, popular] = await Promise.all([
        api.listItems({ ...request, page: 1 }, signal),
        isWholeList ? listPopular(target.type, signal) : [],
      ]);
      return { page, popular };
    },
    show: ({ page, popular }) => {
      const again = () => fillList(container, target, signal, onPopular);
      onPopular?.(popular);
      announce(page.total === 1 ? "1 item" : `${count(page.total)} items`);
      if (page.total === 0 && !page.missing.length) return [emptyList(target)];
      const parts = [loading.missingNotice(page.missing, again)];
      if (popular.length) {
        parts.push(element("h2", {}, "Popular"), element("div", { class: "rail" }, ...cards(popular, { signal })));
      }
      return [...parts, ...pagedList(page, request, popular, signal)].filter(Boolean);
    },
  });
}

/** The items that most people know; none if the API does not answer, because the page is useful without them. */
async function listPopular(type, signal) {
  try {
    const types = type ? [type] : undefined;
    const amount = type ? POPULAR : POPULAR / TYPES.length;
    const { suggestions } = await api.suggest({ types, amount, anonymous: true, seed: 1 }, signal);
    return typesInTurn(suggestions).map(({ item }) => item);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    return [];
  }
}

/** A grid of items that grows by a page at a time, by scrolling or with a button. `popular` are shown above it. */
function pagedList(first, request, popular, signal) {
  const title = request.search || request.category ? "Results" : "Everything";
  const shownKeys = new Set(popular.map(address.itemKey));
  const grid = element("div", { class: "grid" });
  const status = element("p", { class: "faint small" });
  const more = button("Show more", () => showNext(true));
  const problem = element("div", {});
  let page = first;
  let busy = false;

  function add({ items }) {
    const newItems = items.filter((item) => !shownKeys.has(address.itemKey(item)));
    newItems.forEach((item) => shownKeys.add(address.itemKey(item)));
    const added = cards(newItems, { signal });
    grid.append(...added);
    status.textContent = `${count(Math.min(page.page * page.size, page.total))} of ${count(page.total)}`;
    more.hidden = page.page >= page.pages;
    return added;
  }

  async function showNext(byButton) {
    if (busy || page.page >= page.pages) return;
    busy = true;
    problem.replaceChildren();
    const waiting = skeletons(6);
    grid.append(...waiting);
    try {
      page = await api.listItems({ ...request, page: page.page + 1 }, signal);
      waiting.forEach((skeleton) => skeleton.remove());
      const [next] = add(page);
      if (byButton) focusOn(next?.querySelector("h3 a"));
    } catch (error) {
      waiting.forEach((skeleton) => skeleton.remove());
      if (error.name === "AbortError") return;
      problem.replaceChildren(loading.failureBox("There is more, but it cannot be shown.", error));
    } finally {
      busy = false;
    }
  }

  const observer = new IntersectionObserver((entries) => {
    if (entries.some((entry) => entry.isIntersecting) && page.page < PAGES_BY_SCROLLING) showNext(false);
  }, { rootMargin: "400px" });
  observer.observe(more);
  signal.addEventListener("abort", () => observer.disconnect());
  add(first);
  return [
    element("div", { class: "row-head" }, element("h2", {}, title), status),
    grid, problem, element("div", { class: "more" }, more),
  ];
}

function emptyList({ q, type, category }) {
  const everywhere = address.href({ view: "browse", q });
  const wider = (type || category) && element("a", { class: "button", href: everywhere }, "Look everywhere");
  return loading.empty(q ? `Nothing is called “${q}”.` : "There is nothing here yet.",
    element("p", {}, q ? "Check the spelling, or try one word of the title." : ""), wider);
}
