"""The endpoints for programs: password and client credentials grants, discovery, keys, and wrong requests."""

import pytest
import yaml

from services.local_auth0.tenant import ITEM_PERMISSIONS, USER_PERMISSIONS
from tests.integration.local_auth0.stand_in import API, AUDIENCE, HTTP, REPOSITORY, StandIn

ANA = {"grant_type": "password", "client_id": "seen-cli", "username": "ana", "password": "ana"}
USER = " ".join(USER_PERMISSIONS)


def test_the_permissions_are_the_scopes_of_the_openapi_document() -> None:
    document = yaml.safe_load((REPOSITORY / "services/gateway/openapi/api.yaml").read_text())
    flows = document["components"]["securitySchemes"]["auth0"]["flows"]
    assert set(flows["implicit"]["scopes"]) == {*USER_PERMISSIONS, *ITEM_PERMISSIONS}


def test_a_demo_user_gets_a_token_for_their_password(stand_in: StandIn) -> None:
    answer = stand_in.password_token("ana", "openid write:seen write:item")
    assert answer["scope"] == "write:seen"
    claims = stand_in.verified(answer["access_token"])
    assert (claims["sub"], claims["azp"], claims["gty"]) == ("auth0|ana", "seen-cli", "password")
    assert claims["permissions"] == USER.split()


def test_a_request_without_scopes_gets_all_permissions_of_the_user(stand_in: StandIn) -> None:
    assert stand_in.password_token("ana")["scope"] == USER


def test_a_visitor_of_a_load_test_has_the_permissions_of_a_user(stand_in: StandIn) -> None:
    claims = stand_in.verified(stand_in.password_token("visitor-417")["access_token"])
    assert claims["sub"] == "auth0|visitor-417"
    assert claims["permissions"] == USER.split()


@pytest.mark.parametrize(
    ("username", "password"),
    [
        ("ana", "rui"),
        ("eve", "eve"),
        ("", ""),
        ("\u00e3na", "\x00"),
        ("visitor-0", "visitor-0"),
        ("visitor-1", "visitor-2"),
    ],
)
def test_a_wrong_password_is_refused(stand_in: StandIn, username: str, password: str) -> None:
    answer = stand_in.token(grant_type="password", client_id="seen-cli", username=username, password=password)
    assert answer.status_code == 400
    assert answer.json() == {"error": "invalid_grant", "error_description": "Wrong email or password."}


def test_a_machine_gets_a_token_for_its_secret(stand_in: StandIn) -> None:
    answer = stand_in.token(
        grant_type="client_credentials",
        client_id="seen-machine",
        client_secret=stand_in.machine_secret(),
        audience=AUDIENCE,
    )
    assert answer.status_code == 200
    claims = stand_in.verified(answer.json()["access_token"])
    assert claims["sub"] == "seen-machine@clients"
    assert claims["gty"] == "client-credentials"
    assert claims["permissions"] == ["write:item", "delete:item"]
    assert claims["scope"] == "write:item delete:item"


@pytest.mark.parametrize("secret", ["wrong", "", "\u00e9"])
def test_a_wrong_secret_is_refused(stand_in: StandIn, secret: str) -> None:
    answer = stand_in.token(grant_type="client_credentials", client_id="seen-machine", client_secret=secret)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_client")


@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        ({}, 400, "invalid_request"),
        ({"grant_type": "magic"}, 400, "unsupported_grant_type"),
        (ANA | {"client_id": "nobody"}, 400, "invalid_client"),
        ({"grant_type": "password", "client_id": "seen-swagger-ui"}, 400, "unauthorized_client"),
        ({"grant_type": "client_credentials", "client_id": "seen-cli"}, 400, "invalid_client"),
        ({"grant_type": "password", "client_id": "seen-cli", "username": "ana"}, 400, "invalid_request"),
        ({"grant_type": "authorization_code", "client_id": "seen-swagger-ui", "code": "x"}, 400, "invalid_grant"),
        (
            {
                "grant_type": "password",
                "client_id": "seen-cli",
                "username": "ana",
                "password": "ana",
                "audience": "https://other",
            },
            403,
            "access_denied",
        ),
    ],
)
def test_a_wrong_request_gets_the_error_code_of_oauth(
    stand_in: StandIn, body: dict[str, str], status: int, error: str
) -> None:
    answer = stand_in.token(**body)
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b'{"grant_type": "password"}', "application/json", 400),
        (b"grant_type=password", "text/plain", 400),
        (b"grant_type=\xff", "application/x-www-form-urlencoded", 400),
        (b"x" * 100_000, "application/x-www-form-urlencoded", 413),
    ],
)
def test_a_malformed_body_gets_an_error_in_json(stand_in: StandIn, content: bytes, kind: str, status: int) -> None:
    answer = HTTP.post(f"{stand_in.url}/oauth/token", content=content, headers={"Content-Type": kind})
    assert answer.status_code == status
    assert answer.json()["error"] in ("invalid_request", "unsupported_grant_type")


def test_a_password_in_the_query_is_refused(stand_in: StandIn) -> None:
    assert HTTP.post(f"{stand_in.url}/oauth/token", params=ANA).status_code == 400


def test_the_discovery_document_names_every_address(stand_in: StandIn) -> None:
    answer = HTTP.get(f"{stand_in.url}/.well-known/openid-configuration")
    document = answer.json()
    assert document["issuer"] == f"{stand_in.url}/"
    assert document["jwks_uri"] == f"{stand_in.url}/.well-known/jwks.json"
    for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
        assert HTTP.get(document[name]).status_code in (200, 400, 405)
    assert answer.headers["Cache-Control"] == "public, max-age=15"


def test_only_the_public_half_of_a_key_is_published(stand_in: StandIn) -> None:
    [key, *_] = HTTP.get(f"{stand_in.url}/.well-known/jwks.json").json()["keys"]
    assert key.keys() == {"kty", "use", "alg", "kid", "n", "e"}


@pytest.mark.parametrize("origin", [API, API.replace("localhost", "127.0.0.1")])
def test_a_page_of_the_api_can_exchange_its_code(stand_in: StandIn, origin: str) -> None:
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "x-requested-with",
    }
    preflight = HTTP.options(f"{stand_in.url}/oauth/token", headers=headers)
    assert preflight.is_success
    assert preflight.headers["Access-Control-Allow-Origin"] == origin
    assert preflight.headers["Access-Control-Allow-Headers"] == "x-requested-with"
    refusal = HTTP.post(f"{stand_in.url}/oauth/token", headers={"Origin": origin})
    assert refusal.headers["Access-Control-Allow-Origin"] == origin


def test_other_origins_cannot_read_tokens(stand_in: StandIn) -> None:
    answer = HTTP.post(f"{stand_in.url}/oauth/token", headers={"Origin": "https://evil.example"})
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_errors_are_json_for_programs_and_pages_for_browsers(stand_in: StandIn) -> None:
    assert HTTP.get(f"{stand_in.url}/nothing").json()["error_description"] == "Not Found"
    page = HTTP.delete(f"{stand_in.url}/authorize")
    assert page.status_code == 405
    assert "stand-in for Auth0" in page.text


def test_the_error_for_a_wrong_method_lists_the_allowed_ones(stand_in: StandIn) -> None:
    answer = HTTP.get(f"{stand_in.url}/oauth/token")
    assert answer.status_code == 405
    assert "POST" in answer.headers["Allow"]
