/**
 * The user's marks as the page knows them. A change is shown at once and sent in the background. If the API refuses
 * it, it is taken back and the error is shown.
 *
 * @typedef {"seen"|"liked"|"notInterested"} Kind
 * @typedef {Object} Entry
 * @property {import("./api.js").Marks} shown
 * @property {import("./api.js").Marks} stored as far as known
 * @property {Set<Kind>} touched changed here, so that an answer that was already under way says nothing new
 * @property {Set<Kind>} sending
 */

import * as address from "./address.js";
import * as api from "./api.js";
import { failure, note } from "./announce.js";
import * as signIn from "./sign_in.js";
import { sentence } from "./words.js";

/** Paths of the API by kind. */
const PATHS = { seen: "seen", liked: "like", notInterested: "notInterested" };

const WORDS = {
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
let asked = new Set();

const NONE = { seen: false, liked: false, notInterested: false };

/** @returns {import("./api.js").Marks} */
export const of = (key) => entry(key).shown;

/** Calls the listener whenever the item's marks change, until the signal is aborted. */
export function watch(key, listener, signal) {
  changes.addEventListener(key, listener, { signal });
}

/** Reads the marks of these items: one request for all that are asked for in the same moment. */
export function learn(keys) {
  if (!signIn.isSignedIn() || keys.length === 0) return;
  if (asked.size === 0) queueMicrotask(readAsked);
  keys.forEach((key) => asked.add(key));
}

/** Resolves to the marks of these items once they are known. */
export async function read(keys) {
  const known = new Map();
  for (let start = 0; start < keys.length; start += api.MAX_ITEMS) {
    const part = keys.slice(start, start + api.MAX_ITEMS);
    const { marks } = await api.listMarks(part);
    for (const { item, ...mark } of marks) known.set(address.itemKey(item), mark);
  }
  keys.forEach((key) => accept(key, known.get(key) ?? NONE));
}

/**
 * Marks the item or removes the mark. Somebody who is not signed in is led to the sign-in; the mark is made afterwards.
 * @param {{type: string, id: string, name: string}} item
 * @param {Kind} kind
 * @param {boolean} value
 */
export function set(item, kind, value) {
  if (!signIn.isSignedIn()) {
    signIn.start({ then: laterMark(item, kind, value) }).catch((error) => failure(error.message));
    return;
  }
  const key = address.itemKey(item);
  const { shown, touched } = entry(key);
  shown[kind] = value;
  touched.add(kind);
  changes.dispatchEvent(new Event(key));
  const actions = [{ text: "Undo", act: () => set(item, kind, !value) }];
  if (value && kind !== "notInterested" && address.read().view !== "for-you") {
    actions.push({ text: "What is next?", href: address.href({ view: "for-you" }) });
  }
  note(WORDS[kind][value](item.name), { actions });
  send(item, kind);
}

/** Makes the mark that led to a sign-in. */
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
    if (error.status === 401 && (await signIn.renew(laterMark(item, kind, value)))) return;
    shown[kind] = stored[kind];
    changes.dispatchEvent(new Event(key));
    failure(`${item.name} could not be changed. ${sentence(error.message)}`,
      [{ text: "Try again", act: () => set(item, kind, value) }]);
  } finally {
    sending.delete(kind);
  }
}

async function readAsked() {
  const keys = [...asked];
  asked = new Set();
  try {
    await read(keys);
  } catch (error) {
    if (error instanceof api.Leaving) return;
    const again = { text: "Try again", act: () => learn(keys) };
    failure(`Your marks could not be read. ${sentence(error.message)}`, [again]);
  }
}

function accept(key, marks) {
  const { shown, stored, touched } = entry(key);
  for (const kind of Object.keys(NONE)) {
    if (!touched.has(kind)) shown[kind] = stored[kind] = marks[kind];
  }
  changes.dispatchEvent(new Event(key));
}

/** @returns {Entry} */
function entry(key) {
  if (!entries.has(key)) {
    entries.set(key, { shown: { ...NONE }, stored: { ...NONE }, touched: new Set(), sending: new Set() });
  }
  return entries.get(key);
}

function laterMark({ type, id, name }, kind, value) {
  return { mark: { item: { type, id, name }, kind, value } };
}
