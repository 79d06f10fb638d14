"""Runs a real Prometheus with the committed configuration, with host names replaced by ports on this machine."""

import datetime
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import yaml

from tests.conftest import ROOT
from tests.deploy import programs
from tests.deploy.declared_services import scraped_ports
from tests.end_to_end.suites import wait_for

MONITORING = ROOT / "k8s" / "monitoring"
COMPOSE = MONITORING / "prometheus" / "compose.yaml"
CLUSTER = MONITORING / "prometheus" / "cluster.yaml"
RULES = sorted((MONITORING / "prometheus" / "rules").glob("*.yaml"))
HOST = "127.0.0.1"

Yaml = dict[str, Any]


def promtool(*arguments: str | Path) -> str:
    """Runs promtool, which must succeed, and returns its output."""
    programs.need("promtool")
    return programs.check("promtool", *arguments)


def read(path: Path) -> Yaml:
    document: Yaml = yaml.load(path.read_text(), yaml.CSafeLoader)
    return document


def rules() -> list[Yaml]:
    return [rule for path in RULES for group in read(path)["groups"] for rule in group["rules"]]


def alerts() -> list[str]:
    return [rule["alert"] for rule in rules() if "alert" in rule]


def job(config: Yaml, name: str) -> Yaml:
    (scrape_config,) = [job for job in config["scrape_configs"] if job["job_name"] == name]
    return dict(scrape_config)


def config_for(offset: int, own_port: int) -> Yaml:
    """Compose's configuration, which scrapes a local suite with this port offset every second."""
    config = read(COMPOSE)
    config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    config["rule_files"] = [str(COMPOSE.parent / pattern) for pattern in config["rule_files"]]
    for scrape_config in config["scrape_configs"]:
        for address in [target for group in scrape_config["static_configs"] for target in group["targets"]]:
            name, _, port = address.partition(":")
            local_port = own_port if name == "localhost" else int(port) + offset
            # Appended, because an earlier rule takes the label `job` from the address.
            scrape_config.setdefault("relabel_configs", []).append(
                {
                    "source_labels": ["__address__"],
                    "regex": address,
                    "target_label": "__address__",
                    "replacement": f"{HOST}:{local_port}",
                }
            )
    return config


class Prometheus:
    def __init__(self, port: int) -> None:
        self._client = httpx.Client(base_url=f"http://{HOST}:{port}", trust_env=False, timeout=10)

    def is_ready(self) -> bool:
        try:
            return self._client.get("/-/ready").status_code == 200
        except httpx.TransportError:
            return False

    def get(self, path: str, **parameters: str | float) -> Any:
        response = self._client.get(f"/api/v1/{path}", params=parameters).json()
        assert response["status"] == "success", response.get("error")
        return response["data"]

    def query(self, expression: str, at: float | None = None) -> list[tuple[dict[str, str], float]]:
        """The labels and values of an instant vector."""
        result = self.get("query", query=expression, time=at or time.time())["result"]
        return [(sample["metric"], float(sample["value"][1])) for sample in result]

    def wait_until_scraped(self) -> None:
        """Waits until every target has been scraped after this call."""
        now = time.time()

        def is_scraped() -> bool:
            times = [value for _, value in self.query("timestamp(up)")]
            return len(times) > len(scraped_ports()) and min(times) > now  # one more target is Prometheus itself

        wait_for(is_scraped, timeout_s=20)

    def wait_until_evaluated(self) -> None:
        """Waits until all rules have been evaluated on samples from after this call."""
        self.wait_until_scraped()
        now = datetime.datetime.now(datetime.UTC)

        def is_evaluated() -> bool:
            groups = self.get("rules")["groups"]
            return all(datetime.datetime.fromisoformat(group["lastEvaluation"]) > now for group in groups)

        wait_for(is_evaluated, timeout_s=20)


@contextmanager
def running(folder: Path, port: int, config: Yaml) -> Iterator[Prometheus]:
    binary = programs.need("prometheus")
    file, log = folder / "prometheus.yaml", folder / "prometheus.log"
    file.write_text(yaml.safe_dump(config))
    arguments = [f"--config.file={file}", f"--storage.tsdb.path={folder / 'series'}"]
    with log.open("w") as output:
        process = subprocess.Popen(
            [binary, *arguments, f"--web.listen-address={HOST}:{port}"], stdout=output, stderr=subprocess.STDOUT
        )
        try:
            prometheus = Prometheus(port)
            wait_for(lambda: prometheus.is_ready() or process.poll() is not None)
            assert process.poll() is None, log.read_text()
            yield prometheus
        finally:
            process.terminate()
            process.wait(10)
