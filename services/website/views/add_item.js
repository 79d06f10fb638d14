/** A form with which administrators add an item. */

import * as address from "../address.js";
import { failure, note } from "../announce.js";
import * as api from "../api.js";
import { element, newId } from "../dom.js";
import * as loading from "../loading.js";
import * as signIn from "../sign_in.js";
import { sentence, TYPES } from "../words.js";
import { invitation } from "./invitation.js";

/** In the order of the form; `read` makes a value of the API from the text. */
const FIELDS = [
  { name: "name", label: "Name", required: true, maxlength: 500 },
  { name: "category", label: "Categories", hint: "separated by commas", read: words },
  { name: "year", label: "Year", type: "number", min: -3000, max: 3000, read: Number },
  { name: "rating", label: "Rating", type: "number", min: 0, max: 10, step: "any", hint: "0 to 10", read: Number },
  { name: "kind", label: "Kind", hint: "such as movie, tvSeries or OVA", maxlength: 50 },
  { name: "imageUrl", label: "Cover", type: "url", hint: "a link that begins with https:", maxlength: 2000 },
  { name: "sourceId", label: "Id at its source", hint: "such as tt0120737", maxlength: 100 },
  { name: "description", label: "Description", multiline: true, maxlength: 20000 },
];

export function render() {
  const node = element("div", { class: "view narrow", "data-title": "Add an item" }, element("h1", {}, "Add an item"));
  if (signIn.mayChangeItems()) node.append(form());
  else if (signIn.isSignedIn()) node.append(loading.empty("Only administrators add items."));
  else node.append(invitation("Administrators add items here."));
  return { node };
}

function form() {
  const typeId = newId();
  const options = TYPES.map(({ type: value, one }) => element("option", { value }, one));
  const type = element("select", { id: typeId, class: "field" }, ...options);
  const entries = FIELDS.map(entry);
  const save = async (event) => {
    event.preventDefault();
    for (const { problem, field } of entries) {
      problem.textContent = "";
      field.removeAttribute("aria-invalid");
    }
    const item = { type: type.value };
    for (const { name, field, read = (text) => text } of entries) {
      const text = field.value.trim();
      if (text) item[name] = read(text);
    }
    try {
      const added = await api.addItem(item);
      address.go(address.itemHref(added));
      note(`${added.name} is added.`);
    } catch (error) {
      if (error instanceof api.Leaving) return;
      failure(`The item could not be added. ${sentence(error.message)}`);
      markInvalid(entries, error.errors ?? []);
    }
  };
  return element("form", { class: "form", onsubmit: save },
    element("label", { for: typeId }, "Type"), type,
    ...entries.flatMap(({ label, field, problem }) => [label, field, problem]),
    element("div", { class: "actions" }, element("button", { class: "button button-main", type: "submit" }, "Add")));
}

/**
 * Shows each message beside its field, and moves the focus to the first of them.
 * @param {import("../api.js").FieldError[]} errors
 */
function markInvalid(entries, errors) {
  for (const { field: path, message } of errors.toReversed()) {
    const wrong = entries.find(({ name }) => path.split(".")[0] === name);
    if (!wrong) continue;
    wrong.problem.textContent = sentence(message);
    wrong.field.setAttribute("aria-invalid", "true");
    wrong.field.focus();
  }
}

/** The words between commas, each once. */
function words(text) {
  return [...new Set(text.split(",").map((word) => word.trim()).filter(Boolean))];
}

function entry({ name, label, hint, multiline, read, type = "text", ...attributes }) {
  const id = newId();
  const problemId = newId();
  const properties = { id, class: "field", "aria-describedby": problemId, ...attributes };
  const field = multiline ? element("textarea", { ...properties, rows: 5 }) : element("input", { ...properties, type });
  return {
    name, field, read,
    label: element("label", { for: id }, label, hint && element("span", { class: "faint" }, ` (${hint})`)),
    problem: element("p", { id: problemId, class: "wrong" }),
  };
}
