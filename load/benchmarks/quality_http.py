"""bench_quality --suite: compares suggestions over HTTP, from a suite of scripts/local.sh, with the offline ones.

It learns from four folds of the people; its visitors are people of the fifth. Other accounts should have no marks.
"""

import csv
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import httpx

from load.benchmarks import http_targets, quality_data, quality_methods, quality_metrics
from load.benchmarks.http_requests import Json, sign_in
from load.benchmarks.quality_data import Data, Person, Split
from load.benchmarks.quality_methods import Ref
from scripts.local.suite import AUDIENCE, ROOT
from seen.v1.types_pb2 import ItemType
from services.spark_connector.training.ratings import COLUMNS
from services.taste.measure import LENGTH, ndcg

MARKS, PAGE = 10, 100
POLL_S, TRAINING_S, TIMEOUT_S, SWAP_S = 2, 1800, 30, 15  # the library uses a new model after at most 10 s


def compare(folder: Path, data: Data, catalog: Sequence[Path], ratings: Path, people: int, seed: int) -> str:
    """`data` is of one dataset: of the files `catalog` and `ratings`. Raises SuiteError if no suite runs."""
    target = http_targets.suite_target("suite", folder)
    ((item_type, name),) = data.names.items()
    new, training = quality_data.folds(data, seed)[0]
    splits = quality_data.split_new(new, MARKS, seed)[:people]
    users = [{"Authorization": f"Bearer {token}"} for token in sign_in(target.suite.auth0_url, len(splits))]
    with httpx.Client(base_url=target.url, timeout=TIMEOUT_S) as client:
        for user in users:
            client.delete("/user", headers=user)  # of an earlier run
        with tempfile.TemporaryDirectory(prefix="seen-ratings-") as temporary:
            known = Path(temporary, "ratings.csv")
            write_ratings(ratings, known, name, training)
            for files in ([name, *map(str, catalog)], ["ratings", name, str(known)]):
                command = [f"{ROOT}/scripts/load.sh", *files, f"--data={folder}"]
                subprocess.run(command, check=True, stdout=sys.stderr)  # noqa: S603
        train(client, target.suite.auth0_url)
        ids = item_ids(client, ItemType.Name(item_type))
        # Everybody has a seed of their own: with one for all, people's differences would not be independent.
        numbered = enumerate(zip(users, splits, strict=True), 1)
        online = [suggest(client, user, split, ids, number) for number, (user, split) in numbered]
    taste = quality_methods.taste(quality_methods.train(data, training), noise=True)
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
    """Returns when the library uses the new model."""
    admin = {"username": "admin", "password": "admin", "client_id": "seen-cli", "grant_type": "password"}
    answer = httpx.post(f"{auth0_url}/oauth/token", data={**admin, "audience": AUDIENCE}).raise_for_status()
    headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}
    before = trained_model(client)
    client.post("/suggest/model", headers=headers).raise_for_status()
    model = trained_model(client)
    if model.get("version") == before.get("version"):
        sys.exit(f"the training has failed: {model}")
    print(f"the suite learned from {model['people']:,} people, {model['marks']:,} marks", file=sys.stderr)
    time.sleep(SWAP_S)


def trained_model(client: httpx.Client) -> Json:
    """What GET /suggest/model says once no training runs."""
    for _ in range(TRAINING_S // POLL_S):
        model: Json = client.get("/suggest/model").raise_for_status().json()
        if not model.get("computation", {}).get("running"):
            return model
        time.sleep(POLL_S)
    sys.exit(f"the training has not ended after {TRAINING_S} s")


def item_ids(client: httpx.Client, type_name: str) -> dict[str, str]:
    """The ids of the type's items by their source's ids."""
    path = f"/lib/{{}}?type={type_name}&size={PAGE}"
    pages = range(1, client.get(path.format(1)).raise_for_status().json()["pages"] + 1)
    answers = (client.get(path.format(number)).raise_for_status().json() for number in pages)
    return {item["sourceId"]: item["id"] for page in answers for item in page["items"] if "sourceId" in item}


def suggest(client: httpx.Client, user: dict[str, str], split: Split, ids: dict[str, str], seed: int) -> list[Ref]:
    """The suggestions for somebody who has made the known marks; refs have the source's ids."""
    type_name = ItemType.Name(split.person.type)
    for mark in split.known:
        for kind in ("seen", "like") if mark.liked else ("seen",):
            client.put(f"/item/{type_name}/{ids[mark.ref[1]]}/{kind}", headers=user).raise_for_status()
    body = {"strategy": "taste", "types": [type_name], "amount": LENGTH, "seed": seed}
    answer = client.post("/suggest", headers=user, json=body).raise_for_status().json()
    return [(split.person.type, one["item"].get("sourceId", "")) for one in answer["suggestions"]]


def summary(name: str, splits: Sequence[Split], online: Sequence[list[Ref]], offline: Sequence[list[Ref]]) -> str:
    """Both figures, and whether their difference is within two of its standard errors."""
    people, gains = [split.person.name for split in splits], []
    for split, *lists in zip(splits, online, offline, strict=True):
        one, other = (ndcg([ref in split.relevant for ref in best], len(split.relevant)) for best in lists)
        gains.append((one, other, one - other))
    figures = [quality_metrics.mean_of_draws(people, values) for values in zip(*gains, strict=True)]
    http, local, difference = (f"{mean:.3f} ± {error:.3f}" for mean, error, _ in figures)
    agree = "agree" if abs(figures[2][0]) <= 2 * figures[2][1] else "do not agree"
    return (
        f"{name}, {len(splits)} new people after {MARKS} marks, NDCG@10: {http} over HTTP, {local} offline; "
        f"difference {difference}: they {agree} within two standard errors."
    )
