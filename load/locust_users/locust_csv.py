"""What Locust's CSV files say of a run: a row for each kind of request, and one for each second."""

import csv
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ALL = "Aggregated"
PREFIX = "locust"  # of the files' names, as Locust's --csv makes them


@dataclass(frozen=True)
class Endpoint:
    """Times in milliseconds."""

    name: str
    requests: int
    failures: int
    per_second: float
    p50: float
    p95: float
    p99: float
    longest: float


@dataclass(frozen=True)
class Failure:
    request: str
    why: str
    times: int


@dataclass(frozen=True)
class Second:
    """`at`: seconds since 1970. The percentiles are those of the last ten seconds, in milliseconds; NaN: none yet."""

    at: float
    users: int
    per_second: float
    failures_per_second: float
    p50: float
    p95: float
    p99: float


def endpoints(folder: Path) -> list[Endpoint]:
    """By path, those that were asked for; the last is all of them together."""
    found = [
        Endpoint(
            "all" if row["Name"] == ALL else f"{row['Type']} {row['Name']}".strip(),
            int(row["Request Count"]),
            int(row["Failure Count"]),
            float(row["Requests/s"]),
            _ms(row["50%"]),
            _ms(row["95%"]),
            _ms(row["99%"]),
            _ms(row["Max Response Time"]),
        )
        for row in _rows(folder, "stats")
        if int(row["Request Count"])
    ]
    return sorted(found, key=lambda one: (one.name == "all", one.name.partition(" ")[2]))


def failures(folder: Path) -> list[Failure]:
    """Most frequent first."""
    found = [
        Failure(f"{row['Method']} {row['Name']}".strip(), _words(row["Error"]), int(row["Occurrences"]))
        for row in _rows(folder, "failures")
    ]
    return sorted(found, key=lambda one: -one.times)


def seconds(folder: Path) -> list[Second]:
    """In order. Locust counts from the beginning, and again from 0 once all users have arrived."""
    found: list[Second] = []
    at, requests, failed = 0.0, 0, 0
    for row in _rows(folder, "stats_history"):
        now = float(row["Timestamp"])
        if row["Name"] != ALL or now == at:
            continue
        requests_now, failed_now = int(row["Total Request Count"]), int(row["Total Failure Count"])
        if requests_now < requests:
            requests, failed = 0, 0
        elapsed = now - at if at else 1.0
        found.append(
            Second(
                now,
                int(row["User Count"]),
                (requests_now - requests) / elapsed,
                (failed_now - failed) / elapsed,
                _ms(row["50%"]),
                _ms(row["95%"]),
                _ms(row["99%"]),
            )
        )
        at, requests, failed = now, requests_now, failed_now
    return found


def _rows(folder: Path, which: str) -> Iterator[dict[str, str]]:
    """Of one of the files, as far as it is written."""
    path = folder / f"{PREFIX}_{which}.csv"
    if path.exists():
        with path.open(newline="") as file:
            yield from (row for row in csv.DictReader(file) if None not in row.values())


def _words(error: str) -> str:
    """A check's own words, which Locust has wrapped."""
    wrapped = re.fullmatch(r"CatchResponseError\((['\"])(.*)\1\)", error)
    return wrapped[2] if wrapped else error


def _ms(text: str) -> float:
    # Of a second without any, Locust says 0.
    return math.nan if text in ("", "N/A", "0") else float(text)
