"""The Istio objects, translated for a real Envoy in front of a running suite, admit and reject the right requests."""

import json
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
from joserfc.jwk import RSAKey

from scripts.local.suite import AUDIENCE
from services.gateway import specification
from tests.conftest import ROOT
from tests.deploy import grpc_calls, render
from tests.deploy.declared_services import DATASETS
from tests.deploy.envoy import running
from tests.deploy.envoy.certificates import Authority
from tests.deploy.envoy.mesh import Mesh
from tests.deploy.envoy.running import RunningMesh
from tests.deploy.envoy.tokens import token
from tests.end_to_end.suites import LocalSuite, wait_for

Object = dict[str, Any]

# By service: its protocol.
PROTOCOLS = {"library": "Library", "account": "Account", "spark-connector": "Spark"} | dict.fromkeys(
    DATASETS, "Catalog"
)
SERVICES = ("gateway", *PROTOCOLS)
ADMIN_ONLY = {"write:item", "delete:item"}
UNKNOWN_ID = "0" * 24
# The ingress adds this header to responses of the gateway, but not to its own.
FROM_GATEWAY = "x-envoy-upstream-service-time"


@pytest.fixture(scope="module")
def mesh(suite: LocalSuite, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningMesh]:
    """The overlay gke with a canary of the library, which is the same process as the stable version here."""
    folder = tmp_path_factory.mktemp("mesh")
    overlay, canary = (os.path.relpath(ROOT / path, folder) for path in ("k8s/overlays/gke", "istio/canary/library"))
    (folder / "kustomization.yaml").write_text(f"resources: [{overlay}]\ncomponents: [{canary}]\n")
    objects = render.folder(folder)
    host = _use_identity_provider(objects, suite)
    mesh = RunningMesh(Mesh(objects, folder, suite.offset), suite, host)
    with mesh.running(folder):
        yield mesh


def _use_identity_provider(objects: list[Object], suite: LocalSuite) -> str:
    """Replaces the operator's Auth0 tenant by the suite's, with its keys, and returns the host name of the API."""
    (authentication,) = (manifest for manifest in objects if manifest["kind"] == "RequestAuthentication")
    keys = httpx.get(f"{suite.auth0_url}/.well-known/jwks.json").text
    authentication["spec"]["jwtRules"][0] |= {"issuer": f"{suite.auth0_url}/", "audiences": [AUDIENCE], "jwks": keys}
    (gateway,) = (manifest for manifest in objects if manifest["kind"] == "Gateway")
    return str(gateway["spec"]["servers"][0]["hosts"][0])


def problem(answer: httpx.Response, status: int) -> str:
    """Checks that the ingress itself responded with a problem in the gateway's format. Returns its detail."""
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), answer.text
    assert FROM_GATEWAY not in answer.headers, "the gateway responded instead of the ingress"
    body = answer.json()
    assert body["status"] == status
    assert body["requestId"]
    return str(body.get("detail"))


def test_the_configuration_is_valid_without_warnings(mesh: RunningMesh, tmp_path: Path) -> None:
    config = tmp_path / "envoy.json"
    config.write_text(json.dumps(mesh.mesh.config()))
    assert running.validate(config) == ""


# From outside


def test_reading_needs_no_token(mesh: RunningMesh) -> None:
    with mesh.outside() as client:
        assert client.get("/lib/1").json()["items"]


def test_marking_an_item_needs_a_token(mesh: RunningMesh) -> None:
    with mesh.outside() as client:
        answer = client.put(f"/item/BOOK/{UNKNOWN_ID}/seen")
    with mesh.suite.client() as gateway:
        expected = gateway.put(f"/item/BOOK/{UNKNOWN_ID}/seen").json()["detail"]
    assert problem(answer, 401) == expected, "istio/gateway/problems.yaml and the gateway differ"
    assert answer.headers["www-authenticate"] == 'Bearer realm="seen"'


def test_a_user_marks_an_item_with_their_token(mesh: RunningMesh) -> None:
    with mesh.outside(mesh.suite.token("ana")) as client:
        item = client.get("/lib/1", params={"type": "BOOK"}).json()["items"][0]
        assert client.put(f"/item/BOOK/{item['id']}/seen").status_code == 204
        assert client.get("/user/seen").json()["items"][0]["item"]["id"] == item["id"]


def test_a_user_cannot_change_the_library(mesh: RunningMesh) -> None:
    with mesh.outside(mesh.suite.token("ana")) as client:
        for answer in (client.post("/item", json={}), client.delete(f"/item/BOOK/{UNKNOWN_ID}")):
            assert problem(answer, 403) == "the token lacks the permission for this operation"


def test_an_administrator_adds_an_item_and_removes_it(mesh: RunningMesh) -> None:
    with mesh.outside(mesh.suite.token("admin")) as client:
        created = client.post("/item", json={"type": "BOOK", "name": "A Book of the Mesh"})
        assert created.status_code == 201, created.text
        assert client.delete(created.headers["location"]).status_code == 204


