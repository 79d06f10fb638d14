"""The OpenAPI document is complete, and each operation has a handler."""

import inspect
from collections.abc import Iterator
from typing import Any

import pytest
from connexion.json_schema import Draft4ResponseValidator, resolve_refs
from connexion.spec import Specification

from seen.v1.types_pb2 import ItemType
from services.gateway import handlers, specification
from services.gateway.http import cors
from services.gateway.http.operations import Operations
from services.gateway.http.parameters import Parameter
from tests.integration.gateway.conftest import settings

DOCUMENT = specification.document("https://tenant.eu.auth0.com")
RESOLVED = resolve_refs(DOCUMENT)
OPERATIONS = [
    pytest.param(path, method, operation, id=f"{method} {path}")
    for path, methods in RESOLVED["paths"].items()
    for method, operation in methods.items()
]
each_operation = pytest.mark.parametrize(("path", "method", "operation"), OPERATIONS)


class NoBackends:
    library = account = spark = None


BACKENDS: Any = NoBackends()
SETTINGS = settings("http://localhost:8081", "unused:1")
HANDLERS = handlers.by_operation_id(BACKENDS, SETTINGS, specification.permissions(DOCUMENT))


def test_connexion_accepts_the_document() -> None:
    Specification.load(DOCUMENT)


def test_the_item_types_are_those_of_the_proto() -> None:
    assert DOCUMENT["components"]["schemas"]["ItemType"]["enum"] == ItemType.keys()[1:]


def test_the_sign_in_urls_are_the_identity_providers() -> None:
    flows = DOCUMENT["components"]["securitySchemes"]["auth0"]["flows"]
    assert flows["authorizationCode"]["tokenUrl"] == "https://tenant.eu.auth0.com/oauth/token"
    assert flows["implicit"]["authorizationUrl"] == "https://tenant.eu.auth0.com/authorize"


def test_each_operation_has_a_handler_and_each_handler_an_operation() -> None:
    assert HANDLERS.keys() == {
        operation["operationId"] for methods in DOCUMENT["paths"].values() for operation in methods.values()
    }


@each_operation
def test_a_handler_accepts_the_parameters_of_its_operation(path: str, method: str, operation: Any) -> None:
    accepted = inspect.signature(HANDLERS[operation["operationId"]]).parameters
    parameters = operation.get("parameters", [])
    given = {Parameter(parameter).argument for parameter in parameters if parameter["in"] in ("path", "query")}
    given |= {"body"} if "requestBody" in operation else set()
    assert given == accepted.keys() - {"user", "headers"}


@each_operation
def test_an_operation_has_a_summary_a_tag_and_the_common_errors(path: str, method: str, operation: Any) -> None:
    assert operation["summary"]
    [tag] = operation["tags"]
    assert tag in {listed["name"] for listed in DOCUMENT["tags"]}
    assert {"400", "429", "500"} <= operation["responses"].keys()


@each_operation
def test_an_operation_documents_its_errors(path: str, method: str, operation: Any) -> None:
    needed = {"408", "413", "415"} if "requestBody" in operation else set()
    scopes = [scope for requirement in operation.get("security", []) for scope in requirement.get("auth0", ())]
    needed |= {"401"} if operation.get("security") else set()
    needed |= {"403"} if scopes else set()
    needed |= {"503", "504"} if operation["operationId"] not in ("log_in", "log_out") else set()
    assert needed <= operation["responses"].keys()
    assert "403" not in operation["responses"] or scopes


@each_operation
def test_a_required_permission_is_a_scope_of_the_security_scheme(path: str, method: str, operation: Any) -> None:
    permissions = set(specification.permissions(DOCUMENT))
    for requirement in operation.get("security", []):
        assert set(requirement.get("auth0", ())) <= permissions


def contents(operation: Any) -> Iterator[tuple[str, Any]]:
    yield from operation.get("requestBody", {}).get("content", {}).items()
    for response in operation["responses"].values():
        yield from response.get("content", {}).items()


@each_operation
def test_every_content_has_an_example_that_matches_its_schema(path: str, method: str, operation: Any) -> None:
    for media_type, content in contents(operation):
        schema = content["schema"]
        examples = [example["value"] for example in content.get("examples", {}).values()]
        examples += [where["example"] for where in (content, schema) if "example" in where]
        assert examples, media_type
        for example in examples:
            Draft4ResponseValidator(schema).validate(example)


@each_operation
def test_schemas_allow_no_unknown_fields(path: str, method: str, operation: Any) -> None:
    for _, content in contents(operation):
        assert content["schema"]["additionalProperties"] is False


@each_operation
def test_a_path_contains_each_of_its_parameters(path: str, method: str, operation: Any) -> None:
    named = {parameter["name"] for parameter in operation.get("parameters", []) if parameter["in"] == "path"}
    assert named == {part[1:-1] for part in path.split("/") if part.startswith("{")}


@each_operation
def test_an_optional_parameter_has_no_example_that_swagger_ui_would_fill_in(
    path: str, method: str, operation: Any
) -> None:
    optional = [parameter for parameter in operation.get("parameters", []) if not parameter.get("required")]
    assert not [parameter["name"] for parameter in optional if "example" in parameter]


def test_pages_of_other_origins_may_use_every_method_and_read_every_header_of_the_document() -> None:
    methods = {method.upper() for methods in DOCUMENT["paths"].values() for method in methods}
    assert set(cors.METHODS) == methods | {"HEAD"}
    operations = [operation for methods in RESOLVED["paths"].values() for operation in methods.values()]
    responses = [response for operation in operations for response in operation["responses"].values()]
    headers = {name for response in responses for name in response.get("headers", {})}
    assert headers - {"Cache-Control"} <= set(cors.RESPONSE_HEADERS)  # browsers always allow Cache-Control


def test_each_kind_of_data_that_is_cached_is_written_by_an_operation() -> None:
    operations = [operation for methods in DOCUMENT["paths"].values() for operation in methods.values()]
    read = {data for operation in operations for data in operation.get("x-cache", {}).get("reads", ())}
    assert read == {data for operation in operations for data in operation.get("x-writes", ())}


def test_an_operation_with_a_token_cannot_be_cached() -> None:
    document = specification.document("https://tenant.eu.auth0.com")
    document["paths"]["/user"]["get"]["x-cache"] = {"reads": ["items"]}
    verifier: Any = None
    with pytest.raises(ValueError, match="/user: only public GET operations"):
        Operations(Specification.load(document), HANDLERS, verifier, max_body_bytes=1)
