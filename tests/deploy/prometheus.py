"""A real Prometheus with the configuration that is committed, and this machine in the place of what that names."""

import datetime
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from scripts.local.suite import ROOT
from tests.end_to_end.suites import wait_for

MONITORING = ROOT / "k8s" / "monitoring"
COMPOSE = MONITORING / "prometheus" / "compose.yaml"
CLUSTER = MONITORING / "prometheus" / "cluster.yaml"
RULES = sorted((MONITORING / "prometheus" / "rules").glob("*.yaml"))
HERE = "127.0.0.1"
EVERY_SECOND = {"scrape_interval": "1s", "evaluation_interval": "1s"}

Yaml = dict[str, Any]


def tool(name: str) -> str:
    """The path of `prometheus` or `promtool`."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"there is no {name} here; Debian's package prometheus has it")
    return found


def promtool(*arguments: str | Path) -> str:
    """What it prints; a failed test's message is that."""
    done = subprocess.run([tool("promtool"), *arguments], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def read(path: Path) -> Yaml:
    document: Yaml = yaml.safe_load(path.read_text())
    return document


def rules() -> list[Yaml]:
    return [rule for path in RULES for group in read(path)["groups"] for rule in group["rules"]]


def alerts() -> list[str]:
    return [rule["alert"] for rule in rules() if "alert" in rule]


def job(config: Yaml, name: str) -> Yaml:
    (found,) = [job for job in config["scrape_configs"] if job["job_name"] == name]
    return dict(found)


def metrics_ports() -> dict[str, int]:
    """The services that Prometheus scrapes in Compose, and their ports."""
    addresses = [target for group in job(read(COMPOSE), "seen")["static_configs"] for target in group["targets"]]
    return {name: int(port) for name, _, port in (address.partition(":") for address in addresses)}


def config_for(offset: int, own_port: int) -> Yaml:
    """Compose's configuration, which looks here for what it names, every second."""
    config = read(COMPOSE)
    config["global"] = EVERY_SECOND
    config["rule_files"] = [str(COMPOSE.parent / pattern) for pattern in config["rule_files"]]
    for of in config["scrape_configs"]:
        for address in [target for group in of["static_configs"] for target in group["targets"]]:
            name, _, port = address.partition(":")
            here = own_port if name == "localhost" else int(port) + offset
            # Last, when the job has been named after the address.
            of.setdefault("relabel_configs", []).append(
                {
                    "source_labels": ["__address__"],
                    "regex": address,
                    "target_label": "__address__",
                    "replacement": f"{HERE}:{here}",
                }
            )
    return config


class Prometheus:
    def __init__(self, port: int) -> None:
        self._client = httpx.Client(base_url=f"http://{HERE}:{port}", trust_env=False, timeout=10)

    def is_ready(self) -> bool:
        try:
            return self._client.get("/-/ready").status_code == 200
        except httpx.TransportError:
            return False

    def get(self, path: str, **parameters: str | float) -> Any:
        answer = self._client.get(f"/api/v1/{path}", params=parameters)
        said = answer.json()
        assert said["status"] == "success", said.get("error")
        return said["data"]

    def query(self, expression: str, at: float | None = None) -> list[tuple[dict[str, str], float]]:
        """The labels and values of an instant vector."""
        found = self.get("query", query=expression, time=at or time.time())
        return [(sample["metric"], float(sample["value"][1])) for sample in found["result"]]

    def wait_until_scraped(self) -> None:
        """Waits until everything has been scraped that is there now."""
        now = time.time()

        def passed() -> bool:
            found = [value for _, value in self.query("timestamp(up)")]
            return len(found) > len(metrics_ports()) and min(found) > now  # the one more is Prometheus itself

        wait_for(passed, timeout_s=20)

    def wait_until_evaluated(self) -> None:
        """Waits until the rules have seen everything that is there now."""
        self.wait_until_scraped()
        now = datetime.datetime.now(datetime.UTC)

        def passed() -> bool:
            groups = self.get("rules")["groups"]
            return all(datetime.datetime.fromisoformat(group["lastEvaluation"]) > now for group in groups)

        wait_for(passed, timeout_s=20)


@contextmanager
def running(folder: Path, port: int, config: Yaml) -> Iterator[Prometheus]:
    binary = tool("prometheus")
    file, log = folder / "prometheus.yaml", folder / "prometheus.log"
    file.write_text(yaml.safe_dump(config))
    arguments = [f"--config.file={file}", f"--storage.tsdb.path={folder / 'series'}"]
    with log.open("w") as output:
        process = subprocess.Popen(
            [binary, *arguments, f"--web.listen-address={HERE}:{port}"], stdout=output, stderr=subprocess.STDOUT
        )
        try:
            prometheus = Prometheus(port)
            wait_for(lambda: prometheus.is_ready() or process.poll() is not None)
            assert process.poll() is None, log.read_text()
            yield prometheus
        finally:
            process.terminate()
            process.wait(10)


def free_port() -> int:
    with socket.create_server((HERE, 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
