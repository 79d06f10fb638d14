/** The items that the user has marked, newest mark first. */

import * as address from "../address.js";
import * as api from "../api.js";
import { card, skeletons } from "../cards.js";
import { button, element, focusOn } from "../dom.js";
import * as loading from "../loading.js";
import * as marks from "../marks.js";
import * as signIn from "../sign_in.js";
import { tabs } from "../tabs.js";
import { day } from "../words.js";
import { invitation } from "./invitation.js";

const PAGE_SIZE = 24;
const KINDS = [
  { value: "seen", text: "Seen", empty: "You have marked nothing as seen yet." },
  { value: "liked", text: "Liked", empty: "You have liked nothing yet." },
  { value: "notInterested", text: "Not for me", empty: "There is nothing that you do not want to see." },
];

export function render(first, signal) {
  const node = element("div", { class: "view my-list", "data-title": "My list" }, element("h1", {}, "My list"));
  if (!signIn.isSignedIn()) {
    node.append(invitation("Your list is what you have marked as seen and liked."));
    return { node };
  }
  const { list, panel, select } = tabs("Marks", KINDS, (kind) => {
    address.go(address.href({ view: "list", kind: kind === "seen" ? undefined : kind }), { keepFocus: true });
  });
  node.append(list, panel);
  const restart = loading.restartable(signal);

  function update({ kind: value }) {
    const kind = KINDS.find((entry) => entry.value === value) ?? KINDS[0];
    select(kind.value);
    return show(panel, kind, restart());
  }

  return { node, update, ready: update(first) };
}

function show(panel, kind, signal) {
  return loading.fill(panel, {
    what: "Your list",
    skeleton: () => [element("div", { class: "grid" }, ...skeletons(6))],
    load: () => api.listMarked(kind.value, { size: PAGE_SIZE }, signal),
    show: (page) => {
      const again = () => show(panel, kind, signal);
      if (!page.items.length && !page.missing.length && !page.nextCursor) {
        return [loading.empty(kind.empty, element("a", { class: "button", href: "/" }, "Find what you know"))];
      }
      return [loading.missingNotice(page.missing, again), ...pages(page, kind, signal)].filter(Boolean);
    },
  });
}

function pages(first, kind, signal) {
  const grid = element("div", { class: "grid" });
  const problem = element("div", {});
  const more = button("Show more", showNext);
  let { nextCursor } = first;

  function add({ items }) {
    marks.request(items.map(({ item }) => address.itemKey(item)));
    const added = items.map(({ item, markedAt }) => card(item, { signal, remark: day(markedAt) }));
    grid.append(...added);
    more.hidden = !nextCursor;
    return added;
  }

  async function showNext() {
    problem.replaceChildren();
    try {
      const page = await api.listMarked(kind.value, { size: PAGE_SIZE, cursor: nextCursor }, signal);
      nextCursor = page.nextCursor;
      const [next] = add(page);
      focusOn(next?.querySelector("h3 a"));
    } catch (error) {
      if (error.name === "AbortError") return;
      problem.replaceChildren(loading.failureBox("There is more, but it cannot be shown.", error));
    }
  }

  add(first);
  return [grid, problem, element("div", { class: "more" }, more)];
}
