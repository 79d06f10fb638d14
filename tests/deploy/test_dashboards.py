"""A real Prometheus scrapes a running suite: all services are up, no alert fires, and every panel has data."""

import math
import time
from collections.abc import Iterator

import pytest

from tests.deploy import dashboards, prometheus
from tests.deploy.dashboards import Panel
from tests.deploy.declared_services import scraped_ports
from tests.deploy.prometheus import Prometheus
from tests.end_to_end.api import items, mark, path
from tests.end_to_end.suites import LocalSuite, wait_for
from tests.ports import free_port

# Metrics that a local suite does not have, with their source.
NOT_LOCAL = {
    "ALERTS": "Prometheus, while an alert is pending or fires",
    "container_memory_working_set_bytes": "kubelet",
    "container_spec_memory_limit_bytes": "kubelet",
    "istio_agent_cert_expiry_seconds": "Istio's proxies",
    "istio_requests_total": "Istio's proxies",
    "seen_certificate_expiry_timestamp_seconds": "account if its database uses TLS, and Istio",
}
# Panels without data for the same reason.
EMPTY = {"overview: Responses of the ingress", "overview: Certificates expire in"}


@pytest.fixture(scope="module")
def running(suite: LocalSuite, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    folder, port = tmp_path_factory.mktemp("prometheus"), free_port()
    with prometheus.running(folder, port, prometheus.config_for(suite.offset, port)) as started:
        started.wait_until_scraped()
        yield started


@pytest.fixture(scope="module")
def after_traffic(suite: LocalSuite, running: Prometheus) -> float:
    """The time at which Prometheus had scraped the results of requests to every endpoint."""
    for _ in range(2):  # a counter's first sample is not an increase
        _use_everything(suite)
        running.wait_until_evaluated()
    return time.time()


def _use_everything(suite: LocalSuite) -> None:
    with suite.client() as anyone, suite.client("rui") as rui, suite.client("admin") as admin:
        for item_type in ("BOOK", "SHOW", "ANIME"):
            item = items(anyone, type=item_type, size=1)[0]
            anyone.get(path(item))
            mark(rui, item, "seen", "like")
            anyone.get(f"/getTopTen/{item_type}")
            rui.delete(f"{path(item)}/seen")
        anyone.get("/lib/1", params={"search": "the"})
        rui.post("/suggest", json={"amount": 2})
        anyone.post("/suggest", json={"amount": 2})
        rui.get("/user/liked")
        anyone.get("/user/search/rui")
        added = admin.post("/item", json={"type": "BOOK", "name": "A book for a moment", "category": ["Fantasy"]})
        admin.delete(added.headers["Location"])
        for question in ("/bestDirector", "/moreConnected"):
            wait_for(lambda question=question: anyone.get(question).status_code == 200, timeout_s=60)
        statuses = [
            anyone.get("/item/BOOK/0").status_code,
            anyone.get("/item/BOOK/000000000000000000000000").status_code,
            anyone.put("/item/BOOK/000000000000000000000000/seen").status_code,
            rui.post("/item", json={"type": "BOOK", "name": "Not allowed", "category": ["Fantasy"]}).status_code,
        ]
        assert statuses == [400, 404, 401, 403]
        rui.delete("/user")


@pytest.mark.parametrize("job", scraped_ports())
def test_a_service_is_up_at_the_port_of_compose(job: str, running: Prometheus) -> None:
    assert [value for _, value in running.query(f'up{{job="{job}"}}')] == [1]


@pytest.mark.parametrize("panel", dashboards.panels(), ids=lambda panel: panel.id)
def test_a_panel_has_data(panel: Panel, running: Prometheus, after_traffic: float) -> None:
    shown = {
        (service, query): _values(running, query, service, after_traffic)
        for query in panel.queries
        for service in (_services(running) if "$service" in query else [""])
    }
    services = {service for service, _ in shown}
    if panel.id in EMPTY:
        assert not any(shown.values())
        return
    # A panel may have a query for gRPC and one for HTTP. Every service has data for one, every query for some service.
    assert {service for (service, _), values in shown.items() if values} == services
    assert {query for (_, query), values in shown.items() if values} == set(panel.queries)


def _services(running: Prometheus) -> list[str]:
    """The values of the variable $service, from the query of its dashboard."""
    (variable,) = dashboards.all_dashboards()["service"]["templating"]["list"]
    metric, label = variable["query"]["query"].removeprefix("label_values(").removesuffix(")").split(", ")
    services: list[str] = running.get(f"label/{label}/values", **{"match[]": metric})
    assert services == sorted(scraped_ports())
    return services


def _values(running: Prometheus, query: str, service: str, at: float) -> list[float]:
    expanded = query.replace("$__rate_interval", "1m").replace("$service", service)
    return [value for _, value in running.query(expanded, at) if not math.isnan(value)]


def _queried_metrics() -> dict[str, set[str]]:
    """The metrics of every rule and panel, by its name."""
    queries = {str(rule.get("alert") or rule["record"]): str(rule["expr"]) for rule in prometheus.rules()}
    queries |= {panel.id: " or ".join(panel.queries) for panel in dashboards.panels()}
    return {name: dashboards.metrics(query) for name, query in queries.items()}


@pytest.mark.parametrize(("name", "metrics"), _queried_metrics().items(), ids=_queried_metrics().keys())
def test_every_queried_metric_exists(name: str, metrics: set[str], running: Prometheus, after_traffic: float) -> None:
    existing = set(running.get("label/__name__/values"))
    assert metrics - existing - NOT_LOCAL.keys() == set()


def test_every_rule_is_evaluated(running: Prometheus, after_traffic: float) -> None:
    faults = {
        rule["name"]: rule.get("lastError")
        for group in running.get("rules")["groups"]
        for rule in group["rules"]
        if rule["health"] != "ok"
    }
    assert faults == {}


def test_no_alert_is_pending_in_a_healthy_suite(running: Prometheus, after_traffic: float) -> None:
    unexpected = {
        alert["labels"]["alertname"]
        for alert in running.get("alerts")["alerts"]
        # Latency alerts may be pending, because the machine runs other tests at the same time.
        if alert["state"] == "firing" or alert["labels"].get("slo") != "latency"
    }
    assert unexpected == set()
