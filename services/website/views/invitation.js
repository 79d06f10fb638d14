/** What a view shows that needs an account. */

import { failure } from "../announce.js";
import { button } from "../dom.js";
import * as loading from "../loading.js";
import * as signIn from "../sign_in.js";

/** @param {string} why what the account is good for here */
export function invitation(why) {
  const enter = () => signIn.start().catch((error) => failure(error.message));
  return loading.empty(why, button("Continue with an account", enter));
}
