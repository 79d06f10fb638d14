from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from services.account.settings import DatabaseSettings


@pytest.mark.parametrize(
    "url", ["sqlite:////tmp/accounts.db", "mysql+pymysql://u:p@h/seen", "mariadb+pymysql://u:p@h:3306/seen"]
)
def test_sqlite_files_and_mysql_are_databases(url: str) -> None:
    assert DatabaseSettings(database_url=SecretStr(url)).database_url.get_secret_value() == url


@pytest.mark.parametrize(
    "url", ["", "s3cret", "sqlite://", "sqlite:///:memory:", "mysql://u:s3cret@h/seen", "postgresql://u:s3cret@h/seen"]
)
def test_nothing_else_is_and_the_error_does_not_repeat_it(url: str) -> None:
    with pytest.raises(ValidationError) as caught:
        DatabaseSettings(database_url=SecretStr(url))
    assert "s3cret" not in str(caught.value)


def test_the_password_is_not_shown() -> None:
    assert "s3cret" not in repr(DatabaseSettings(database_url=SecretStr("mysql+pymysql://u:s3cret@h/seen")))


def test_a_client_certificate_comes_with_its_key_and_the_servers_authority(tmp_path: Path) -> None:
    file = tmp_path / "some.pem"
    file.touch()
    url = SecretStr("mysql+pymysql://u:p@h/seen")
    DatabaseSettings(database_url=url, database_ca=file, database_cert=file, database_key=file)
    with pytest.raises(ValidationError):
        DatabaseSettings(database_url=url, database_ca=file, database_cert=file)
    with pytest.raises(ValidationError):
        DatabaseSettings(database_url=url, database_cert=file, database_key=file)
    with pytest.raises(ValidationError):
        DatabaseSettings(database_url=url, database_ca=tmp_path / "missing.pem")
