"""What the mesh's objects do: a real Envoy, configured from them, in front of a running suite."""

import json
import os
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
from tests.deploy.envoy import running
from tests.deploy.envoy.certificates import Authority
from tests.deploy.envoy.mesh import Mesh
from tests.deploy.envoy.running import RunningMesh
from tests.deploy.envoy.tokens import token
from tests.end_to_end.suites import LocalSuite, wait_for

Object = dict[str, Any]

SERVICES = {"library": "Library", "account": "Account", "spark-connector": "Spark"} | dict.fromkeys(
    grpc_calls.DATASETS, "Catalog"
)
PROGRAMS = ("gateway", *SERVICES)
ADMIN_ONLY = {"write:item", "delete:item"}
NOBODYS_ID = "0" * 24
REACHED = "x-envoy-upstream-service-time"  # the ingress adds it where an answer is not its own


@pytest.fixture(scope="module")
def mesh(suite: LocalSuite, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningMesh]:
    """The overlay gke with a canary of the library, whose pods run the same program here as the stable ones."""
    folder = tmp_path_factory.mktemp("mesh")
    overlay, canary = (os.path.relpath(ROOT / path, folder) for path in ("k8s/overlays/gke", "istio/canary/library"))
    (folder / "kustomization.yaml").write_text(f"resources: [{overlay}]\ncomponents: [{canary}]\n")
    objects = render.folder(folder)
    host = _for_this_suite(objects, suite)
    mesh = RunningMesh(Mesh(objects, folder, suite.offset), suite, host)
    with mesh.running(folder):
        yield mesh


def _for_this_suite(objects: list[Object], suite: LocalSuite) -> str:
    """Puts the suite's identity provider in the operator's place, and its keys, which istiod would fetch."""
    (authentication,) = (one for one in objects if one["kind"] == "RequestAuthentication")
    keys = httpx.get(f"{suite.auth0_url}/.well-known/jwks.json").text
    authentication["spec"]["jwtRules"][0] |= {"issuer": f"{suite.auth0_url}/", "audiences": [AUDIENCE], "jwks": keys}
    (gateway,) = (one for one in objects if one["kind"] == "Gateway")
    return str(gateway["spec"]["servers"][0]["hosts"][0])


def problem(answer: httpx.Response, status: int) -> str:
    """What the ingress itself answers: a problem as the gateway writes it. Returns its detail."""
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), answer.text
    assert REACHED not in answer.headers, "the gateway answered, and not the ingress"
    said = answer.json()
    assert said["status"] == status
    assert said["requestId"]
    return str(said.get("detail"))


def test_envoy_accepts_the_configuration_without_a_warning(mesh: RunningMesh, tmp_path: Path) -> None:
    config = tmp_path / "envoy.json"
    config.write_text(json.dumps(mesh.mesh.config()))
    assert running.validate(config) == ""


# From outside


def test_reading_needs_no_token(mesh: RunningMesh) -> None:
    with mesh.outside() as client:
        assert client.get("/lib/1").json()["items"]


def test_a_token_is_asked_for_where_somebody_marks_something(mesh: RunningMesh) -> None:
    with mesh.outside() as client:
        answer = client.put(f"/item/BOOK/{NOBODYS_ID}/seen")
    assert problem(answer, 401) == "this needs an access token"
    assert answer.headers["www-authenticate"] == 'Bearer realm="seen"'


def test_a_user_marks_an_item_with_their_token(mesh: RunningMesh) -> None:
    with mesh.outside(mesh.suite.token("ana")) as client:
        item = client.get("/lib/1", params={"type": "BOOK"}).json()["items"][0]
        assert client.put(f"/item/BOOK/{item['id']}/seen").status_code == 204
        assert client.get("/user/seen").json()["items"][0]["item"]["id"] == item["id"]


def test_a_user_is_refused_what_administrators_do(mesh: RunningMesh) -> None:
    with mesh.outside(mesh.suite.token("ana")) as client:
        for answer in (client.post("/item", json={}), client.delete(f"/item/BOOK/{NOBODYS_ID}")):
            assert problem(answer, 403) == "the token does not allow this"


def test_an_administrator_adds_an_item_and_removes_it(mesh: RunningMesh) -> None:
    with mesh.outside(mesh.suite.token("admin")) as client:
        created = client.post("/item", json={"type": "BOOK", "name": "A Book of the Mesh"})
        assert created.status_code == 201, created.text
        assert client.delete(created.headers["location"]).status_code == 204


