"""Checks every response to a test against the specification: status, media type, headers and content."""

import re
from typing import Any

import httpx
from connexion.json_schema import Draft4ResponseValidator, resolve_refs

from services.gateway import specification


class Contract:
    def __init__(self) -> None:
        document = resolve_refs(specification.document("http://localhost:8081"))
        self._operations = [
            (re.compile(re.sub(r"\{[^}]+\}", "[^/]+", path)), method.upper(), operation)
            for path, methods in document["paths"].items()
            for method, operation in methods.items()
        ]

    async def check(self, response: httpx.Response) -> None:
        await response.aread()
        assert response.headers["x-request-id"]
        if response.status_code >= 400 and response.request.method != "HEAD":
            assert response.headers["content-type"] == "application/problem+json", response.text
            assert response.json()["requestId"] == response.headers["x-request-id"]
        operation = self._operation(response.request)
        if operation is None:
            return
        documented = operation["responses"].get(str(response.status_code))
        assert documented, f"{response.status_code} is not documented: {response.text}"
        for header in documented.get("headers", {}):
            assert header in response.headers, f"{header} is missing"
        content = documented.get("content")
        if content is None:
            assert not response.content
            return
        schema = content[response.headers["content-type"]]["schema"]
        Draft4ResponseValidator(schema).validate(response.json())

    def _operation(self, request: httpx.Request) -> dict[str, Any] | None:
        for path, method, operation in self._operations:
            if method == request.method and path.fullmatch(request.url.path):
                return operation  # type: ignore[no-any-return]
        return None
