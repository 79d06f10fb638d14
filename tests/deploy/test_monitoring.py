"""Prometheus' rules and Grafana's dashboards: well-formed, tested, and explained."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from scripts.local.suite import ROOT
from tests.deploy import dashboards
from tests.deploy.dashboards import Panel
from tests.deploy.prometheus import CLUSTER, COMPOSE, MONITORING, RULES, alerts, metrics_ports, promtool, read

TESTS = sorted((MONITORING / "prometheus" / "tests").glob("*.yaml"))
PROVISIONING = MONITORING / "grafana" / "provisioning"
UNITS = {"none", "reqps", "s", "percentunit", "bytes", "suffix: ×"}


def test_prometheus_accepts_the_configuration_of_compose_and_every_rule() -> None:
    said = promtool("check", "config", "--lint=all", "--lint-fatal", COMPOSE)
    assert f"SUCCESS: {len(RULES)} rule files found" in said


def test_prometheus_accepts_the_configuration_of_the_cluster(tmp_path: Path) -> None:
    config = read(CLUSTER)
    for scraped in config["scrape_configs"]:
        # Debian's Prometheus does without Kubernetes, so how it is searched is all that promtool does not see.
        for search in scraped.pop("kubernetes_sd_configs", ()):
            assert search["role"] in ("pod", "node")
            assert search.get("namespaces", {"names": []}).keys() == {"names"}
            assert search.keys() <= {"role", "namespaces"}
    checked = tmp_path / "cluster.yaml"
    checked.write_text(yaml.safe_dump(config))
    promtool("check", "config", "--syntax-only", checked)  # the certificates that it names are the cluster's


@pytest.mark.parametrize("tests", TESTS, ids=lambda path: path.stem)
def test_rules_say_what_they_should(tests: Path) -> None:
    promtool("test", "rules", tests)


@pytest.mark.parametrize("rules", RULES, ids=lambda path: path.stem)
def test_rules_have_unit_tests(rules: Path) -> None:
    assert read(MONITORING / "prometheus" / "tests" / rules.name)["rule_files"] == [f"../rules/{rules.name}"]


@pytest.mark.parametrize("alert", alerts())
def test_an_alert_is_tested_to_fire_and_not_to(alert: str) -> None:
    outcomes = {
        bool(case.get("exp_alerts"))
        for path in TESTS
        for test in read(path)["tests"]
        for case in test["alert_rule_test"]
        if case["alertname"] == alert
    }
    assert outcomes == {True, False}


@pytest.mark.parametrize("alert", alerts())
def test_the_readme_says_what_to_do_about_an_alert(alert: str) -> None:
    assert f"| `{alert}` |" in (MONITORING / "README.md").read_text()


def test_compose_and_the_cluster_read_the_same_rules_as_often() -> None:
    compose, cluster = read(COMPOSE), read(CLUSTER)
    assert compose["global"] == cluster["global"]
    assert compose["rule_files"] == cluster["rule_files"]


def test_every_service_is_scraped() -> None:
    programs = {path.parent.name.replace("_", "-") for path in (ROOT / "services").glob("*/__main__.py")}
    assert metrics_ports().keys() == programs - {"local-auth0"}  # which is for developers, and has no metrics


def test_dashboards_have_names_of_their_own() -> None:
    uids = [dashboard["uid"] for dashboard in dashboards.all_of_them().values()]
    titles = [dashboard["title"] for dashboard in dashboards.all_of_them().values()]
    assert len(set(uids)) == len(uids)
    assert len(set(titles)) == len(titles)


@pytest.mark.parametrize("dashboard", dashboards.all_of_them().values(), ids=dashboards.all_of_them().keys())
def test_a_dashboard_has_few_panels_side_by_side(dashboard: Any) -> None:
    panels = dashboard["panels"]
    assert len(panels) <= 12
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken = [cell for panel in panels for cell in _cells(**panel["gridPos"])]
    assert len(set(taken)) == len(taken), "two panels overlap"
    assert all(column < 24 for column, _ in taken), "a panel leaves the page"


def _cells(x: int, y: int, w: int, h: int) -> list[tuple[int, int]]:
    return [(column, row) for column in range(x, x + w) for row in range(y, y + h)]


@pytest.mark.parametrize("panel", dashboards.panels(), ids=lambda panel: panel.id)
def test_a_panel_says_what_it_shows_in_which_unit(panel: Panel) -> None:
    assert re.fullmatch(r"\w.{20,200}\.", panel.json["description"])
    assert panel.json["fieldConfig"]["defaults"]["unit"] in UNITS


@pytest.mark.parametrize("panel", dashboards.panels(), ids=lambda panel: panel.id)
def test_a_panel_asks_the_data_source_that_is_provisioned(panel: Panel) -> None:
    (source,) = read(PROVISIONING / "datasources" / "prometheus.yaml")["datasources"]
    assert panel.json["datasource"] == {"type": source["type"], "uid": source["uid"]}
