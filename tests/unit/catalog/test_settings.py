"""The settings of a dataset's process."""

import pytest

from services.catalog.settings import CatalogSettings


@pytest.mark.parametrize("uris", ["", "http://secret", "mongodb://u:secret@", "mongodb://localhost,x://secret"])
def test_a_malformed_uri_is_not_printed(
    uris: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in (("PORT", "0"), ("METRICS_PORT", "0"), ("MONGO_URIS", uris)):
        monkeypatch.setenv(f"SEEN_{name}", value)
    with pytest.raises(SystemExit) as end:
        CatalogSettings.from_env()
    assert end.value.code == 2
    output, errors = capsys.readouterr()
    assert "SEEN_MONGO_URIS" in errors
    assert "secret" not in output + errors
