from pathlib import Path

from cryptography import x509
from prometheus_client import REGISTRY
from pydantic import SecretStr

from services.account import metrics
from services.account.settings import DatabaseSettings
from tests.integration.account.mariadb import make_certificates


def test_metrics_show_when_the_certificates_of_the_database_connection_expire(tmp_path: Path) -> None:
    folder = tmp_path / "certificates"
    make_certificates(folder)
    settings = DatabaseSettings(
        database_url=SecretStr("mysql+pymysql://u:p@h/seen"),
        database_ca=folder / "ca.pem",
        database_cert=folder / "client.pem",
        database_key=folder / "client.key",
    )
    metrics.set_certificate_expiry(settings)
    for name in ("ca", "client"):
        expiry = x509.load_pem_x509_certificate((folder / f"{name}.pem").read_bytes()).not_valid_after_utc
        metric = REGISTRY.get_sample_value("seen_certificate_expiry_timestamp_seconds", {"certificate": name})
        assert metric == expiry.timestamp()
