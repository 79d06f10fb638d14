"""Runs the stand-in: python -m services.local_auth0. SIGHUP, or POST /test/rotate-key, makes a new signing key."""

import logging
import secrets
import signal
import sys

from services.common import logs
from services.local_auth0.app import create_app
from services.local_auth0.keys import Keys
from services.local_auth0.serving import CannotStart, listen, serving
from services.local_auth0.settings import LocalAuth0Settings
from services.local_auth0.state import State

log = logging.getLogger("services.local_auth0")

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def main() -> None:
    settings = LocalAuth0Settings.load()
    logs.set_up("local_auth0", settings.log_level)
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)  # they are waited for below, not handled in the middle of things
    try:
        # First the port: who fails to get it leaves the keys of whoever has it alone.
        listener = listen(settings.host, settings.port, settings.allow_nonloopback)
        state = State(settings.state_dir)
        keys = Keys(state, settings.token_lifetime_s)
        session_secret = state.read_or_make("session-secret", secrets.token_hex)
        machine_secret = (
            settings.machine_client_secret.get_secret_value()
            if settings.machine_client_secret
            else state.read_or_make("machine-client-secret", secrets.token_urlsafe)
        )
    except CannotStart as reason:
        print(f"local_auth0: {reason}", file=sys.stderr)
        sys.exit(2)
    with serving(create_app(settings, keys, session_secret, machine_secret), listener):
        log.info("listening", extra={"port": settings.port, "issuer": settings.issuer})
        while signal.sigwait(SIGNALS) == signal.SIGHUP:
            keys.rotate()
        log.info("stopping")
    log.info("stopped")


main()
