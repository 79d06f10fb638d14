"""Prometheus rules and Grafana dashboards: valid, tested and documented."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy import dashboards
from tests.deploy.dashboards import Panel
from tests.deploy.prometheus import CLUSTER, COMPOSE, MONITORING, RULES, alerts, promtool, read

TESTS = sorted((MONITORING / "prometheus" / "tests").glob("*.yaml"))
PROVISIONING = MONITORING / "grafana" / "provisioning"
UNITS = {"none", "reqps", "s", "percentunit", "bytes", "suffix: ×"}


def test_prometheus_accepts_the_configuration_of_compose_and_every_rule() -> None:
    output = promtool("check", "config", "--lint=all", "--lint-fatal", COMPOSE)
    assert f"SUCCESS: {len(RULES)} rule files found" in output


def test_prometheus_accepts_the_configuration_of_the_cluster(tmp_path: Path) -> None:
    config = read(CLUSTER)
    for scrape_config in config["scrape_configs"]:
        # Debian's Prometheus is built without Kubernetes, so check service discovery here.
        for discovery in scrape_config.pop("kubernetes_sd_configs", ()):
            assert discovery["role"] in ("pod", "node")
            assert discovery.get("namespaces", {"names": []}).keys() == {"names"}
            assert discovery.keys() <= {"role", "namespaces"}
    without_discovery = tmp_path / "cluster.yaml"
    without_discovery.write_text(yaml.safe_dump(config))
    # --syntax-only, because the certificate files exist only in the cluster.
    promtool("check", "config", "--syntax-only", without_discovery)


@pytest.mark.parametrize("tests", TESTS, ids=lambda path: path.stem)
def test_rules_pass_their_unit_tests(tests: Path) -> None:
    promtool("test", "rules", tests)


@pytest.mark.parametrize("rules", RULES, ids=lambda path: path.stem)
def test_rules_have_unit_tests(rules: Path) -> None:
    assert read(MONITORING / "prometheus" / "tests" / rules.name)["rule_files"] == [f"../rules/{rules.name}"]


@pytest.mark.parametrize("alert", alerts())
def test_unit_tests_cover_an_alert_firing_and_not_firing(alert: str) -> None:
    outcomes = {
        bool(case.get("exp_alerts"))
        for path in TESTS
        for test in read(path)["tests"]
        for case in test["alert_rule_test"]
        if case["alertname"] == alert
    }
    assert outcomes == {True, False}


@pytest.mark.parametrize("alert", alerts())
def test_the_readme_documents_every_alert(alert: str) -> None:
    assert f"| `{alert}` |" in (MONITORING / "README.md").read_text()


def test_compose_and_the_cluster_have_the_same_rules_and_intervals() -> None:
    compose, cluster = read(COMPOSE), read(CLUSTER)
    assert compose["global"] == cluster["global"]
    assert compose["rule_files"] == cluster["rule_files"]


def test_dashboards_have_unique_ids_and_titles() -> None:
    uids = [dashboard["uid"] for dashboard in dashboards.all_dashboards().values()]
    titles = [dashboard["title"] for dashboard in dashboards.all_dashboards().values()]
    assert len(set(uids)) == len(uids)
    assert len(set(titles)) == len(titles)


@pytest.mark.parametrize("dashboard", dashboards.all_dashboards().values(), ids=dashboards.all_dashboards().keys())
def test_a_dashboard_has_few_panels_that_do_not_overlap(dashboard: Any) -> None:
    panels = dashboard["panels"]
    assert len(panels) <= 12
    assert len({panel["id"] for panel in panels}) == len(panels)
    cells = [cell for panel in panels for cell in _cells(**panel["gridPos"])]
    assert len(set(cells)) == len(cells), "two panels overlap"
    assert all(column < 24 for column, _ in cells), "a panel exceeds the page width"


def _cells(x: int, y: int, w: int, h: int) -> list[tuple[int, int]]:
    return [(column, row) for column in range(x, x + w) for row in range(y, y + h)]


@pytest.mark.parametrize("panel", dashboards.panels(), ids=lambda panel: panel.id)
def test_a_panel_has_a_description_and_a_unit(panel: Panel) -> None:
    assert re.fullmatch(r"\w.{20,200}\.", panel.json["description"])
    assert panel.json["fieldConfig"]["defaults"]["unit"] in UNITS


@pytest.mark.parametrize("panel", dashboards.panels(), ids=lambda panel: panel.id)
def test_a_panel_uses_the_provisioned_data_source(panel: Panel) -> None:
    (source,) = read(PROVISIONING / "datasources" / "prometheus.yaml")["datasources"]
    assert panel.json["datasource"] == {"type": source["type"], "uid": source["uid"]}
