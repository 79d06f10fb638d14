"""What runs on one machine: every process, its settings, and the order in which they stand on one another.

This is a deployment: what Kubernetes is told in k8s/, the supervisor is told here.
"""

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from scripts.local import mongod
from scripts.local.probes import GrpcProbe, HttpProbe, MongoProbe, Probe, ThroughGateway

ROOT = Path(__file__).resolve().parents[2]
DEFAULT_FOLDER = ROOT / ".local"
HOST = "127.0.0.1"
AUDIENCE = "https://seen.example/api"
DATABASE = "seen"
# Metrics are served this far above the service's own port: 50051 and 9051, 8080 and 9080.
GATEWAY, GATEWAY_METRICS, AUTH0 = 8080, 9080, 8081
LIBRARY, ACCOUNT, SPARK_CONNECTOR = 50051, 50052, 50056


@dataclass(frozen=True)
class Dataset:
    """A dataset of the catalog: its item type, its service's port, one mongod a shard, and the files of its sample."""

    type: str
    name: str
    port: int
    shard_ports: Sequence[int]
    sample: Sequence[str]

    def mongods(self) -> list[str]:
        """The names of its MongoDB servers; numbered where there are several."""
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
    """One process of the suite. All start together; those of a higher tier stop before those of a lower one."""

    name: str
    tier: int
    command: Command
    ports: Sequence[int]
    address: str
    probe: Probe
    # Run to its end before the process starts.
    first: Command | None = None


