"""Adds a dataset to the deployment: repeats, under the new name, what each file contains for the dataset `anime`.

The files are listed in COPIED and REPEATED. tests/deploy/test_add_dataset.py fails if a file that names `anime` is
missing here. Only the standard library is used, so that no environment is needed.
"""

import argparse
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# The model: a dataset with one shard and one published file.
MODEL, MODEL_TYPE, MODEL_FILE, MODEL_PORT = "anime", "ANIME", "AnimeList.csv", 50055

# Folders that are copied as a whole.
COPIED = ("k8s/base/anime", "k8s/overlays/small/databases/mongo-anime")

_DOCUMENT = r"^---\n(?:(?!---$).*\n)*?  name: anime\n(?:(?!---$).*\n)*"
# What is repeated for the new dataset, right after each match.
REPEATED = {
    "docker-compose.yml": (
        r"^  (?:loader-|mongo-)?anime:\n(?:    .*\n)+\n",  # services
        r"^      anime: {condition: .*\n",  # what library waits for
        r",ANIME=anime:50055",
        r"^  anime-data:.*\n",  # network and volume
    ),
    "docker-compose.compact.yml": (
        r"^  loader-anime:\n(?:    .*\n)+\n",
        r"^      loader-anime: {condition: .*\n",
        r"^      SEEN_ANIME_MONGO_URIS: .*\n",
    ),
    "docker-bake.hcl": (r' "anime",',),
    "Dockerfile": (r" \| anime(?=\))",),
    "k8s/base/kustomization.yaml": (r"^  - anime\n",),
    "k8s/base/library/settings.env": (r",ANIME=anime:50055",),
    "k8s/base/spark-connector/settings.env": (r",ANIME=anime:50055",),
    "k8s/overlays/small/databases/kustomization.yaml": (r"^  - mongo-anime\n",),
    "k8s/monitoring/prometheus/compose.yaml": (r"^ *- anime:9055\n",),
    "k8s/monitoring/prometheus/rules/services.yaml": (r'^ *or absent\(up{job="anime"}\)\n',),
    "k8s/monitoring/prometheus/tests/services.yaml": (r"""^ *- {series: 'up{job="anime".*\n""",),
    "istio/authorization/datasets.yaml": (r', "50055"',),
    "istio/authorization/metrics.yaml": (r', "9055"',),
    "istio/destination-rules/services.yaml": (_DOCUMENT,),
    "istio/routes/services.yaml": (_DOCUMENT,),
}
NEXT_STEPS = """\
Still to do by hand:
  protos/seen/v1/types.proto  the item type {type}
  services/{name}/            the adapter, its __main__.py and a sample (see CONTRIBUTING.md)
  scripts/local/suite.py      the dataset's entry, with the port {port}
  k8s/COSTS.md                the sums; tests/deploy/test_costs.py prints them
On a cluster: scripts/create_secrets.sh, scripts/deploy.sh, then the job from cronjob/loader-{name}."""


@dataclass(frozen=True)
class Dataset:
    """`files` are the names of the published files; those of the sample have no .gz."""

    name: str
    type: str
    port: int
    files: Sequence[str]

    def renamed(self, text: str) -> str:
        """The model's text for this dataset."""
        text = re.sub(rf"[^\s,\[]*/{re.escape(MODEL_FILE)}", lambda path: self._paths(path[0]), text)
        # Metrics ports are 9000 plus the last digits of the port.
        for model, own in (
            (str(MODEL_PORT), str(self.port)),
            (str(MODEL_PORT - 41_000), str(self.port - 41_000)),
            (f"SEEN_{MODEL.upper()}_", f"SEEN_{self.name.upper()}_"),
            (MODEL_TYPE, self.type),
            (MODEL, self.name),
        ):
            text = text.replace(model, own)
        return text

    def _paths(self, model: str) -> str:
        names = [name.removesuffix(".gz") if "/sample/" in model else name for name in self.files]
        return ", ".join(model.replace(MODEL_FILE, name) for name in names)


def changes(root: Path, dataset: Dataset) -> dict[str, str]:
    """The new text of every file that is created or changed, by its path below `root`."""
    changed = {}
    for folder in COPIED:
        for file in sorted((root / folder).iterdir()):
            path = f"{folder}/{file.name}".replace(MODEL, dataset.name)
            changed[path] = dataset.renamed(file.read_text())
    for path, patterns in REPEATED.items():
        text = (root / path).read_text()
        for pattern in patterns:
            text, times = re.subn(pattern, lambda match: match[0] + dataset.renamed(match[0]), text, flags=re.MULTILINE)
            if not times:
                raise SystemExit(f"add_dataset.sh: {path}: nothing matches {pattern}; adapt scripts/lib/add_dataset.py")
        changed[path] = text
    return changed


def free_port(root: Path) -> int:
    used = re.findall(r"SEEN_PORT: (5\d{4})", (root / "docker-compose.yml").read_text())
    return max(map(int, used)) + 1


def _matching(pattern: str, meaning: str) -> Callable[[str], str]:
    def check(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise argparse.ArgumentTypeError(f"{text!r} is not {meaning}")
        return text

    return check


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="scripts/add_dataset.sh",
        description="Adds a dataset to every deployment file: Compose, images, Kubernetes, Istio and Prometheus.",
        epilog="Example: scripts/add_dataset.sh manga MANGA MangaList.csv",
    )
    name = _matching("[a-z][a-z0-9]*", "a name of lower-case letters and digits")
    item_type = _matching("[A-Z][A-Z0-9_]*", "an item type, such as MANGA")
    parser.add_argument("name", metavar="NAME", type=name, help="the dataset, as in services/NAME")
    parser.add_argument("type", metavar="ITEM_TYPE", type=item_type, help="its item type in types.proto")
    parser.add_argument("files", metavar="FILE", nargs="+", help="its files, by their published names, main file first")
    parser.add_argument(
        "--port", type=int, help="its gRPC port in scripts/local/suite.py (default: the next free port)"
    )
    parser.add_argument("--dry-run", action="store_true", help="only list the files that would change")
    arguments = parser.parse_args()
    if (ROOT / "k8s" / "base" / arguments.name).exists():
        parser.error(f"k8s/base/{arguments.name} exists already")
    dataset = Dataset(arguments.name, arguments.type, arguments.port or free_port(ROOT), arguments.files)
    for path, text in changes(ROOT, dataset).items():
        file = ROOT / path
        print("change" if file.exists() else "create", path)
        if not arguments.dry_run:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
    if not arguments.dry_run:
        print(NEXT_STEPS.format(name=dataset.name, type=dataset.type, port=dataset.port))


if __name__ == "__main__":
    main()
