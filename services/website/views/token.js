/** The answer to `GET /user/login`: the access token is in the address's fragment, which browsers do not send. */

import { announce } from "../announce.js";
import { button, element } from "../dom.js";

const STATE_COOKIE = "seen_sign_in";

/**
 * Takes the answer out of the address; null if there is none.
 * @returns {{token?: string, failure?: string}|null}
 */
export function takeAnswer() {
  const answer = new URLSearchParams(location.hash.slice(1));
  if (!answer.has("access_token") && !answer.has("error")) return null;
  const [, state] = document.cookie.match(new RegExp(`(?:^|; )${STATE_COOKIE}=([^;]*)`)) ?? [];
  history.replaceState(null, "", location.pathname + location.search);
  document.cookie = `${STATE_COOKIE}=; Max-Age=0; Path=/`;
  const token = answer.get("access_token");
  if (token && state && state === answer.get("state")) return { token };
  const reason = answer.get("error_description") ?? answer.get("error");
  return { failure: `Sign-in failed: ${reason ?? "the response does not belong to a sign-in started here"}` };
}

/** @param {{token?: string, failure?: string}} answer */
export function render({ token, failure }) {
  const node = element("div", { class: "view narrow", "data-title": "Access token" });
  if (failure) {
    node.append(element("h1", {}, "No access token"), element("p", { class: "wrong", role: "alert" }, failure),
      element("a", { class: "button", href: "/user/login" }, "Try again"));
    return { node };
  }
  const text = element("textarea", { class: "field token", readonly: true, rows: 8, "aria-label": "access token" });
  text.value = token;
  const copy = async () => {
    text.select();
    try {
      await navigator.clipboard.writeText(token);
      announce("Copied");
    } catch {
      announce("The browser does not allow copying; the token is selected"); // over plain HTTP
    }
  };
  node.append(
    element("h1", {}, "You are signed in"),
    element("p", {}, "This is your access token. Anyone who has it can act as you until it expires. Send it as ",
      element("code", {}, "Authorization: Bearer …"), "; this page does not store it."),
    text,
    element("div", { class: "actions" },
      button("Copy", copy, { class: "button button-main" }),
      element("a", { class: "button", href: "/" }, "To the library")));
  return { node };
}
