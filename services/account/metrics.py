"""Metrics of the account service."""

from pathlib import Path

from cryptography import x509
from prometheus_client import Gauge

from services.account.settings import DatabaseSettings

CERTIFICATE_EXPIRY = Gauge(
    "seen_certificate_expiry_timestamp_seconds",
    "Unix time at which a certificate of the database connection ends.",
    ("certificate",),
)


def show_certificates(settings: DatabaseSettings) -> None:
    """Of those that are there: the CA's and the client's. The day one of them ends, MySQL is out of reach."""
    for name, path in (("ca", settings.database_ca), ("client", settings.database_cert)):
        if path:
            CERTIFICATE_EXPIRY.labels(name).set(_end(path))


def _end(path: Path) -> float:
    """Of several certificates in one file, the first to end."""
    certificates = x509.load_pem_x509_certificates(path.read_bytes())
    return min(certificate.not_valid_after_utc.timestamp() for certificate in certificates)
