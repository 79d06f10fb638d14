"""Runs the stand-in: python -m services.local_auth0."""

from services.local_auth0 import service
from services.local_auth0.settings import LocalAuth0Settings

if __name__ == "__main__":
    service.run(LocalAuth0Settings.from_env())
