"""The cloud scripts, with the commands, variables and responses that they need in tests."""

import shlex
import subprocess
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.deploy.fake_commands import OPERATOR, FakeCommands, Result

PEOPLE = {"SEEN_LOAD_CLIENT_ID": "c", "SEEN_LOAD_USERNAME": "visitor-{n}", "SEEN_LOAD_PASSWORD": "secret-{n}"}
DATABASES = {
    "SEEN_MONGO_BOOK_URIS": "mongodb+srv://u:secret@book.example/",
    "SEEN_MONGO_IMDB_URIS": "mongodb://u:secret@one.example/,mongodb://u:secret@two.example/",
    "SEEN_MONGO_ANIME_URIS": "mongodb://u:secret@anime.example/",
    "SEEN_DATABASE_URL": "mysql+pymysql://seen:secret@accounts.example/seen",
}


@dataclass(frozen=True)
class Script:
    """A script with the arguments that tests pass, and the commands and variables that it then needs."""

    name: str
    arguments: Sequence[str]
    tools: Sequence[str]
    variables: Sequence[str]
    values: dict[str, str] = field(default_factory=dict)
    # Responses in addition to the defaults.
    responses: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.name


GKE = ("SEEN_PROJECT", "SEEN_REGION", "SEEN_CLUSTER")
CLOUD = ("gcloud", "curl")
CLUSTER = ("gcloud", "kubectl", "gke-gcloud-auth-plugin")
SCRIPTS = (
    Script("create_cluster.sh", (), CLOUD, (*GKE, "SEEN_BUCKET")),
    Script(
        "install_istio.sh",
        ("--cert", "{folder}/cert.pem", "--key", "{folder}/key.pem"),
        (*CLUSTER, "helm", "openssl"),
        (*GKE, "SEEN_DOMAIN"),
        responses={"gcloud compute addresses describe seen-ingress *": "echo ADDRESS"},
    ),
    Script("add_plugins.sh", (), CLUSTER, GKE),
    Script(
        "create_secrets.sh",
        ("gke",),
        (*CLUSTER, "openssl"),
        (*GKE, *DATABASES, "SEEN_DATABASE_CA", "SEEN_DATABASE_CERT", "SEEN_DATABASE_KEY"),
        {
            **DATABASES,
            "SEEN_DATABASE_CA": "{folder}/cert.pem",
            "SEEN_DATABASE_CERT": "{folder}/cert.pem",
            "SEEN_DATABASE_KEY": "{folder}/key.pem",
        },
    ),
    Script("deploy.sh", ("gke", "--tag", "abc"), (*CLUSTER, "curl", "tar"), tuple(OPERATOR)),
    Script(
        "locust.sh",
        ("--target", "https://seen.demo.org", "--tag", "abc", "--users", "800"),
        (*CLUSTER, "curl"),
        (*GKE, "SEEN_AUTH0_URL", "SEEN_AUTH0_AUDIENCE", *PEOPLE),
        PEOPLE,
    ),
    Script(
        "create_dataproc.sh",
        (),
        CLOUD,
        ("SEEN_PROJECT", "SEEN_REGION", "SEEN_BUCKET", "SEEN_DATAPROC_CLUSTER"),
        responses={"gcloud dataproc clusters describe * --format=*": "echo RUNNING"},
    ),
    Script(
        "create_trigger.sh",
        (),
        CLOUD,
        (*OPERATOR, "SEEN_REPOSITORY"),
        {"SEEN_REPOSITORY": "projects/demo/locations/europe-west1/connections/github/repositories/seen"},
    ),
    Script("delete_all.sh", ("--yes",), (*CLUSTER, "curl"), (*GKE, "SEEN_BUCKET", "SEEN_DATAPROC_CLUSTER")),
)


def named(name: str) -> Script:
    return next(script for script in SCRIPTS if script.name == name)


def create_certificate(folder: Path, host: str, days: int = 90) -> None:
    subject = ("-subj", f"/CN={host}", "-addext", f"subjectAltName=DNS:{host}", "-days", str(days))
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-keyout", folder / "key.pem")
    command: list[str | Path] = ["openssl", "req", "-x509", *key, "-out", folder / "cert.pem", *subject]
    subprocess.run(command, check=True, capture_output=True)


class Operator:
    """Runs scripts with all variables that they need, or all except some."""

    def __init__(self, commands: FakeCommands, folder: Path) -> None:
        self.commands, self._folder = commands, folder

    def run(
        self,
        script: Script,
        *more: str,
        unset: Collection[str] = (),
        responses: Mapping[str, str] | None = None,
        without: Collection[str] = (),
    ) -> Result:
        values = {**OPERATOR, **script.values}
        variables = {name: self.filled(values[name]) for name in script.variables if name not in unset}
        arguments = map(self.filled, script.arguments)
        return self.commands.run(
            script.name,
            *arguments,
            *more,
            variables=variables,
            responses={**(responses or {}), **script.responses, **(responses or {})},
            without=without,
        )

    def planned(self, script: Script) -> list[list[str]]:
        """The words of each command that a dry run prints."""
        return [shlex.split(line) for line in self.run(script, "--dry-run").succeeded().out.splitlines()]

    def gcloud_words(self, script: Script) -> list[str]:
        """The planned calls of gcloud without their options."""
        commands = [words[1:] for words in self.planned(script) if words[0] == "gcloud"]
        return [" ".join(word for word in words if not word.startswith("--")) for words in commands]

    def filled(self, text: str) -> str:
        return text.replace("{folder}", str(self._folder))
