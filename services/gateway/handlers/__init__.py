"""What answers each operation: one class per tag of the specification, one method per operationId."""

from inspect import getmembers, iscoroutinefunction

from services.gateway.backends import Backends
from services.gateway.handlers.items import Items
from services.gateway.handlers.library import Library
from services.gateway.handlers.spark import Spark
from services.gateway.handlers.suggestion_model import SuggestionModel
from services.gateway.handlers.suggestions import Suggestions
from services.gateway.handlers.users import Users
from services.gateway.http.operations import Handler
from services.gateway.settings import GatewaySettings


def by_operation_id(backends: Backends, settings: GatewaySettings, permissions: list[str]) -> dict[str, Handler]:
    """`permissions` are those that a user signs in for."""
    users = Users(backends, settings, permissions)
    tags = (
        Items(backends),
        Library(backends),
        Suggestions(backends),
        users,
        Spark(backends),
        SuggestionModel(backends),
    )
    return {
        name: method
        for tag in tags
        for name, method in getmembers(tag, iscoroutinefunction)
        if not name.startswith("_")
    }
