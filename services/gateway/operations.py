"""What happens to a request once the router has found its operation: token, parameters, body, handler.

It takes the place of connexion's own stages, which prepare the same things anew for each request (a third of all its
work), take a bad token for none where a token is optional, and name no field when they refuse a value.
"""

import inspect
from collections.abc import Awaitable, Callable
from typing import Any

from connexion.middleware.abstract import RoutedAPI, RoutedMiddleware
from connexion.operations import AbstractOperation
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from services.gateway.access import Access
from services.gateway.auth import Token, Tokens
from services.gateway.bodies import MEDIA_TYPE, Body
from services.gateway.parameters import Parameters
from services.gateway.rates import Rates

Handler = Callable[..., Awaitable[Response]]


class Operation:
    """One operation of the specification, prepared.

    Its handler is called with the path and query parameters, and with `body`, `user` (the token's subject) and
    `headers` where it asks for them by these names.
    """

    def __init__(self, operation: AbstractOperation, tokens: Tokens, rates: Rates | None) -> None:
        self._rates = rates
        self._access = Access(operation.security, tokens)
        self._parameters = Parameters(operation.parameters)
        self._body: Body | None = None
        if request_body := operation.request_body:
            self._body = Body(request_body["content"][MEDIA_TYPE]["schema"], request_body.get("required", False))
        self._handler: Handler = operation.function
        wanted = inspect.signature(self._handler).parameters
        self._wants_user = "user" in wanted
        self._wants_headers = "headers" in wanted

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        token = await self._access.check(scope)
        rates = self._rates.take(_caller(scope, token)) if self._rates else {}
        arguments: dict[str, Any] = self._parameters.read(scope)
        if self._body:
            arguments["body"] = await self._body.read(Headers(scope=scope), receive)
        if self._wants_user:
            arguments["user"] = token.subject if token else None
        if self._wants_headers:
            arguments["headers"] = Headers(scope=scope)
        response = await self._handler(**arguments)
        response.headers.update(rates)
        await response(scope, receive, send)


def _caller(scope: Scope, token: Token | None) -> str:
    if token:
        return token.subject
    return scope["client"][0] if scope.get("client") else "unknown"


class OperationsAPI(RoutedAPI):  # type: ignore[misc]  # connexion has no types
    def __init__(self, *args: Any, tokens: Tokens, rates: Rates | None, **options: Any) -> None:
        super().__init__(*args, **options)
        self._tokens = tokens
        self._rates = rates
        self.add_paths()

    def make_operation(self, operation: AbstractOperation) -> Operation:
        return Operation(operation, self._tokens, self._rates)


class Operations(RoutedMiddleware):  # type: ignore[misc]
    api_cls = OperationsAPI
