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
 * @typedef {Object} Because one of the three
 * @property {Item[]} [items]
 * @property {string} [category] with `seen` and `liked`
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

import * as signIn from "./sign_in.js";

/** Marks that are asked for at once, and items of a page of a list: the API's maximum. */
export const MAX_ITEMS = 100;
/** Earlier suggestions that a request may name: the API's maximum. */
export const MAX_EXCLUDED = 200;

/** An answer that is an error, or no answer: then `status` is 0. */
export class ApiError extends Error {
  /** @param {{status: number, detail: string, errors?: FieldError[], requestId?: string}} problem */
  constructor({ status, detail, errors = [], requestId = "" }) {
    super(detail);
    Object.assign(this, { status, errors, requestId });
  }
}

/** Thrown after a 401 has led to the sign-in: the page is about to be left, so there is nothing to show. */
export class Leaving extends Error {}

const path = ({ type, id }) => `${type}/${id}`;
const refs = (items) => items.map(({ type, id }) => ({ type, id }));

/** @returns {Promise<{items: Item[], page: number, pages: number, total: number, missing: string[]}>} */
export function listItems({ page, size, type, category, search }, signal) {
  return get(`/lib/${page}`, { query: { type, category, search, size }, signal });
}

/** @returns {Promise<Item>} */
export const getItem = (key, signal) => get(`/item/${key}`, { signal });

/** @returns {Promise<{items: Item[], missing: string[]}>} in the order of the keys, without those that do not exist */
export const getItems = (keys, signal) => get("/items", { query: { items: keys.join(",") }, signal });

/** @returns {Promise<{items: Item[], missing: string[]}>} */
export const listSimilar = (key, limit, signal) => get(`/item/${key}/similar`, { query: { limit }, signal });

/** @returns {Promise<{items: {item: Item, likes: number}[]}>} */
export const topTen = (type, signal) => get(`/getTopTen/${type}`, { signal });

/** @returns {Promise<{categories: {name: string, items: number}[]}>} */
export const listCategories = (type, signal) => get(`/categories/${type}`, { signal });

/**
 * The best suggestions, for the user who is signed in or for `likes`.
 * @param {Object} request
 * @param {string[]} [request.types]
 * @param {number} request.amount of each type
 * @param {ItemRef[]} [request.exclude]
 * @param {ItemRef[]} [request.likes]
 * @param {boolean} [request.anonymous] not for the user who is signed in
 * @param {number} [request.seed]
 * @returns {Promise<{personal: boolean, suggestions: Suggestion[], missing: string[]}>}
 */
export function suggest({ types, amount, exclude = [], likes = [], anonymous = false, seed }, signal) {
  const left = refs(exclude.slice(-MAX_EXCLUDED));
  const body = { strategy: "taste", types, amount, seed, exclude: left, likes: refs(likes) };
  return call("POST", "/suggest", { body, signal, withToken: !anonymous });
}

/** Both answer 202 with a `Computation` until there is an answer: see `isComputing`. */
export const bestDirector = (query, signal) => get("/bestDirector", { query, signal });
export const mostConnected = (signal) => get("/moreConnected", { signal });
export const isComputing = (answer) => "running" in answer;

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

/**
 * Null before the first mark.
 * @returns {Promise<{username?: string, createdAt: string, seen: number, liked: number}|null>}
 */
export async function getUser(signal) {
  try {
    return await call("GET", "/user", { signal, withToken: true });
  } catch (error) {
    if (error.status === 404) return null;
    throw error;
  }
}

/** @param {boolean} named whether the user has a name already */
export function nameUser(username, named) {
  return call(named ? "PUT" : "POST", "/user", { body: { username }, withToken: true });
}

export const deleteUser = () => call("DELETE", "/user", { withToken: true });

/** @param {Omit<Item, "id"|"themes">} item */
export const addItem = (item) => call("POST", "/item", { body: item, withToken: true });

export const removeItem = (item) => call("DELETE", `/item/${path(item)}`, { withToken: true });

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
  if (token && answer.status !== 401) signIn.accept();
  if (answer.ok) return answer.status === 204 ? null : answer.json();
  const problem = await answer.json().catch(() => ({}));
  const { status } = answer;
  const error = new ApiError({ detail: `Seen answered with status ${status}`, ...problem, status });
  if (error.status === 401 && goToSignIn && (await signIn.renew())) throw new Leaving();
  throw error;
}
