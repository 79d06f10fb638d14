"""Settings that contradict each other or are malformed."""

import pytest

from services.spark_connector.settings import SparkSettings

REQUIRED = {
    "SEEN_PORT": "0",
    "SEEN_METRICS_PORT": "0",
    "SEEN_IMDB_FILES": "imdb",
    "SEEN_RESULTS": "results",
    "SEEN_ACCOUNT_ADDRESS": "account:50051",
    "SEEN_CATALOG_ADDRESSES": "BOOK=book:50051",
}


@pytest.mark.parametrize(
    ("environment", "variable"),
    [
        ({"SEEN_RESULTS": ""}, "SEEN_RESULTS"),
        ({"SEEN_IMDB_FILES": "gs://bucket"}, "SEEN_IMDB_FILES"),
        ({"SEEN_SPARK_RUNNER": "dataproc", "SEEN_IMDB_FILES": "gs://bucket"}, "SEEN_DATAPROC_CLUSTER"),
        ({"SEEN_SPARK_RUNNER": "abacus"}, "SEEN_SPARK_RUNNER"),
        ({"SEEN_JOB_MEMORY": "lots"}, "SEEN_JOB_MEMORY"),
    ],
)
def test_a_wrong_setting_is_reported_by_name(
    environment: dict[str, str],
    variable: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, value in (REQUIRED | environment).items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit):
        SparkSettings.from_env()
    assert variable in capsys.readouterr().err
