"""Runs the gateway: python -m services.gateway."""

from services.common import process
from services.gateway.service import build
from services.gateway.settings import GatewaySettings

if __name__ == "__main__":
    process.run("gateway", GatewaySettings.from_env(), build)