def test_an_invalid_token_is_401_even_for_public_endpoints(mesh: RunningMesh) -> None:
    suite = mesh.suite
    tokens = {
        "malformed": "not-a-token",
        "expired": token(suite, exp=int(time.time()) - 600),
        "another issuer's": token(suite, iss="https://elsewhere.example.com/"),
        "signed with another key": token(suite, key=RSAKey.generate_key(2048)),
    }
    for name, text in tokens.items():
        with mesh.outside(text) as client:
            answer = client.get("/lib/1")
            assert problem(answer, 401), name
            assert "invalid_token" in answer.headers["www-authenticate"], name


def test_a_token_for_another_api_is_rejected(mesh: RunningMesh) -> None:
    with mesh.outside(token(mesh.suite, aud="https://elsewhere.example.com/api")) as client:
        problem(client.get("/user"), 403)  # Envoy responds with 403; the gateway would respond with 401


def test_the_ingress_forwards_the_token_to_the_gateway(mesh: RunningMesh) -> None:
    with mesh.outside(token(mesh.suite, permissions=[])) as client:
        answer = client.put(f"/item/BOOK/{UNKNOWN_ID}/seen")
    assert FROM_GATEWAY in answer.headers
    assert answer.status_code == 403
    assert "write:seen" in answer.json()["detail"]


def test_the_ingress_enforces_the_security_of_every_operation(mesh: RunningMesh) -> None:
    callers = {"anonymous": None, "user": mesh.suite.token("ana"), "administrator": mesh.suite.token("admin")}
    document = specification.document(mesh.suite.auth0_url)
    wrong = []
    for caller, text in callers.items():
        with mesh.outside(text) as client:
            for path, operations in document["paths"].items():
                for method, operation in operations.items():
                    answer = client.request(method.upper(), _example(path))
                    status = None if FROM_GATEWAY in answer.headers else answer.status_code
                    expected = _rejection(operation.get("security", [{}]), caller)
                    if status != expected:
                        wrong.append(f"{method.upper()} {path}, {caller}: {status or 'admitted'}, not {expected}")
    assert not wrong, "\n".join(wrong)


def _example(path: str) -> str:
    examples = {"type": "BOOK", "id": UNKNOWN_ID, "page": "1", "username": "a"}
    return path.format(**examples)


def _rejection(security: list[Object], caller: str) -> int | None:
    """The status with which the ingress should reject the request; None if it should admit it."""
    if {} in security:
        return None
    if caller == "anonymous":
        return 401
    needed = {permission for requirement in security for scopes in requirement.values() for permission in scopes}
    return 403 if needed & ADMIN_ONLY and caller != "administrator" else None


def test_an_unknown_path_is_404_for_reads_and_rejected_for_writes(mesh: RunningMesh) -> None:
    with mesh.outside() as client:
        answer = client.get("/nothing/here")
        assert (answer.status_code, FROM_GATEWAY in answer.headers) == (404, True)
        problem(client.post("/nothing/here"), 401)


def test_an_encoded_path_does_not_bypass_the_policy(mesh: RunningMesh) -> None:
    with mesh.outside() as client:
        for path in (
            b"/user%2Fseen",
            b"/user%5Cseen",
            b"/%75ser",
            b"//user",
            b"/lib/../user",
            b"/lib/%2e%2E/user/./seen",
        ):
            answer = client.get("/", extensions={"target": path})
            assert FROM_GATEWAY not in answer.headers or answer.status_code == 404, f"{path!r}: {answer.text}"


def test_a_cors_preflight_needs_no_token(mesh: RunningMesh) -> None:
    headers = {"Origin": "https://elsewhere.example.com", "Access-Control-Request-Method": "PUT"}
    with mesh.outside() as client:
        assert client.options(f"/item/BOOK/{UNKNOWN_ID}/seen", headers=headers).status_code == 200


def test_another_host_is_404(mesh: RunningMesh) -> None:
    with mesh.outside() as client:
        problem(client.get("/lib/1", headers={"Host": "elsewhere.example.com"}), 404)


def test_plain_http_is_redirected_to_https(mesh: RunningMesh) -> None:
    with mesh.outside(port=80) as client:
        answer = client.get("/lib/1?type=BOOK")
    assert answer.status_code == 301
    assert answer.headers["location"] == f"https://{mesh.host}/lib/1?type=BOOK"


def test_the_rate_limit_applies_to_each_client_address(mesh: RunningMesh) -> None:
    # The ingress rejects PATCH itself, so that these requests are fast enough to exceed the limit.
    limited = [head for head in mesh.flood("PATCH", 3000) if head.startswith("http/1.1 429")]
    assert len(limited) > 100
    assert "retry-after: 1\r\n" in limited[0]
    assert "content-type: application/problem+json" in limited[0]
    with mesh.outside() as other:
        assert other.get("/lib/1").status_code == 200


def test_the_website_and_its_headers_pass_unchanged(mesh: RunningMesh) -> None:
    with mesh.outside() as outside, mesh.suite.client() as gateway:
        page = gateway.get("/")
        for path in ("/", "/site.json", *re.findall(r'(?:href|src)="(/app/[^"]+)"', page.text)):
            through, direct = outside.get(path), gateway.get(path)
            assert (through.status_code, through.content) == (200, direct.content), path
            for name in ("content-security-policy", "cache-control", "etag", "content-type", "referrer-policy"):
                assert through.headers.get(name) == direct.headers.get(name), f"{path}: {name}"


