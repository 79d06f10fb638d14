"""The endpoints for programs: password and client credentials grants, discovery, userinfo, and wrong requests."""

import httpx
import pytest
import yaml

from services.local_auth0.tenant import ITEM_PERMISSIONS, USER_PERMISSIONS
from tests.integration.local_auth0.stand_in import API, AUDIENCE, HTTP, REPOSITORY, StandIn

USER = "write:seen write:like read:suggest write:username delete:username"


def test_the_permissions_are_the_scopes_of_the_openapi_document() -> None:
    document = yaml.safe_load((REPOSITORY / "services/gateway/openapi/api.yaml").read_text())
    flows = document["components"]["securitySchemes"]["auth0"]["flows"]
    assert set(flows["implicit"]["scopes"]) == {*USER_PERMISSIONS, *ITEM_PERMISSIONS}


def test_a_demo_user_gets_tokens_for_their_password(stand_in: StandIn) -> None:
    tokens = stand_in.password_token("ana", "openid email write:seen write:item")
    assert tokens["scope"] == "openid email write:seen"
    claims = stand_in.verified(tokens["access_token"])
    assert claims["sub"] == "auth0|ana"
    assert claims["azp"] == "seen-cli"
    assert claims["gty"] == "password"
    assert stand_in.verified(tokens["id_token"], audience="seen-cli")["email"] == "ana@seen.example"


def test_a_request_without_api_scopes_gets_all_permissions_of_the_user(stand_in: StandIn) -> None:
    assert stand_in.password_token("ana", "")["scope"] == USER
    assert stand_in.password_token("ana", "openid")["scope"] == f"openid {USER}"


def test_a_token_without_openid_has_the_api_as_its_only_audience(stand_in: StandIn) -> None:
    tokens = stand_in.password_token("ana", "write:seen")
    assert "id_token" not in tokens
    assert stand_in.verified(tokens["access_token"])["aud"] == AUDIENCE


def test_a_visitor_of_a_load_test_has_the_permissions_of_a_user(stand_in: StandIn) -> None:
    tokens = stand_in.password_token("visitor-417", "openid email")
    claims = stand_in.verified(tokens["access_token"])
    assert claims["sub"] == "auth0|visitor-417"
    assert claims["permissions"] == USER.split()
    answer = HTTP.get(f"{stand_in.url}/userinfo", headers={"Authorization": f"Bearer {tokens['access_token']}"})
    assert answer.json()["email"] == "visitor-417@seen.example"


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
    body = {
        "grant_type": "client_credentials",
        "client_id": "seen-machine",
        "client_secret": stand_in.machine_secret(),
        "audience": AUDIENCE,
    }
    answer = HTTP.post(f"{stand_in.url}/oauth/token", json=body)
    assert answer.status_code == 200
    claims = stand_in.verified(answer.json()["access_token"])
    assert claims["sub"] == "seen-machine@clients"
    assert claims["gty"] == "client-credentials"
    assert claims["permissions"] == ["write:item", "delete:item"]
    assert claims["scope"] == "write:item delete:item"
    assert "id_token" not in answer.json()


def test_a_machine_can_authenticate_in_the_header(stand_in: StandIn) -> None:
    answer = HTTP.post(
        f"{stand_in.url}/oauth/token",
        data={"grant_type": "client_credentials", "scope": "write:item openid"},
        auth=("seen-machine", stand_in.machine_secret()),
    )
    assert answer.json()["scope"] == "write:item"


@pytest.mark.parametrize("secret", ["wrong", "", "\u00e9"])
def test_a_wrong_secret_is_refused(stand_in: StandIn, secret: str) -> None:
    answer = stand_in.token(grant_type="client_credentials", client_id="seen-machine", client_secret=secret)
    assert answer.status_code == 401
    assert answer.json()["error"] == "invalid_client"
    assert answer.headers["WWW-Authenticate"].startswith("Basic")


