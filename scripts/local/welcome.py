"""What is shown when everything is healthy: where to go, who to be, and what to try."""

import shlex

from scripts.local.suite import AUDIENCE, DEFAULT_FOLDER, Suite


def text(suite: Suite, seconds: float, *, detached: bool) -> str:
    api, auth0 = suite.gateway_url, suite.auth0_url
    elsewhere = "" if suite.folder == DEFAULT_FOLDER else f"--data {shlex.quote(str(suite.folder))} "
    end = f"./scripts/local.sh {elsewhere}--stop" if detached else "Ctrl-C"
    return f"""\
ready after {seconds:.1f} s

  try it in the browser   {api}/ui
  the API                 {api}
  sign-in (local_auth0)   {auth0}
  demo people             ana, rui (users), admin; each one's password is their name

  curl '{api}/lib/1?size=3'
  TOKEN=$(curl -s {auth0}/oauth/token -d grant_type=password -d client_id=seen-cli -d username=ana -d password=ana \
-d audience={AUDIENCE} | sed 's/.*"access_token": *"\\([^"]*\\)".*/\\1/')
  curl -X POST {api}/suggest -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' -d '{{"amount": 2}}'

{end} stops all of it; the data stays."""
