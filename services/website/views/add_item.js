/** A form with which administrators add an item. */

import * as address from "../address.js";
import { note, noteError } from "../announce.js";
import * as api from "../api.js";
import { element, newId } from "../dom.js";
import * as limits from "../limits.js";
import * as loading from "../loading.js";
import * as signIn from "../sign_in.js";
import { sentence, TYPES } from "../words.js";
import { invitation } from "./invitation.js";

/** In the order of the form; `read` converts the text to the value that the API expects. */
const FIELDS = [
  { name: "name", label: "Name", required: true, maxlength: limits.MAX_NAME },
  { name: "category", label: "Categories", hint: "separated by commas", read: words },
  { name: "year", label: "Year", type: "number", min: limits.MIN_YEAR, max: limits.MAX_YEAR, read: Number },
  {
    name: "rating", label: "Rating", type: "number", min: 0, max: limits.MAX_RATING, step: "any",
    hint: `0 to ${limits.MAX_RATING}`, read: Number,
  },
  { name: "kind", label: "Kind", hint: "such as movie, tvSeries or OVA", maxlength: limits.MAX_KIND },
  {
    name: "imageUrl", label: "Cover", type: "url", hint: "a link that begins with https:",
    maxlength: limits.MAX_IMAGE_URL,
  },
  { name: "sourceId", label: "Id at its source", hint: "such as tt0120737", maxlength: limits.MAX_SOURCE_ID },
  { name: "description", label: "Description", multiline: true, maxlength: limits.MAX_DESCRIPTION },
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
  const options = TYPES.map(({ type: value, singular }) => element("option", { value }, singular));
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
      noteError("The item could not be added.", error);
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
    const invalid = entries.find(({ name }) => path.split(".")[0] === name);
    if (!invalid) continue;
    invalid.problem.textContent = sentence(message);
    invalid.field.setAttribute("aria-invalid", "true");
    invalid.field.focus();
  }
}

/** The words between commas, without duplicates. */
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
