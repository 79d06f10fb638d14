"""Killed and hanging processes of a suite that runs all services in one process."""

import pytest

from tests.end_to_end import failures
from tests.end_to_end.failures import Check, ItemByType
from tests.end_to_end.suites import LocalSuite

pytestmark = pytest.mark.own_suite

COMPACT = True
CHECKS = {
    "mongod-book": failures.without_dataset("BOOK"),
    "mongod-imdb-2": failures.without_a_shard,
    "local_auth0": failures.without_sign_in,
    "compact": failures.without_gateway,
}


@pytest.mark.parametrize(("name", "check"), CHECKS.items(), ids=CHECKS)
def test_a_killed_process_is_reported_and_a_restart_brings_it_back_with_every_mark(
    fragile: LocalSuite, marked_items: ItemByType, name: str, check: Check
) -> None:
    failures.kill_and_restart(fragile, name, check, marked_items)


def test_a_hanging_database_does_not_delay_other_datasets(fragile: LocalSuite, marked_items: ItemByType) -> None:
    failures.assert_that_a_hanging_database_does_not_delay_other_datasets(fragile, marked_items)
