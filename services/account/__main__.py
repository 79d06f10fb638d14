"""Runs the account service: python -m services.account."""

from services.account.service import build
from services.account.settings import AccountSettings
from services.common import process

if __name__ == "__main__":
    process.run("account", AccountSettings.from_env(), build)
