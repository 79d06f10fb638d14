"""The processes of a suite on one machine: commands, settings, ports and stop order.

The ports and service names written here are the reference for Compose, k8s/ and istio/; tests compare them.
"""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from scripts.local import mongod, probes
from scripts.local.probes import Probe

ROOT = Path(__file__).resolve().parents[2]
DEFAULT_FOLDER = ROOT / ".local"
HOST = "127.0.0.1"
AUDIENCE = "https://seen.example/api"
DATABASE = "seen"
GATEWAY, GATEWAY_METRICS, AUTH0 = 8080, 9080, 8081
LIBRARY, ACCOUNT, SPARK_CONNECTOR = 50051, 50052, 50056
METRICS_DISTANCE = 9000 - 50000  # a service on 50051 serves its metrics on 9051
# What answers the two questions over IMDb: DuckDB, or Spark on this machine.
SPARK_RUNNERS = ("duckdb", "spark-submit")


@dataclass(frozen=True)
class Dataset:
    """A dataset of the catalog. It has one mongod per shard; `sample` names its files in services/NAME/sample."""

    type: str
    name: str
    port: int
    shard_ports: Sequence[int]
    sample: Sequence[str]

    def mongods(self) -> list[str]:
        """The names of its MongoDB servers, in shard order; numbered if there are several."""
        if len(self.shard_ports) == 1:
            return [f"mongod-{self.name}"]
        return [f"mongod-{self.name}-{number}" for number in range(1, len(self.shard_ports) + 1)]


DATASETS = (
    Dataset("BOOK", "book", 50053, (27021,), ("book_data.csv",)),
    Dataset("SHOW", "imdb", 50054, (27022, 27023), ("title.basics.tsv", "title.ratings.tsv")),
    Dataset("ANIME", "anime", 50055, (27024,), ("AnimeList.csv",)),
)


@dataclass(frozen=True)
class Command:
    arguments: Sequence[str]
    environment: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Process:
    """One process of the suite. All start together; a higher tier stops before a lower one."""

    name: str
    tier: int
    command: Command
    ports: Sequence[int]
    address: str
    probe: Probe
    # Runs to its end before the process starts.
    preparation: Command | None = None