def test_a_file_that_a_pod_does_not_have_is_looked_for_at_others(mesh: RunningMesh) -> None:
    def retries() -> int:
        return mesh.counter(r"^cluster\.ingress-to-gateway\..*\.upstream_rq_retry$")

    with mesh.outside() as client:
        before = retries()
        assert client.get(f"/item/BOOK/{UNKNOWN_ID}").status_code == 404
        assert retries() == before
        missing = client.get("/app/0123456789abcdef/main.js")
        assert (missing.status_code, FROM_GATEWAY in missing.headers) == (404, True)
        assert retries() > before


# Between the services


@pytest.mark.parametrize("callee", PROTOCOLS)
def test_a_service_accepts_exactly_the_calls_that_each_callers_code_makes(mesh: RunningMesh, callee: str) -> None:
    health = grpc_calls.path("Health", "Check")
    protocol = PROTOCOLS[callee]
    served = {grpc_calls.path(protocol, name) for name in grpc_calls.SERVICES[protocol].methods_by_name}
    wrong = []
    for caller in SERVICES:
        called = grpc_calls.calls(caller, DATASETS).get(callee, set())
        with mesh.calling(caller, callee) as call:
            for path in sorted(served | {health}):
                code = call(path)
                if (code is grpc.StatusCode.PERMISSION_DENIED) == (path in called):
                    wrong.append(f"{caller} calls {path} of {callee}: {code.name}")
    assert not wrong, "\n".join(wrong)


def test_an_allowed_call_reaches_the_service(mesh: RunningMesh) -> None:
    with mesh.calling("gateway", "library") as call:
        assert call(grpc_calls.path("Health", "Check")) is grpc.StatusCode.OK
        assert call(grpc_calls.path("Library", "GetItem")) is grpc.StatusCode.INVALID_ARGUMENT


def test_services_cannot_call_the_gateway(mesh: RunningMesh) -> None:
    with mesh.inside("gateway", "http", mesh.mesh.certificate(mesh.mesh.pod("library"))) as client:
        assert client.get("/healthz").status_code == 403


def test_prometheus_reads_the_metrics_of_every_service_and_nothing_else(mesh: RunningMesh) -> None:
    prometheus = mesh.mesh.mesh_certificates.for_account("monitoring", "prometheus")
    for service in SERVICES:
        with mesh.inside(service, "http-metrics", prometheus) as client:
            assert "python_info" in client.get("/metrics").text, service
            assert client.get("/").status_code == 403, service
    with mesh.inside("gateway", "http", prometheus) as client:
        assert client.get("/lib/1").status_code == 403


def test_other_service_accounts_cannot_read_metrics(mesh: RunningMesh) -> None:
    authority = mesh.mesh.mesh_certificates
    for namespace, account in (
        ("seen", "gateway"),
        ("default", "prometheus"),
        ("istio-ingress", "istio-ingressgateway"),
    ):
        with mesh.inside("library", "http-metrics", authority.for_account(namespace, account)) as client:
            assert client.get("/metrics").status_code == 403, account


def test_a_caller_without_a_mesh_certificate_gets_no_connection(mesh: RunningMesh, tmp_path: Path) -> None:
    foreign = Authority(tmp_path / "foreign", "foreign").for_account("monitoring", "prometheus")
    for certificate in (None, foreign):
        with mesh.inside("library", "http-metrics", certificate) as client, pytest.raises(httpx.TransportError):
            client.get("/metrics")


def test_a_plain_text_connection_is_rejected(mesh: RunningMesh) -> None:
    pod = mesh.mesh.pod("library")
    with pytest.raises(httpx.TransportError):
        httpx.get(f"http://{mesh.mesh.inbound(pod)}:{pod.ports['http-metrics']}/metrics")


# Routes and telemetry


def test_a_canary_gets_a_tenth_of_the_calls(mesh: RunningMesh) -> None:
    def calls(subset: str) -> int:
        return mesh.counter(rf"^cluster\.gateway-to-library\..*-{subset}\.upstream_rq_total$")

    before = calls("stable"), calls("canary")
    with mesh.calling("gateway", "library") as call:
        for _ in range(400):
            assert call(grpc_calls.path("Health", "Check")) is grpc.StatusCode.OK
    stable, canary = calls("stable") - before[0], calls("canary") - before[1]
    assert stable + canary == 400
    assert 10 < canary < 80  # about 40; outside this range with a probability of one in a million


def test_rejected_calls_are_logged_and_successful_ones_are_not(mesh: RunningMesh) -> None:
    with mesh.calling("account", "library") as call:
        call("/seen.v1.Library/LoggedCall")
    with mesh.outside() as client:
        client.get("/healthz?logged-call")
    wait_for(lambda: "/seen.v1.Library/LoggedCall 200 rbac_access_denied" in mesh.mesh.log.read_text())
    assert "logged-call" not in mesh.mesh.log.read_text()
