"""The operations of the specification, prepared at start so that a request need not interpret the specification."""

import inspect
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from connexion.operations import AbstractOperation
from connexion.resolver import Resolver
from connexion.spec import Specification
from starlette.exceptions import HTTPException
from starlette.responses import Response

from services.gateway.http import problems
from services.gateway.http.access import Access
from services.gateway.http.bodies import Body
from services.gateway.http.parameters import Parameters
from services.gateway.http.problems import FieldError
from services.gateway.http.responses import JSON
from services.gateway.http.tokens import Verifier

Handler = Callable[..., Awaitable[Response]]


class Operation:
    """One operation: who may call it, how its input is read, and its handler.

    The handler is called with the path and query parameters, and with `body`, `user` (the token's subject) and
    `headers` if it has parameters of these names.
    """

    def __init__(
        self, operation: AbstractOperation, definition: Mapping[str, Any], verifier: Verifier, max_body_bytes: int
    ) -> None:
        """`definition` is the operation's object in the specification, with its `x-` extensions."""
        self.path: str = operation.path
        self.access = Access(operation.security, verifier)
        self.parameters = Parameters(operation.parameters)
        self.body: Body | None = None
        if body := operation.request_body:
            schema = body["content"][JSON]["schema"]
            self.body = Body(schema, body.get("required", False), max_body_bytes)
        self.handler: Handler = operation.function
        accepted = inspect.signature(self.handler).parameters
        self.wants_user = "user" in accepted
        self.wants_headers = "headers" in accepted

        # The data that the operation changes, and, if its responses are cached, the data that it reads: see cache.py.
        self.writes: Sequence[str] = definition.get("x-writes", ())
        cache_rule = definition.get("x-cache", {})
        self.reads: Sequence[str] = cache_rule.get("reads", ())
        self._reads_all_types: bool = cache_rule.get("all-types", False)
        self._uncached_parameters: Sequence[str] = cache_rule.get("unless", ())
        if cache_rule and (operation.method != "get" or operation.security or self.wants_user or self.wants_headers):
            raise ValueError(f"{self.path}: only public GET operations that need no headers can be cached")

    def is_cacheable(self, arguments: Mapping[str, Any]) -> bool:
        return bool(self.reads) and not any(name in arguments for name in self._uncached_parameters)

    def type_read(self, arguments: Mapping[str, Any]) -> str | None:
        """The item type whose data a cached operation reads; None for all types."""
        return None if self._reads_all_types else arguments.get("type")


class Operations:
    def __init__(
        self, specification: Specification, handlers: Mapping[str, Handler], verifier: Verifier, max_body_bytes: int
    ) -> None:
        """connexion resolves each operation's references and finds its handler by operationId."""
        resolver = Resolver(handlers.__getitem__)
        self._paths: list[tuple[re.Pattern[str], dict[str, Operation]]] = []
        for path, methods in specification["paths"].items():
            operations = {
                method.upper(): Operation(
                    specification.operation_cls.from_spec(specification, path=path, method=method, resolver=resolver),
                    definition,
                    verifier,
                    max_body_bytes,
                )
                for method, definition in methods.items()
            }
            if "GET" in operations:
                operations["HEAD"] = operations["GET"]
            self._paths.append((re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path)), operations))

    def match(self, method: str, path: str) -> tuple[Operation, Mapping[str, str]] | None:
        """The operation and its path parameters; None for an unknown path. Raises 405 for an unsupported method."""
        if "\n" in path:  # `$` in the schemas' patterns ignores a line break at the end
            raise problems.invalid([FieldError("path", "must not contain line breaks")])
        for pattern, operations in self._paths:
            if match := pattern.fullmatch(path):
                if operation := operations.get(method):
                    return operation, match.groupdict()
                raise HTTPException(405, headers={"Allow": ", ".join(sorted({*operations, "OPTIONS"}))})
        return None