def test_a_token_that_cannot_be_accepted_is_401_even_where_none_is_needed(mesh: RunningMesh) -> None:
    suite = mesh.suite
    refused = {
        "malformed": "not-a-token",
        "expired": token(suite, exp=int(time.time()) - 600),
        "another issuer's": token(suite, iss="https://elsewhere.example.com/"),
        "signed with another key": token(suite, key=RSAKey.generate_key(2048)),
    }
    for what, text in refused.items():
        with mesh.outside(text) as client:
            answer = client.get("/lib/1")
            assert problem(answer, 401), what
            assert "invalid_token" in answer.headers["www-authenticate"], what


def test_a_token_for_another_api_is_refused(mesh: RunningMesh) -> None:
    with mesh.outside(token(mesh.suite, aud="https://elsewhere.example.com/api")) as client:
        problem(client.get("/user"), 403)  # Envoy's answer to this; the gateway alone would say 401


def test_the_gateway_gets_the_token_that_the_ingress_verified(mesh: RunningMesh) -> None:
    with mesh.outside(token(mesh.suite, permissions=[])) as client:
        answer = client.put(f"/item/BOOK/{NOBODYS_ID}/seen")
    assert REACHED in answer.headers
    assert answer.status_code == 403
    assert "write:seen" in answer.json()["detail"]


def test_the_ingress_asks_of_each_operation_what_the_document_does(mesh: RunningMesh) -> None:
    people = {"nobody": None, "a user": mesh.suite.token("ana"), "an administrator": mesh.suite.token("admin")}
    document = specification.document(mesh.suite.auth0_url)
    wrong = []
    for person, text in people.items():
        with mesh.outside(text) as client:
            for path, operations in document["paths"].items():
                for method, operation in operations.items():
                    answer = client.request(method.upper(), _example(path))
                    does = None if REACHED in answer.headers else answer.status_code
                    should = _refusal(operation.get("security", [{}]), person)
                    if does != should:
                        wrong.append(f"{method.upper()} {path} by {person}: {does or 'let through'}, not {should}")
    assert not wrong, "\n".join(wrong)


def _example(path: str) -> str:
    examples = {"type": "BOOK", "id": NOBODYS_ID, "page": "1", "username": "a"}
    return path.format(**examples)


def _refusal(security: list[Object], person: str) -> int | None:
    """What the ingress should answer by itself; None where it lets the request through."""
    if {} in security:
        return None
    if person == "nobody":
        return 401
    needed = {permission for requirement in security for scopes in requirement.values() for permission in scopes}
    return 403 if needed & ADMIN_ONLY and person != "an administrator" else None


def test_an_unknown_address_is_the_gateways_404_to_who_reads_and_closed_to_who_writes(mesh: RunningMesh) -> None:
    with mesh.outside() as client:
        answer = client.get("/nothing/here")
        assert (answer.status_code, REACHED in answer.headers) == (404, True)
        problem(client.post("/nothing/here"), 401)


def test_no_spelling_of_a_path_passes_by_the_policy(mesh: RunningMesh) -> None:
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
            assert REACHED not in answer.headers or answer.status_code == 404, f"{path!r}: {answer.text}"


def test_a_browser_may_ask_before_it_sends_a_token_to_another_origin(mesh: RunningMesh) -> None:
    headers = {"Origin": "https://elsewhere.example.com", "Access-Control-Request-Method": "PUT"}
    with mesh.outside() as client:
        assert client.options(f"/item/BOOK/{NOBODYS_ID}/seen", headers=headers).status_code == 200


def test_another_host_is_not_answered(mesh: RunningMesh) -> None:
    with mesh.outside() as client:
        problem(client.get("/lib/1", headers={"Host": "elsewhere.example.com"}), 404)


def test_plain_http_is_sent_to_https(mesh: RunningMesh) -> None:
    with mesh.outside(port=80) as client:
        answer = client.get("/lib/1?type=BOOK")
    assert answer.status_code == 301
    assert answer.headers["location"] == f"https://{mesh.host}/lib/1?type=BOOK"


def test_who_asks_too_often_is_told_so_and_others_are_not(mesh: RunningMesh) -> None:
    # The ingress refuses PATCH by itself, so that this is faster than any program could answer.
    refused = [head for head in mesh.hurry("PATCH", 3000) if head.startswith("http/1.1 429")]
    assert len(refused) > 100
    assert "retry-after: 1\r\n" in refused[0]
    assert "content-type: application/problem+json" in refused[0]
    with mesh.outside() as other:
        assert other.get("/lib/1").status_code == 200