class Suite:
    """The processes of one suite whose data is in `folder`; `offset` is added to every port.

    `spark` names what answers the questions over all of IMDb: "embedded" (DuckDB) or "local" (spark-submit).
    """

    def __init__(self, folder: Path, offset: int, spark: str = "embedded") -> None:
        self.folder = folder
        self.offset = offset
        self._spark = spark
        self.gateway_url = f"http://localhost:{self._port(GATEWAY)}"
        self.auth0_url = f"http://localhost:{self._port(AUTH0)}"

    def processes(self) -> list[Process]:
        """In the order in which they are started."""
        binary = mongod.find()
        return [
            *(process for dataset in DATASETS for process in self._mongods(dataset, binary)),
            self._account(),
            *map(self._catalog, DATASETS),
            self._local_auth0(),
            self._spark_connector(),
            self._library(),
            self._gateway(),
        ]

    def as_a_whole(self) -> Probe:
        """Well when every service reaches those that it needs."""
        return ThroughGateway(HOST, self._port(GATEWAY))

    def folders(self) -> list[Path]:
        """Everything that is kept in files, and that --reset removes: a folder each, the logs included."""
        return [self.folder / name for name in ("mongo", "account", "local_auth0", "imdb", "answers", "logs")]

    def make_folders(self) -> None:
        """Private ones: what people have marked is nobody else's business on a machine that is shared."""
        mongo = [self._mongo_folder(name) for dataset in DATASETS for name in dataset.mongods()]
        for folder in (*self.folders(), *mongo):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def log(self, name: str) -> Path:
        return self.folder / "logs" / f"{name}.log"

    def mongo_uris(self, dataset: Dataset) -> str:
        """Of its shards, shard 1 first, as SEEN_MONGO_URIS has them."""
        return ",".join(f"mongodb://{HOST}:{self._port(port)}/?directConnection=true" for port in dataset.shard_ports)

    def loader(self, dataset: Dataset) -> Command:
        """Loads the sample library into the dataset."""
        files = [str(ROOT / "services" / dataset.name / "sample" / name) for name in dataset.sample]
        return _python("services.catalog.load", dataset.name, *files, environment=self._mongo_settings(dataset))

    def _mongo_folder(self, name: str) -> Path:
        return self.folder / "mongo" / name.removeprefix("mongod-")

    def _mongods(self, dataset: Dataset, binary: Path) -> list[Process]:
        return [
            self._mongod(name, self._port(port), binary)
            for name, port in zip(dataset.mongods(), dataset.shard_ports, strict=True)
        ]

    def _mongod(self, name: str, port: int, binary: Path) -> Process:
        arguments = mongod.arguments(binary, port, self._mongo_folder(name), self.log(name))
        # mongod refuses to start under a locale that the system does not have.
        command = Command(arguments, {"LC_ALL": "C"})
        return Process(name, 0, command, [port], f"{HOST}:{port}", MongoProbe(HOST, port))

    def _account(self) -> Process:
        settings = {"SEEN_DATABASE_URL": f"sqlite:///{self.folder / 'account' / 'accounts.db'}"}
        migrate = _python("services.account.migrate", environment=settings)
        return self._service("account", ACCOUNT, tier=1, settings=settings, first=migrate)

    def _catalog(self, dataset: Dataset) -> Process:
        return self._service(dataset.name, dataset.port, tier=1, settings=self._mongo_settings(dataset))

    def _mongo_settings(self, dataset: Dataset) -> dict[str, str]:
        return {"SEEN_MONGO_URIS": self.mongo_uris(dataset), "SEEN_MONGO_DATABASE": DATABASE}

    def _library(self) -> Process:
        catalogs = ",".join(f"{dataset.type}={self._address(dataset.port)}" for dataset in DATASETS)
        settings = {"SEEN_ACCOUNT_ADDRESS": self._address(ACCOUNT), "SEEN_CATALOG_ADDRESSES": catalogs}
        return self._service("library", LIBRARY, tier=2, settings=settings)

    def _service(
        self, name: str, port: int, tier: int, settings: dict[str, str], first: Command | None = None
    ) -> Process:
        ports = [self._port(port), self._port(port - 50000 + 9000)]
        own = {"SEEN_HOST": HOST, "SEEN_PORT": str(ports[0]), "SEEN_METRICS_PORT": str(ports[1])}
        command = _python(f"services.{name}", environment=settings | own)
        address = self._address(port)
        return Process(name, tier, command, ports, address, GrpcProbe(address), first)

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
        return Process("local_auth0", 1, command, [port], self.auth0_url, HttpProbe(HOST, port, "/healthz"))

    def _spark_connector(self) -> Process:
        settings = {
            "SEEN_SPARK_RUNNER": self._spark,
            "SEEN_IMDB_FILES": str(self.folder / "imdb"),
            "SEEN_IMDB_SAMPLE": str(ROOT / "services" / "imdb" / "sample"),
            "SEEN_RESULTS": str(self.folder / "answers"),
        }
        return self._service("spark_connector", SPARK_CONNECTOR, tier=1, settings=settings)

    def _gateway(self) -> Process:
        ports = [self._port(GATEWAY), self._port(GATEWAY_METRICS)]
        settings = {
            "SEEN_HOST": HOST,
            "SEEN_PORT": str(ports[0]),
            "SEEN_METRICS_PORT": str(ports[1]),
            "SEEN_LIBRARY_ADDRESS": self._address(LIBRARY),
            "SEEN_ACCOUNT_ADDRESS": self._address(ACCOUNT),
            "SEEN_SPARK_ADDRESS": self._address(SPARK_CONNECTOR),
            "SEEN_AUTH0_URL": self.auth0_url,
            "SEEN_AUTH0_AUDIENCE": AUDIENCE,
            "SEEN_AUTH0_CLIENT_ID": "seen-swagger-ui",
            "SEEN_PUBLIC_URL": self.gateway_url,
        }
        command = _python("services.gateway", environment=settings)
        return Process("gateway", 3, command, ports, self.gateway_url, HttpProbe(HOST, ports[0], "/readyz"))

    def _port(self, standard: int) -> int:
        return standard + self.offset

    def _address(self, standard_port: int) -> str:
        return f"{HOST}:{self._port(standard_port)}"


def _python(module: str, *arguments: str, environment: dict[str, str]) -> Command:
    return Command((sys.executable, "-m", module, *arguments), environment)


def environment(command: Command) -> dict[str, str]:
    """What a process of the suite sees: the caller's environment, of which only the log level is ours to read."""
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith("SEEN_") or name == "SEEN_LOG_LEVEL"
    }
    # Everything is on loopback: a proxy meant for the internet must not get in between.
    loopback = ",".join(filter(None, (os.environ.get("no_proxy"), "localhost", HOST)))
    return inherited | {"no_proxy": loopback, "NO_PROXY": loopback} | command.environment
