"""The handlers: one class per tag of the specification, one method per operationId."""

from inspect import getmembers, iscoroutinefunction

from services.gateway.backends import Backends
from services.gateway.handlers.items import Items
from services.gateway.handlers.library import Library
from services.gateway.handlers.spark import Spark
from services.gateway.handlers.suggestions import Suggestions
from services.gateway.handlers.users import Users
from services.gateway.http.operations import Handler
from services.gateway.settings import GatewaySettings


def by_operation_id(backends: Backends, settings: GatewaySettings, permissions: list[str]) -> dict[str, Handler]:
    """`permissions` are the scopes that sign-in requests for a user."""
    tags = (
        Items(backends),
        Library(backends),
        Suggestions(backends),
        Users(backends, settings, permissions),
        Spark(backends),
    )
    return {
        name: method
        for tag in tags
        for name, method in getmembers(tag, iscoroutinefunction)
        if not name.startswith("_")
    }