@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        ({}, 400, "invalid_request"),
        ({"grant_type": "magic"}, 400, "unsupported_grant_type"),
        (
            {"grant_type": "password", "client_id": "nobody", "username": "ana", "password": "ana"},
            400,
            "invalid_client",
        ),
        ({"grant_type": "password", "client_id": "seen-swagger-ui"}, 400, "unauthorized_client"),
        ({"grant_type": "client_credentials", "client_id": "seen-cli"}, 401, "invalid_client"),
        ({"grant_type": "password", "client_id": "seen-cli", "username": "ana"}, 400, "invalid_request"),
        ({"grant_type": "authorization_code", "client_id": "seen-swagger-ui", "code": "x"}, 400, "invalid_grant"),
        ({"grant_type": "password", "client_id": "seen-cli", "audience": "https://other"}, 403, "access_denied"),
    ],
)
@pytest.mark.parametrize("form", ["json", "data"])
def test_a_wrong_request_gets_the_error_code_of_oauth(
    stand_in: StandIn, form: str, body: dict[str, str], status: int, error: str
) -> None:
    answer = HTTP.request("POST", f"{stand_in.url}/oauth/token", **{form: body})  # type: ignore[arg-type]
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"{", "application/json", 400),
        (b"\xff\xfe", "application/json", 400),
        (b"[" * 60_000, "application/json", 400),
        (b"[1]", "application/json", 400),
        (b'{"grant_type": 1}', "application/json", 400),
        (b'{"grant_type": "password", "client_id": "\\ud800", "username": "\\ud800"}', "application/json", 400),
        (b'{"grant_type": "client_credentials", "client_id": "seen-machine", "client_secret": "\\ud800"}',
         "application/json", 401),
        (b"grant_type=password&grant_type=password", "application/x-www-form-urlencoded", 400),
        (b"grant_type=password", "text/plain", 400),
        (b"x" * 100_000, "application/x-www-form-urlencoded", 413),
    ],
)  # fmt: skip
def test_a_malformed_body_gets_an_error_in_json(stand_in: StandIn, content: bytes, kind: str, status: int) -> None:
    answer = HTTP.post(f"{stand_in.url}/oauth/token", content=content, headers={"Content-Type": kind})
    assert answer.status_code == status
    assert answer.json()["error"] in ("invalid_request", "invalid_client")


@pytest.mark.parametrize("credentials", [b"/////w==", b"\xc3\xa9", b"="])
def test_an_undecodable_authorization_header_is_refused(stand_in: StandIn, credentials: bytes) -> None:
    headers = {b"Authorization": b"Basic " + credentials}
    answer = HTTP.post(f"{stand_in.url}/oauth/token", data={"grant_type": "client_credentials"}, headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


def test_a_password_in_the_query_is_ignored(stand_in: StandIn) -> None:
    query = {"grant_type": "password", "client_id": "seen-cli", "username": "ana", "password": "ana"}
    assert HTTP.post(f"{stand_in.url}/oauth/token", params=query).status_code == 400


def test_userinfo_returns_the_claims_of_the_scope(stand_in: StandIn) -> None:
    token = stand_in.password_token("ana", "openid email")["access_token"]
    answer = HTTP.get(f"{stand_in.url}/userinfo", headers={"Authorization": f"Bearer {token}"})
    assert answer.json() == {"sub": "auth0|ana", "email": "ana@seen.example", "email_verified": True}


@pytest.mark.parametrize("header", [None, "Bearer", "Bearer x.y.z", "Basic YTpi"])
def test_userinfo_needs_a_token(stand_in: StandIn, header: str | None) -> None:
    answer = HTTP.get(f"{stand_in.url}/userinfo", headers={"Authorization": header} if header else {})
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].lower().startswith("bearer")


def test_userinfo_refuses_a_token_without_openid(stand_in: StandIn) -> None:
    token = stand_in.password_token("ana", "write:seen")["access_token"]
    answer = HTTP.get(f"{stand_in.url}/userinfo", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 401


def test_the_discovery_document_names_every_address(stand_in: StandIn) -> None:
    answer = HTTP.get(f"{stand_in.url}/.well-known/openid-configuration")
    document = answer.json()
    assert document["issuer"] == f"{stand_in.url}/"
    assert document["jwks_uri"] == f"{stand_in.url}/.well-known/jwks.json"
    for name in ("authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri"):
        assert HTTP.get(document[name]).status_code in (200, 400, 401, 405)
    assert answer.headers["Cache-Control"] == "public, max-age=15"


def test_only_the_public_half_of_a_key_is_published(stand_in: StandIn) -> None:
    (key,) = HTTP.get(f"{stand_in.url}/.well-known/jwks.json").json()["keys"]
    assert key.keys() == {"kty", "use", "alg", "kid", "n", "e"}


@pytest.mark.parametrize("origin", [API, API.replace("localhost", "127.0.0.1")])
def test_a_page_of_the_api_can_exchange_its_code(stand_in: StandIn, origin: str) -> None:
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "x-requested-with",
    }
    preflight = httpx.options(f"{stand_in.url}/oauth/token", headers=headers)
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