# Between the services


@pytest.mark.parametrize("callee", SERVICES)
def test_a_service_answers_to_each_caller_only_what_its_code_calls(mesh: RunningMesh, callee: str) -> None:
    health = grpc_calls.path("Health", "Check")
    served = {grpc_calls.path(SERVICES[callee], name) for name in grpc_calls.SERVICES[SERVICES[callee]].methods_by_name}
    wrong = []
    for caller in PROGRAMS:
        called = grpc_calls.edges(caller).get(callee, set())
        with mesh.calling(caller, callee) as call:
            for path in sorted(served | {health}):
                code = call(path)
                if (code is grpc.StatusCode.PERMISSION_DENIED) == (path in called):
                    wrong.append(f"{caller} calls {path} of {callee}: {code.name}")
    assert not wrong, "\n".join(wrong)


def test_an_allowed_call_is_answered_by_the_service_itself(mesh: RunningMesh) -> None:
    with mesh.calling("gateway", "library") as call:
        assert call(grpc_calls.path("Health", "Check")) is grpc.StatusCode.OK
        assert call(grpc_calls.path("Library", "GetItem")) is grpc.StatusCode.INVALID_ARGUMENT


def test_the_gateway_is_closed_to_everybody_in_the_mesh(mesh: RunningMesh) -> None:
    with mesh.inside("gateway", "http", mesh.mesh.certificate(mesh.mesh.pod("library"))) as client:
        assert client.get("/healthz").status_code == 403


def test_prometheus_reads_the_metrics_of_every_program_and_nothing_else(mesh: RunningMesh) -> None:
    prometheus = mesh.mesh.mesh_certificates.for_account("monitoring", "prometheus")
    for program in PROGRAMS:
        with mesh.inside(program, "http-metrics", prometheus) as client:
            assert "python_info" in client.get("/metrics").text, program
            assert client.get("/").status_code == 403, program
    with mesh.inside("gateway", "http", prometheus) as client:
        assert client.get("/lib/1").status_code == 403


def test_nobody_else_reads_metrics(mesh: RunningMesh) -> None:
    authority = mesh.mesh.mesh_certificates
    for namespace, account in (
        ("seen", "gateway"),
        ("default", "prometheus"),
        ("istio-ingress", "istio-ingressgateway"),
    ):
        with mesh.inside("library", "http-metrics", authority.for_account(namespace, account)) as client:
            assert client.get("/metrics").status_code == 403, account


def test_a_caller_with_no_certificate_or_a_foreign_one_gets_no_connection(mesh: RunningMesh, tmp_path: Path) -> None:
    foreign = Authority(tmp_path / "foreign", "foreign").for_account("monitoring", "prometheus")
    for certificate in (None, foreign):
        with mesh.inside("library", "http-metrics", certificate) as client, pytest.raises(httpx.TransportError):
            client.get("/metrics")


def test_a_plain_connection_is_refused(mesh: RunningMesh) -> None:
    pod = mesh.mesh.pod("library")
    with pytest.raises(httpx.TransportError):
        httpx.get(f"http://{mesh.mesh.inbound(pod)}:{pod.ports['http-metrics']}/metrics")


# Routes and telemetry


def test_a_canary_gets_its_weight_of_the_calls(mesh: RunningMesh) -> None:
    def calls(subset: str) -> int:
        return mesh.counted(rf"^cluster\.gateway-to-library\..*-{subset}\.upstream_rq_total$")

    before = calls("stable"), calls("canary")
    with mesh.calling("gateway", "library") as call:
        for _ in range(400):
            assert call(grpc_calls.path("Health", "Check")) is grpc.StatusCode.OK
    stable, canary = calls("stable") - before[0], calls("canary") - before[1]
    assert stable + canary == 400
    assert 10 < canary < 80  # a tenth; the odds against this range are a million to one


def test_a_refused_call_is_written_down_and_a_good_one_is_not(mesh: RunningMesh) -> None:
    with mesh.calling("account", "library") as call:
        call("/seen.v1.Library/WrittenDown")
    with mesh.outside() as client:
        client.get("/healthz?written-down")
    wait_for(lambda: "/seen.v1.Library/WrittenDown 200 rbac_access_denied" in mesh.mesh.log.read_text())
    assert "written-down" not in mesh.mesh.log.read_text()
