/**
 * The user's marks. A change is shown at once and sent in the background. If the API refuses it, the page shows the
 * stored mark again, and the error.
 *
 * @typedef {"seen"|"liked"|"notInterested"} Kind
 * @typedef {Object} Entry
 * @property {import("./api.js").Marks} shown
 * @property {import("./api.js").Marks} stored by the API, as far as the page has read or sent it
 * @property {Set<Kind>} changed on this page: an answer to an earlier request must not overwrite these
 * @property {Set<Kind>} sending
 */

import * as address from "./address.js";
import * as api from "./api.js";
import { note, noteError } from "./announce.js";
import { MAX_ITEMS } from "./limits.js";
import * as signIn from "./sign_in.js";

/** The last segment of the API's paths, by kind. */
const PATHS = { seen: "seen", liked: "like", notInterested: "notInterested" };

const NOTES = {
  seen: {
    true: (name) => `Marked ${name} as seen.`,
    false: (name) => `${name} is no longer marked as seen.`,
  },
  liked: {
    true: (name) => `You like ${name}.`,
    false: (name) => `You no longer like ${name}.`,
  },
  notInterested: {
    true: (name) => `${name} will not be suggested again.`,
    false: (name) => `${name} may be suggested again.`,
  },
};

/** @type {Map<string, Entry>} by "TYPE/id" */
const entries = new Map();
const changes = new EventTarget();
let requested = new Set();

const NONE = { seen: false, liked: false, notInterested: false };

/** @returns {import("./api.js").Marks} the marks that the page shows on an item */
export const shownOn = (key) => entry(key).shown;

/** Calls the listener whenever the item's marks change, until the signal is aborted. */
export function watch(key, listener, signal) {
  changes.addEventListener(key, listener, { signal });
}

/** Loads the marks on these items, with those of other calls in the same microtask. */
export function request(keys) {
  if (!signIn.isSignedIn() || keys.length === 0) return;
  if (requested.size === 0) queueMicrotask(loadRequested);
  keys.forEach((key) => requested.add(key));
}

/** Loads the marks on these items. */
export async function load(keys) {
  const byKey = new Map();
  for (let start = 0; start < keys.length; start += MAX_ITEMS) {
    const { marks } = await api.listMarks(keys.slice(start, start + MAX_ITEMS));
    for (const { item, ...mark } of marks) byKey.set(address.itemKey(item), mark);
  }
  keys.forEach((key) => update(key, byKey.get(key) ?? NONE));
}

/**
 * Marks the item or removes the mark. Without a session, goes to the sign-in and sets the mark afterwards.
 * @param {{type: string, id: string, name: string}} item
 * @param {Kind} kind
 * @param {boolean} value
 */
export function set(item, kind, value) {
  if (!signIn.isSignedIn()) {
    signIn.start({ then: markAfterSignIn(item, kind, value) });
    return;
  }
  const key = address.itemKey(item);
  const { shown, changed } = entry(key);
  shown[kind] = value;
  changed.add(kind);
  changes.dispatchEvent(new Event(key));
  const actions = [{ text: "Undo", act: () => set(item, kind, !value) }];
  if (value && kind !== "notInterested" && address.read().view !== "for-you") {
    actions.push({ text: "What is next?", href: address.href({ view: "for-you" }) });
  }
  note(NOTES[kind][value](item.name), { actions });
  send(item, kind);
}

/** Sets the mark that has led to the sign-in; see `set`. */
export function setAfterSignIn(then) {
  if (then?.mark) set(then.mark.item, then.mark.kind, then.mark.value);
}

async function send(item, kind) {
  const key = address.itemKey(item);
  const { shown, stored, sending } = entry(key);
  if (sending.has(kind)) return; // the loop below will see the change
  sending.add(kind);
  try {
    while (stored[kind] !== shown[kind]) {
      const value = shown[kind];
      await api.setMark(key, PATHS[kind], value);
      stored[kind] = value;
    }
  } catch (error) {
    const value = shown[kind];
    if (error.status === 401 && (await signIn.renew(markAfterSignIn(item, kind, value)))) return;
    shown[kind] = stored[kind];
    changes.dispatchEvent(new Event(key));
    const again = { text: "Try again", act: () => set(item, kind, value) };
    noteError(`${item.name} could not be changed.`, error, [again]);
  } finally {
    sending.delete(kind);
  }
}

async function loadRequested() {
  const keys = [...requested];
  requested = new Set();
  try {
    await load(keys);
  } catch (error) {
    noteError("Your marks could not be read.", error, [{ text: "Try again", act: () => request(keys) }]);
  }
}

function update(key, marks) {
  const { shown, stored, changed } = entry(key);
  for (const kind of Object.keys(NONE)) {
    if (!changed.has(kind)) shown[kind] = stored[kind] = marks[kind];
  }
  changes.dispatchEvent(new Event(key));
}

/** @returns {Entry} */
function entry(key) {
  if (!entries.has(key)) {
    entries.set(key, { shown: { ...NONE }, stored: { ...NONE }, changed: new Set(), sending: new Set() });
  }
  return entries.get(key);
}

function markAfterSignIn({ type, id, name }, kind, value) {
  return { mark: { item: { type, id, name }, kind, value } };
}
