/**
 * The client of the REST API. Its contract is /openapi.json.
 *
 * @typedef {Object} Item
 * @property {"BOOK"|"SHOW"|"ANIME"} type
 * @property {string} id
 * @property {string} name
 * @property {string[]} category
 * @property {string[]} themes
 * @property {number} [rating] 0 to 10
 * @property {number} [votes]
 * @property {string} [description]
 * @property {string} [imageUrl]
 * @property {string} [kind]
 * @property {number} [year] negative before the common era
 * @property {string} [sourceId]
 *
 * @typedef {Object} Because has either `items`, or `category` with `seen` and `liked`, or `popular`
 * @property {Item[]} [items]
 * @property {string} [category]
 * @property {number} [seen]
 * @property {number} [liked]
 * @property {true} [popular]
 *
 * @typedef {{field: string, message: string}} FieldError
 * @typedef {{type: string, id: string}} ItemRef
 * @typedef {{item: Item, because?: Because}} Suggestion
 * @typedef {{seen: boolean, liked: boolean, notInterested: boolean}} Marks
 * @typedef {Object} Computation
 * @property {boolean} running
 * @property {string} [stage]
 * @property {number} [progress] 0 to 1
 * @property {string} [failure] why the last computation failed
 * @property {number} [retryAfterSeconds]
 */

import { MAX_EXCLUDED } from "./limits.js";
import * as signIn from "./sign_in.js";

/** The API has answered with an error, or not at all: then `status` is 0. */
class ApiError extends Error {
  /** @param {{status: number, detail: string, errors?: FieldError[], requestId?: string}} problem */
  constructor({ status, detail, errors = [], requestId = "" }) {
    super(detail);
    Object.assign(this, { status, errors, requestId });
  }
}

/**
 * A 401 has led to the sign-in, and the page is about to be left. Callers treat it like an aborted request: there is
 * nothing to show.
 */
class Leaving extends Error {
  name = "AbortError";
}

const refs = (items) => items.map(({ type, id }) => ({ type, id }));

/** @returns {Promise<{items: Item[], page: number, pages: number, total: number, missing: string[]}>} */
export function listItems({ page, size, type, category, search }, signal) {
  return get(`/lib/${page}`, { query: { type, category, search, size }, signal });
}

/** @returns {Promise<Item>} */
export const getItem = (key, signal) => get(`/item/${key}`, { signal });

/** @returns {Promise<{items: Item[], missing: string[]}>} in the order of the keys; unknown items are left out */
export const getItems = (keys, signal) => get("/items", { query: { items: keys.join(",") }, signal });

/** @returns {Promise<{items: Item[], missing: string[]}>} */
export const listSimilar = (key, limit, signal) => get(`/item/${key}/similar`, { query: { limit }, signal });

/** @returns {Promise<{items: {item: Item, likes: number}[]}>} */
export const topTen = (type, signal) => get(`/getTopTen/${type}`, { signal });

/** @returns {Promise<{categories: {name: string, items: number}[]}>} */
export const listCategories = (type, signal) => get(`/categories/${type}`, { signal });

/**
 * The best suggestions for the user who is signed in, or for `likes`.
 * @param {Object} request
 * @param {string[]} [request.types]
 * @param {number} request.amount of each type
 * @param {ItemRef[]} [request.exclude]
 * @param {ItemRef[]} [request.likes]
 * @param {boolean} [request.anonymous] ignores who is signed in
 * @param {number} [request.seed]
 * @returns {Promise<{personal: boolean, suggestions: Suggestion[], missing: string[]}>}
 */
export function suggest({ types, amount, exclude = [], likes = [], anonymous = false, seed }, signal) {
  const newest = refs(exclude.slice(-MAX_EXCLUDED));
  const body = { strategy: "taste", types, amount, seed, exclude: newest, likes: refs(likes) };
  return call("POST", "/suggest", { body, signal, withToken: !anonymous });
}

/** Resolves to a `Computation` until there is an answer. */
export const bestDirector = (query, signal) => get("/bestDirector", { query, signal });
/** Resolves to a `Computation` until there is an answer. */
export const mostConnected = (signal) => get("/moreConnected", { signal });
export const isComputation = (answer) => "running" in answer;

/** @returns {Promise<{marks: (Marks & {item: {type: string, id: string}})[]}>} */
export const listMarks = (keys) => call("GET", "/user/marks", { query: { items: keys.join(",") }, withToken: true });

/** @param {"seen"|"like"|"notInterested"} kind */
export function setMark(key, kind, value) {
  return call(value ? "PUT" : "DELETE", `/item/${key}/${kind}`, { withToken: true, goToSignIn: false });
}

/**
 * @param {"seen"|"liked"|"notInterested"} kind
 * @returns {Promise<{items: {item: Item, markedAt: string}[], nextCursor?: string, missing: string[]}>}
 */
export function listMarked(kind, { size, cursor }, signal) {
  return call("GET", `/user/${kind}`, { query: { size, cursor }, signal, withToken: true });
}

/** @returns {Promise<{username?: string, createdAt: string, seen: number, liked: number}|null>} null: no account */
export async function getUser(signal) {
  try {
    return await call("GET", "/user", { signal, withToken: true });
  } catch (error) {
    if (error.status === 404) return null;
    throw error;
  }
}

/** @param {boolean} hasName whether the user has a name already */
export function nameUser(username, hasName) {
  return call(hasName ? "PUT" : "POST", "/user", { body: { username }, withToken: true });
}

export const deleteUser = () => call("DELETE", "/user", { withToken: true });

/** @param {Omit<Item, "id"|"themes">} item */
export const addItem = (item) => call("POST", "/item", { body: item, withToken: true });

export const removeItem = (key) => call("DELETE", `/item/${key}`, { withToken: true });

/** Without a token, so that the answer is the same for everybody and can be cached. */
const get = (address, options) => call("GET", address, options);

/**
 * @param {{query?: Object, body?: Object, signal?: AbortSignal, withToken?: boolean, goToSignIn?: boolean}} options
 *   `goToSignIn`: whether a token that has expired leads to the sign-in and back
 * @throws {ApiError|Leaving|DOMException}
 */
async function call(method, address, { query = {}, body, signal, withToken = false, goToSignIn = true } = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== "");
  const parameters = new URLSearchParams(given);
  const headers = { Accept: "application/json" };
  const token = withToken && signIn.token();
  if (token) headers.Authorization = `Bearer ${token}`;
  if (body) headers["Content-Type"] = "application/json";
  let answer;
  try {
    const target = parameters.size ? `${address}?${parameters}` : address;
    answer = await fetch(target, { method, headers, signal, body: body && JSON.stringify(body) });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError({ status: 0, detail: "Seen cannot be reached" });
  }
  if (token && answer.status !== 401) signIn.markTokenAccepted();
  if (answer.ok) return answer.status === 204 ? null : answer.json();
  const problem = await answer.json().catch(() => ({}));
  const { status } = answer;
  const error = new ApiError({ detail: `Seen answered with status ${status}`, ...problem, status });
  if (error.status === 401 && goToSignIn && (await signIn.renew())) throw new Leaving();
  throw error;
}