class Suite:
    """The processes of one suite, whose data is in `folder`; `offset` is added to every port.

    A compact suite runs all services but local_auth0 in one process.
    """

    def __init__(
        self,
        folder: Path,
        offset: int,
        spark_runner: str = SPARK_RUNNERS[0],
        *,
        compact: bool = False,
        variables: Mapping[str, str] | None = None,
    ) -> None:
        """`variables` are further settings of the services."""
        self.folder = folder
        self.offset = offset
        # The files from which the questions over IMDb are answered, and people's ratings, for training.
        self.imdb_files = folder / "imdb"
        self.ratings = folder / "ratings"
        self._spark_runner = spark_runner
        self.compact = compact
        self._variables = dict(variables or {})
        self.gateway_url = f"http://localhost:{self._port(GATEWAY)}"
        self.metrics_url = f"http://localhost:{self._port(GATEWAY_METRICS)}/metrics"  # the gateway's
        self.auth0_url = f"http://localhost:{self._port(AUTH0)}"
        # Healthy when every service reaches the services that it calls.
        self.connections = partial(probes.connections, HOST, self._port(GATEWAY))

    def processes(self) -> list[Process]:
        """All processes, in the order in which --status shows them."""
        binary = mongod.find()
        mongods = [process for dataset in DATASETS for process in self._mongods(dataset, binary)]
        if self.compact:
            return [*mongods, self._local_auth0(), self._all_services()]
        return [
            *mongods,
            self._account(),
            *map(self._catalog, DATASETS),
            self._local_auth0(),
            self._spark_connector(),
            self._library(),
            self._gateway(),
        ]

    def folders(self) -> list[Path]:
        """The folders of all data and logs, which --reset removes."""
        names = ("mongo", "account", "local_auth0", "answers", "logs")
        return [self.imdb_files, self.ratings, *(self.folder / name for name in names)]

    def make_folders(self) -> None:
        """Makes them readable by their owner only: they hold accounts and marks."""
        mongo = [self._mongo_folder(name) for dataset in DATASETS for name in dataset.mongods()]
        for folder in (*self.folders(), *mongo):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def log(self, name: str) -> Path:
        return self.folder / "logs" / f"{name}.log"

    def mongo_uris(self, dataset: Dataset) -> str:
        """The value of SEEN_MONGO_URIS: one URI per shard, shard 1 first."""
        return ",".join(f"mongodb://{HOST}:{self._port(port)}/?directConnection=true" for port in dataset.shard_ports)

    def sample_loader(self, dataset: Dataset) -> Command:
        """Loads the sample library into the dataset."""
        files = [str(ROOT / "services" / dataset.name / "sample" / name) for name in dataset.sample]
        return _python("services.catalog.loader", dataset.name, *files, environment=self._mongo_settings(dataset))

    def _mongo_folder(self, name: str) -> Path:
        return self.folder / "mongo" / name.removeprefix("mongod-")

    def _mongods(self, dataset: Dataset, binary: Path) -> list[Process]:
        return [
            self._mongod(name, self._port(port), binary)
            for name, port in zip(dataset.mongods(), dataset.shard_ports, strict=True)
        ]

    def _mongod(self, name: str, port: int, binary: Path) -> Process:
        arguments = mongod.arguments(binary, port, self._mongo_folder(name), self.log(name))
        # mongod refuses to start with a locale that is not installed.
        command = Command(arguments, {"LC_ALL": "C"})
        return Process(name, 0, command, [port], f"{HOST}:{port}", partial(probes.mongo, HOST, port))

    def _account(self) -> Process:
        settings = self._account_settings()
        return self._service("account", ACCOUNT, tier=1, settings=settings, preparation=self._migrate())

    def _account_settings(self) -> dict[str, str]:
        return {"SEEN_DATABASE_URL": f"sqlite:///{self.folder / 'account' / 'accounts.db'}"}

    def _migrate(self) -> Command:
        return _python("services.account.migrate", environment=self._account_settings())

    def _catalog(self, dataset: Dataset) -> Process:
        return self._service(dataset.name, dataset.port, tier=1, settings=self._mongo_settings(dataset))

    def _mongo_settings(self, dataset: Dataset) -> dict[str, str]:
        return {"SEEN_MONGO_URIS": self.mongo_uris(dataset), "SEEN_MONGO_DATABASE": DATABASE}

    def _library(self) -> Process:
        settings = self._account_and_catalogs() | {"SEEN_SPARK_ADDRESS": self._address(SPARK_CONNECTOR)}
        return self._service("library", LIBRARY, tier=2, settings=settings)

    def _account_and_catalogs(self) -> dict[str, str]:
        catalogs = ",".join(f"{dataset.type}={self._address(dataset.port)}" for dataset in DATASETS)
        return {"SEEN_ACCOUNT_ADDRESS": self._address(ACCOUNT), "SEEN_CATALOG_ADDRESSES": catalogs}

    def _local_auth0(self) -> Process:
        port = self._port(AUTH0)
        settings = {
            "SEEN_HOST": HOST,
            "SEEN_PORT": str(port),
            "SEEN_PUBLIC_URL": self.auth0_url,
            "SEEN_AUTH0_AUDIENCE": AUDIENCE,
            "SEEN_API_URL": self.gateway_url,
            "SEEN_STATE_DIR": str(self.folder / "local_auth0"),
        }
        command = _python("services.local_auth0", environment=settings)
        return Process("local_auth0", 1, command, [port], self.auth0_url, partial(probes.http, HOST, port, "/healthz"))

    def _spark_connector(self) -> Process:
        settings = self._spark_settings() | self._account_and_catalogs()
        return self._service("spark_connector", SPARK_CONNECTOR, tier=1, settings=settings)

    def _spark_settings(self) -> dict[str, str]:
        return {
            "SEEN_SPARK_RUNNER": self._spark_runner,
            "SEEN_IMDB_FILES": str(self.imdb_files),
            "SEEN_IMDB_SAMPLE": str(ROOT / "services" / "imdb" / "sample"),
            "SEEN_RESULTS": str(self.folder / "answers"),
            "SEEN_RATINGS": str(self.ratings),
        }

    def _gateway(self) -> Process:
        addresses = {
            "SEEN_LIBRARY_ADDRESS": self._address(LIBRARY),
            "SEEN_ACCOUNT_ADDRESS": self._address(ACCOUNT),
            "SEEN_SPARK_ADDRESS": self._address(SPARK_CONNECTOR),
        }
        return self._http_service("gateway", self._gateway_settings() | addresses)

    def _gateway_settings(self) -> dict[str, str]:
        return {
            "SEEN_AUTH0_URL": self.auth0_url,
            "SEEN_AUTH0_AUDIENCE": AUDIENCE,
            "SEEN_AUTH0_CLIENT_ID": "seen-swagger-ui",
            "SEEN_AUTH0_WEBSITE_CLIENT_ID": "seen-website",
            "SEEN_PUBLIC_URL": self.gateway_url,
        }

    def _all_services(self) -> Process:
        """Each service's settings have the service's name in them: SEEN_ACCOUNT_DATABASE_URL."""
        settings = {
            "gateway": self._gateway_settings() | {"SEEN_PORT": str(self._port(GATEWAY))},
            "account": self._account_settings(),
            "spark_connector": self._spark_settings(),
            **{dataset.name: self._mongo_settings(dataset) for dataset in DATASETS},
        }
        environment = {
            name.replace("SEEN_", f"SEEN_{service.upper()}_", 1): value
            for service, own in settings.items()
            for name, value in own.items()
        }
        return self._http_service("compact", environment, preparation=self._migrate())

    def _http_service(self, name: str, settings: dict[str, str], preparation: Command | None = None) -> Process:
        """The process that serves the REST API."""
        ports = [self._port(GATEWAY), self._port(GATEWAY_METRICS)]
        command = _python(f"services.{name}", environment=settings | _listen_on(*ports) | self._variables)
        probe = partial(probes.http, HOST, ports[0], "/readyz")
        return Process(name, 3, command, ports, self.gateway_url, probe, preparation)

    def _service(
        self, name: str, port: int, tier: int, settings: dict[str, str], preparation: Command | None = None
    ) -> Process:
        ports = [self._port(port), self._port(port + METRICS_DISTANCE)]
        command = _python(f"services.{name}", environment=settings | _listen_on(*ports) | self._variables)
        address = self._address(port)
        return Process(name, tier, command, ports, address, partial(probes.grpc, address), preparation)

    def _port(self, standard: int) -> int:
        return standard + self.offset

    def _address(self, standard_port: int) -> str:
        return f"{HOST}:{self._port(standard_port)}"


def _listen_on(port: int, metrics_port: int) -> dict[str, str]:
    return {"SEEN_HOST": HOST, "SEEN_PORT": str(port), "SEEN_METRICS_PORT": str(metrics_port)}


def _python(module: str, *arguments: str, environment: dict[str, str]) -> Command:
    return Command((sys.executable, "-m", module, *arguments), environment)
