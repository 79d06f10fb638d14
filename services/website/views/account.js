/** My account: choose a name, export all data, delete the account. */

import * as address from "../address.js";
import { note, noteError, noteFailure } from "../announce.js";
import * as api from "../api.js";
import { confirm } from "../dialog.js";
import { button, element, newId } from "../dom.js";
import { MAX_ITEMS, MAX_USERNAME } from "../limits.js";
import * as loading from "../loading.js";
import * as signIn from "../sign_in.js";
import { count, day, sentence } from "../words.js";
import { invitation } from "./invitation.js";

export function render(_, signal) {
  const node = element("div", { class: "view narrow account-view", "data-title": "My account" },
    element("h1", {}, "My account"));
  if (!signIn.isSignedIn()) {
    node.append(invitation("An account keeps what you have seen and liked."));
    return { node };
  }
  const content = element("div", {});
  node.append(content);
  const show = () => loading.fill(content, {
    what: "Your account",
    load: () => api.getUser(signal),
    show: (user) => {
      const administration = signIn.mayChangeItems() ? [forAdministrators()] : [];
      return [summary(user), usernameForm(user, show), ...administration, dataExport(), deletion(user, show)];
    },
  });
  return { node, ready: show() };
}

function summary(user) {
  if (!user) return element("p", { class: "lead" }, "Your account begins with your first mark, or with a name.");
  const number = (value, text) => element("div", {}, element("dt", {}, text), element("dd", {}, value));
  return element("dl", { class: "numbers" },
    number(count(user.seen), "Seen"), number(count(user.liked), "Liked"), number(day(user.createdAt), "Since"));
}

function usernameForm(user, show) {
  const id = newId();
  const problemId = newId();
  const field = element("input", {
    id,
    class: "field",
    type: "text",
    value: user?.username ?? "",
    maxlength: MAX_USERNAME,
    required: true,
    autocomplete: "username",
    spellcheck: "false",
    "aria-describedby": problemId,
  });
  const problem = element("p", { id: problemId, class: "faint small" },
    "Letters, digits, dots, dashes and underscores. Others can find you by it.");
  const save = async (event) => {
    event.preventDefault();
    try {
      const { username } = await api.nameUser(field.value.trim(), Boolean(user?.username));
      note(`Your name is ${username}.`);
      await show();
      document.querySelector(".account-view input")?.focus();
    } catch (error) {
      if (error.name === "AbortError") return;
      problem.textContent = sentence(error.message);
      problem.className = "wrong";
      field.setAttribute("aria-invalid", "true");
      field.focus();
      noteFailure(sentence(error.message));
    }
  };
  return element("section", {}, element("h2", {}, "Name"),
    element("form", { class: "inline-form", onsubmit: save },
      element("label", { for: id }, "Username"),
      element("div", { class: "field-row" },
        field, element("button", { class: "button button-main", type: "submit" }, "Save"))),
    problem);
}

function forAdministrators() {
  return element("section", {}, element("h2", {}, "Administration"),
    element("p", {}, "You may add items to the library, and remove them on their pages."),
    element("a", { class: "button", href: address.href({ view: "add" }) }, "Add an item"));
}

function dataExport() {
  const get = button("Export my data", () => download(get));
  return element("section", {}, element("h2", {}, "Your data"),
    element("p", {}, "All your marks with their dates, as a file in JSON."), get);
}

async function download(control) {
  control.disabled = true;
  try {
    const content = { exportedAt: new Date().toISOString(), user: await api.getUser() };
    for (const kind of ["seen", "liked", "notInterested"]) content[kind] = await allMarked(kind);
    const file = URL.createObjectURL(new Blob([JSON.stringify(content, null, 2)], { type: "application/json" }));
    element("a", { href: file, download: "seen.json" }).click();
    setTimeout(() => URL.revokeObjectURL(file), 60_000);
    note("Your data is in the file seen.json.");
  } catch (error) {
    noteError("Your data could not be exported.", error);
  } finally {
    control.disabled = false;
    control.focus();
  }
}

/** Throws if a dataset does not answer: a file with some of the marks would look complete. */
async function allMarked(kind) {
  const all = [];
  let cursor;
  do {
    const page = await api.listMarked(kind, { size: MAX_ITEMS, cursor });
    if (page.missing.length) throw new Error("A part of the library cannot be reached now");
    all.push(...page.items);
    cursor = page.nextCursor;
  } while (cursor);
  return all;
}

function deletion(user, show) {
  const marks = user ? ` (${count(user.seen)} seen, ${count(user.liked)} liked)` : "";
  const ask = async () => {
    const isSure = await confirm({
      title: "Delete your account?",
      text: `Your name and all your marks are deleted${marks}. This cannot be undone.`,
      check: "Yes, delete everything",
      action: "Delete account",
    });
    if (!isSure) return;
    try {
      await api.deleteUser();
      await signIn.signOut();
    } catch (error) {
      noteError("Your account could not be deleted.", error);
      show();
    }
  };
  return element("section", { class: "end" }, element("h2", {}, "Delete"),
    element("p", {}, "Deletes your name and all your marks, for good."),
    button("Delete my account", ask, { class: "button button-danger", disabled: !user }));
}
