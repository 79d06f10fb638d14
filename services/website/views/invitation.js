/** The content of a view that needs an account, while nobody is signed in. */

import { button } from "../dom.js";
import * as loading from "../loading.js";
import * as signIn from "../sign_in.js";

/** @param {string} why what the view offers to users with an account */
export function invitation(why) {
  return loading.empty(why, button("Continue with an account", () => signIn.start()));
}
