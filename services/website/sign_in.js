/**
 * Sign-in at the identity provider: authorization code with PKCE (RFC 7636) by top-level redirects.
 *
 * The access token is in memory only. `sessionStorage` has the transaction (state, verifier, and where to return) while
 * the reader is at the identity provider, and whether there was a sign-in in this tab: only then a
 * reload signs in again silently.
 */

const TRANSACTION = "seen.sign_in";
const SIGNED_IN = "seen.signed_in";
const SCOPE = "write:seen write:like read:suggest write:username delete:username write:item delete:item";
/** @type {{token: string, scopes: Set<string>, accepted: boolean}|null} */
let session = null;
let siteRequest = null;

export const token = () => session?.token ?? null;
/** The API has taken the token. */
export const accept = () => { if (session) session.accepted = true; };
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
 * Goes to the identity provider, and later back to this address.
 * @param {{silent?: boolean, then?: Object|null}} [options] `silent`: without asking anybody; `then`: what `finish`
 *   returns
 * @throws {Error} if a sign-in cannot begin; the message is for users
 */
export async function start({ silent = false, then = null } = {}) {
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
 * @returns {Promise<{leaving?: true, then?: Object, signedIn?: true, failure?: string}>}
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
  return { signedIn: transaction.silent ? undefined : true, then: transaction.then ?? undefined };
}

/**
 * After a 401: signs in again and comes back here.
 * @param {Object|null} [then] see `start`
 * @returns {Promise<boolean>} false if that would not help: after a token that was never accepted, the next one would
 *   not be either
 */
export async function renew(then = null) {
  if (session && !session.accepted) return false;
  try {
    await start({ then });
  } catch {
    return false;
  }
  return true;
}

export async function signOut() {
  const { issuer, clientId } = await reachableSite();
  forget();
  location.assign(`${issuer}v2/logout?${new URLSearchParams({ client_id: clientId, returnTo: callback() })}`);
}

/** The browser may show a page again as it was, with its memory, after "back": then the sign-out must hold. */
addEventListener("pageshow", (event) => {
  if (event.persisted && session && !sessionStorage.getItem(SIGNED_IN)) location.reload();
});

async function startSilently() {
  try {
    await start({ silent: true });
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
  // Without `scope`, all that was asked for has been granted (RFC 6749, 5.1).
  const scopes = new Set((content.scope ?? SCOPE).split(" "));
  session = { token: content.access_token, scopes, accepted: false };
  sessionStorage.setItem(SIGNED_IN, "yes");
}

/** Fails if the identity provider cannot be reached: after a redirect, the browser would show an error of its own. */
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
