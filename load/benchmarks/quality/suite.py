"""Compares suggestions over HTTP, from a suite of scripts/local.sh, with the offline ones of load.benchmarks.quality.

    ./scripts/local.sh --data /tmp/seen --detach
    python -m load.benchmarks.quality.suite /tmp/seen anime anime_ratings.csv AnimeList.csv

The suite gets the catalog, the ratings of four fifths of the people, and a model trained from them. The other people
become visitors of the suite: each marks 10 items and gets suggestions. Use a suite that serves no other purpose; other
accounts should have no marks. Needs the extra `benchmarks`.
"""

import argparse
import csv
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import httpx

from load.benchmarks.http import targets
from load.benchmarks.http.requests import Json, sign_in
from load.benchmarks.quality import data, methods, metrics
from load.benchmarks.quality.data import Person, Split
from scripts.local.suite import AUDIENCE, ROOT
from seen.v1.types_pb2 import ItemType
from services.catalog import datasets
from services.spark_connector.training.ratings import COLUMNS
from services.taste.domain import ItemRef
from services.taste.measure import LENGTH, ndcg

MARKS = 10
MAX_PEOPLE = 100
PAGE_SIZE = 100
TIMEOUT_S = 30
POLL_S, TRAINING_S = 2, 1800
NEW_MODEL_S = 15  # the library uses a new model after at most 10 s


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("suite", type=Path, metavar="DIR", help="folder of a suite that scripts/local.sh runs")
    parser.add_argument("dataset", choices=datasets.names())
    parser.add_argument("ratings", type=Path, metavar="RATINGS", help="file with the columns person, source_id, rating")
    parser.add_argument("catalog", type=Path, metavar="CATALOG", nargs="+", help="the dataset's files, as published")
    options = parser.parse_args()
    print(compare(options.suite, options.dataset, options.ratings, options.catalog))


def compare(folder: Path, name: str, ratings: Path, catalog: Sequence[Path]) -> str:
    target = targets.suite_target("suite", folder)
    everything = data.read([(name, path) for path in catalog], [(name, ratings)])
    [item_type] = everything.names
    new, training = data.folds(everything)[0]
    splits = data.split_new(new, MARKS, data.SEED)[:MAX_PEOPLE]
    users = [{"Authorization": f"Bearer {token}"} for token in sign_in(target.suite.auth0_url, len(splits))]
    with httpx.Client(base_url=target.url, timeout=TIMEOUT_S) as client:
        for user in users:
            client.delete("/user", headers=user)  # an earlier run may have left it
        with tempfile.TemporaryDirectory(prefix="seen-ratings-") as temporary:
            training_ratings = Path(temporary, "ratings.csv")
            write_ratings(ratings, training_ratings, name, training)
            for files in ([name, *map(str, catalog)], ["ratings", name, str(training_ratings)]):
                command = [f"{ROOT}/scripts/load.sh", *files, f"--data={target.suite.folder}"]
                subprocess.run(command, check=True, stdout=sys.stderr)  # noqa: S603
        train(client, target.suite.auth0_url)
        ids = item_ids(client, ItemType.Name(item_type))
        # Each person has a different seed: with the same seed, differences between people would not be independent.
        numbered = enumerate(zip(users, splits, strict=True), 1)
        online = [suggest(client, user, split, ids, number) for number, (user, split) in numbered]
    taste = methods.taste(methods.train(everything, training), noise=True)
    offline = [best for number, split in enumerate(splits, 1) for best in taste([split], number)]
    return summary(name, splits, online, offline)


def write_ratings(source: Path, target: Path, name: str, people: Sequence[Person]) -> None:
    """Copies the ratings of these people of the dataset, in the form that scripts/load.sh reads."""
    names = {person.name for person in people}
    with source.open(newline="", encoding="utf-8") as read, target.open("w", newline="", encoding="utf-8") as written:
        writer = csv.DictWriter(written, COLUMNS, restval="", extrasaction="ignore")
        writer.writeheader()
        writer.writerows(row for row in csv.DictReader(read) if f"{name}:{row['person']}" in names)


def train(client: httpx.Client, auth0_url: str) -> None:
    """Trains the suite's model and returns when the library uses it."""
    admin = {"username": "admin", "password": "admin", "client_id": "seen-cli", "grant_type": "password"}
    answer = httpx.post(f"{auth0_url}/oauth/token", data={**admin, "audience": AUDIENCE}).raise_for_status()
    headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}
    before = trained_model(client)
    client.post("/suggest/model", headers=headers).raise_for_status()
    model = trained_model(client)
    if model.get("version") == before.get("version"):
        sys.exit(f"the training has failed: {model}")
    print(f"the suite learned from {model['people']:,} people, {model['marks']:,} marks", file=sys.stderr)
    time.sleep(NEW_MODEL_S)


def trained_model(client: httpx.Client) -> Json:
    """Waits until no training runs; returns the answer of GET /suggest/model."""
    for _ in range(TRAINING_S // POLL_S):
        model: Json = client.get("/suggest/model").raise_for_status().json()
        if not model.get("computation", {}).get("running"):
            return model
        time.sleep(POLL_S)
    sys.exit(f"the training has not ended after {TRAINING_S} s")


def item_ids(client: httpx.Client, type_name: str) -> dict[str, str]:
    """The ids of the type's items by the source's ids."""
    path = f"/lib/{{}}?type={type_name}&size={PAGE_SIZE}"
    pages = range(1, client.get(path.format(1)).raise_for_status().json()["pages"] + 1)
    answers = (client.get(path.format(number)).raise_for_status().json() for number in pages)
    return {item["sourceId"]: item["id"] for page in answers for item in page["items"] if "sourceId" in item}


def suggest(client: httpx.Client, user: dict[str, str], split: Split, ids: dict[str, str], seed: int) -> list[ItemRef]:
    """Makes the known marks and returns the suggestions, with the source's ids."""
    type_name = ItemType.Name(split.person.type)
    for mark in split.known:
        for kind in ("seen", "like") if mark.liked else ("seen",):
            client.put(f"/item/{type_name}/{ids[mark.ref[1]]}/{kind}", headers=user).raise_for_status()
    body = {"strategy": "taste", "types": [type_name], "amount": LENGTH, "seed": seed}
    answer = client.post("/suggest", headers=user, json=body).raise_for_status().json()
    return [ItemRef(split.person.type, entry["item"].get("sourceId", "")) for entry in answer["suggestions"]]


def summary(
    name: str, splits: Sequence[Split], online: Sequence[list[ItemRef]], offline: Sequence[list[ItemRef]]
) -> str:
    """Both figures, and whether their difference is within two of its standard errors."""
    people, gains = [split.person.name for split in splits], []
    for split, *lists in zip(splits, online, offline, strict=True):
        http, local = (ndcg([ref in split.relevant for ref in best], len(split.relevant)) for best in lists)
        gains.append((http, local, http - local))
    figures = [metrics.mean_of_draws(people, values) for values in zip(*gains, strict=True)]
    http_text, local_text, difference = (f"{mean:.3f} ± {error:.3f}" for mean, error, _ in figures)
    agree = "agree" if abs(figures[2][0]) <= 2 * figures[2][1] else "do not agree"
    return (
        f"{name}, {len(splits)} new people after {MARKS} marks, NDCG@10: {http_text} over HTTP, {local_text} offline; "
        f"difference {difference}: they {agree} within two standard errors."
    )


if __name__ == "__main__":
    main()
