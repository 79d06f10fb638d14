from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from services.account.settings import DatabaseSettings


@pytest.mark.parametrize(
    "url", ["sqlite:////tmp/accounts.db", "mysql+pymysql://u:p@h/seen", "mariadb+pymysql://u:p@h:3306/seen"]
)
def test_urls_of_sqlite_files_mysql_and_mariadb_are_accepted(url: str) -> None:
    assert DatabaseSettings(database_url=SecretStr(url)).database_url.get_secret_value() == url


@pytest.mark.parametrize(
    "url", ["", "s3cret", "sqlite://", "sqlite:///:memory:", "mysql://u:s3cret@h/seen", "postgresql://u:s3cret@h/seen"]
)
def test_any_other_url_is_refused_and_not_quoted_in_the_error(url: str) -> None:
    with pytest.raises(ValidationError) as caught:
        DatabaseSettings(database_url=SecretStr(url))
    assert "s3cret" not in str(caught.value)


def test_an_invalid_url_is_reported_by_the_setting_name_without_the_password(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SEEN_DATABASE_URL", "postgresql://u:s3cret@h/seen")
    with pytest.raises(SystemExit, match="2"):
        DatabaseSettings.from_env()
    message = capsys.readouterr().err
    assert message.startswith("settings: SEEN_DATABASE_URL: ")
    assert "s3cret" not in message


def test_the_repr_does_not_contain_the_password() -> None:
    assert "s3cret" not in repr(DatabaseSettings(database_url=SecretStr("mysql+pymysql://u:s3cret@h/seen")))


def test_a_client_certificate_requires_its_key_and_the_servers_ca(tmp_path: Path) -> None:
    file = tmp_path / "file.pem"
    file.touch()
    url = SecretStr("mysql+pymysql://u:p@h/seen")
    DatabaseSettings(database_url=url, database_ca=file, database_cert=file, database_key=file)
    with pytest.raises(ValidationError):
        DatabaseSettings(database_url=url, database_ca=file, database_cert=file)
    with pytest.raises(ValidationError):
        DatabaseSettings(database_url=url, database_cert=file, database_key=file)
    with pytest.raises(ValidationError):
        DatabaseSettings(database_url=url, database_ca=tmp_path / "missing.pem")
