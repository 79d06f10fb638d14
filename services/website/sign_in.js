/**
 * Sign-in at the identity provider: authorization code with PKCE (RFC 7636) by top-level redirects.
 *
 * The access token is in memory only. While the user is at the identity provider, `sessionStorage` has the transaction:
 * state, verifier, and the address to return to. It also has whether there was a sign-in in this tab: only then does a
 * reload sign in again silently.
 */

import { noteFailure } from "./announce.js";

const TRANSACTION = "seen.sign_in";
const SIGNED_IN = "seen.signed_in";
const SCOPE = "write:seen write:like read:suggest write:username delete:username write:item delete:item";
/** @type {{token: string, scopes: Set<string>, accepted: boolean}|null} */
let session = null;
let siteRequest = null;

export const token = () => session?.token ?? null;
/** To be called when the API has accepted the token. */
export const markTokenAccepted = () => { if (session) session.accepted = true; };
export const isSignedIn = () => session !== null;
export const mayChangeItems = () => session?.scopes.has("write:item") ?? false;

/** @returns {Promise<{issuer: string, clientId: string, audience: string, version: string}>} */
export function site() {
  siteRequest ??= fetch("/site.json").then((answer) => {
    if (!answer.ok) throw new Error(`/site.json: ${answer.status}`);
    return answer.json();
  });
  siteRequest.catch(() => { siteRequest = null; });
  return siteRequest;
}

/**
 * Begins a sign-in, or shows a note that says why it cannot begin.
 * @param {{then?: Object}} [options] `then`: a value for `finish` to return after the sign-in
 */
export const start = (options) => goToProvider(options).catch((error) => noteFailure(error.message));

/**
 * Goes to the identity provider, which later returns to this address.
 * @param {{silent?: boolean, then?: Object|null}} [options] `silent`: without asking the user; `then`: see `start`
 * @throws {Error} if a sign-in cannot begin; the message is for users
 */
async function goToProvider({ silent = false, then = null } = {}) {
  if (!window.isSecureContext) throw new Error("Signing in needs HTTPS, or an address on this machine.");
  const { issuer, clientId, audience } = await reachableSite();
  const verifier = randomText();
  const state = randomText();
  const returnTo = location.pathname + location.search;
  sessionStorage.setItem(TRANSACTION, JSON.stringify({ verifier, state, returnTo, silent, then }));
  const query = new URLSearchParams({
    response_type: "code",
    client_id: clientId,
    redirect_uri: callback(),
    audience,
    scope: SCOPE,
    state,
    code_challenge: await challenge(verifier),
    code_challenge_method: "S256",
  });
  if (silent) query.set("prompt", "none");
  location[silent ? "replace" : "assign"](`${issuer}authorize?${query}`);
}

/**
 * At the start of the page: takes the identity provider's answer out of the address, or begins a silent sign-in.
 * @returns {Promise<{leaving?: true, then?: Object, failure?: string}>} `leaving`: the page is about to be left
 */
export async function finish() {
  const answer = new URLSearchParams(location.search);
  const isAnswer = answer.has("state") && (answer.has("code") || answer.has("error"));
  if (!isAnswer) return sessionStorage.getItem(SIGNED_IN) ? startSilently() : {};
  const transaction = JSON.parse(sessionStorage.getItem(TRANSACTION) ?? "null");
  sessionStorage.removeItem(TRANSACTION);
  history.replaceState(null, "", transaction?.returnTo ?? "/");
  if (transaction?.state !== answer.get("state")) return failed("the answer does not belong to a sign-in started here");
  if (answer.has("error")) {
    forget();
    return transaction.silent ? {} : failed(answer.get("error_description") ?? answer.get("error"));
  }
  try {
    await exchange(answer.get("code"), transaction.verifier);
  } catch (error) {
    forget();
    return failed(error.message);
  }
  return { then: transaction.then };
}

/**
 * After a 401: signs in again and comes back here.
 * @param {Object|null} [then] see `start`
 * @returns {Promise<boolean>} whether the page is about to be left: not if no sign-in can begin, nor if the API has never
 *   accepted the token, because it would not accept the next one either
 */
export async function renew(then = null) {
  if (session && !session.accepted) return false;
  try {
    await goToProvider({ then });
  } catch {
    return false;
  }
  return true;
}

/** @throws {Error} if the identity provider cannot be reached; the message is for users */
export async function signOut() {
  const { issuer, clientId } = await reachableSite();
  forget();
  location.assign(`${issuer}v2/logout?${new URLSearchParams({ client_id: clientId, returnTo: callback() })}`);
}

/** After "back", the browser may show a page with its memory, and so with a token from before the sign-out. */
addEventListener("pageshow", (event) => {
  if (event.persisted && session && !sessionStorage.getItem(SIGNED_IN)) location.reload();
});

async function startSilently() {
  try {
    await goToProvider({ silent: true });
    return { leaving: true };
  } catch (error) {
    return { failure: error.message };
  }
}

async function exchange(code, verifier) {
  const { issuer, clientId } = await site();
  const body = new URLSearchParams({
    grant_type: "authorization_code", client_id: clientId, code, redirect_uri: callback(), code_verifier: verifier,
  });
  const answer = await fetch(`${issuer}oauth/token`, { method: "POST", body });
  const content = await answer.json();
  if (!answer.ok) throw new Error(content.error_description ?? content.error);
  // Without `scope`, all requested scopes are granted (RFC 6749, 5.1).
  const scopes = new Set((content.scope ?? SCOPE).split(" "));
  session = { token: content.access_token, scopes, accepted: false };
  sessionStorage.setItem(SIGNED_IN, "yes");
}

/** Throws if the identity provider cannot be reached: after a redirect, the browser would show its own error page. */
async function reachableSite() {
  try {
    const values = await site();
    await fetch(`${values.issuer}.well-known/openid-configuration`, { mode: "no-cors", cache: "no-store" });
    return values;
  } catch {
    throw new Error("The sign-in service cannot be reached. Everything but marking works without it.");
  }
}

function forget() {
  session = null;
  sessionStorage.removeItem(SIGNED_IN);
}

const failed = (reason) => ({ failure: `Sign-in failed: ${reason}` });
const callback = () => `${location.origin}/`;

async function challenge(verifier) {
  return base64url(new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier))));
}

/** 256 random bits. */
const randomText = () => base64url(crypto.getRandomValues(new Uint8Array(32)));

function base64url(bytes) {
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
