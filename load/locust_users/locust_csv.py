"""Reads the CSV files that Locust writes: a row for each kind of request, for each failure and for each second."""

import csv
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

AGGREGATED = "Aggregated"  # Locust's name for all requests together
PREFIX = "locust"  # of the file names, given to Locust with --csv


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
    reason: str
    count: int


@dataclass(frozen=True)
class Second:
    """`time`: Unix time. The percentiles are those of the last ten seconds, in milliseconds; NaN without requests."""

    time: float
    users: int
    per_second: float
    failures_per_second: float
    p50: float
    p95: float
    p99: float


def endpoints(folder: Path) -> list[Endpoint]:
    """The kinds of requests that were sent, by path; the last is "all"."""
    rows = [
        Endpoint(
            "all" if row["Name"] == AGGREGATED else f"{row['Type']} {row['Name']}".strip(),
            int(row["Request Count"]),
            int(row["Failure Count"]),
            float(row["Requests/s"]),
            *_milliseconds(row, "50%", "95%", "99%", "Max Response Time"),
        )
        for row in _rows(folder, "stats")
        if int(row["Request Count"])
    ]
    return sorted(rows, key=lambda row: (row.name == "all", row.name.partition(" ")[2]))


def failures(folder: Path) -> list[Failure]:
    """The failures, most frequent first."""
    rows = [
        Failure(f"{row['Method']} {row['Name']}".strip(), _unwrapped(row["Error"]), int(row["Occurrences"]))
        for row in _rows(folder, "failures")
    ]
    return sorted(rows, key=lambda failure: -failure.count)


def seconds(folder: Path) -> list[Second]:
    """The seconds in order. Locust's totals start again from 0 when all users have arrived."""
    result: list[Second] = []
    time, requests, failed = 0.0, 0, 0
    for row in _rows(folder, "stats_history"):
        now = float(row["Timestamp"])
        if row["Name"] != AGGREGATED or now == time:
            continue
        requests_now, failed_now = int(row["Total Request Count"]), int(row["Total Failure Count"])
        if requests_now < requests:
            requests, failed = 0, 0
        elapsed = now - time if time else 1.0
        result.append(
            Second(
                now,
                int(row["User Count"]),
                (requests_now - requests) / elapsed,
                (failed_now - failed) / elapsed,
                *_milliseconds(row, "50%", "95%", "99%"),
            )
        )
        time, requests, failed = now, requests_now, failed_now
    return result


def _rows(folder: Path, table: str) -> Iterator[dict[str, str]]:
    """The complete rows of one file, which Locust may still be writing."""
    path = folder / f"{PREFIX}_{table}.csv"
    if path.exists():
        with path.open(newline="") as file:
            yield from (row for row in csv.DictReader(file) if None not in row.values())


def _unwrapped(error: str) -> str:
    """The text of a WrongAnswer, without the exception in which Locust wraps it."""
    wrapped = re.fullmatch(r"CatchResponseError\((['\"])(.*)\1\)", error)
    return wrapped[2] if wrapped else error


def _milliseconds(row: dict[str, str], *columns: str) -> list[float]:
    # Locust writes 0 for a second without requests.
    return [math.nan if row[column] in ("", "N/A", "0") else float(row[column]) for column in columns]
