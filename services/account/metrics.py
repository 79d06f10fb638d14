"""Metrics of the account service."""

from cryptography import x509
from prometheus_client import Gauge

from services.account.settings import DatabaseSettings

CERTIFICATE_EXPIRY = Gauge(
    "seen_certificate_expiry_timestamp_seconds",
    "Unix time at which a certificate of the database connection expires.",
    ("certificate",),
)


def set_certificate_expiry(settings: DatabaseSettings) -> None:
    """For the configured CA and client certificates. After the first of them expires, MySQL cannot be reached."""
    for name, path in (("ca", settings.database_ca), ("client", settings.database_cert)):
        if path:
            # A file may hold several certificates; the first to expire counts.
            expiry = min(cert.not_valid_after_utc for cert in x509.load_pem_x509_certificates(path.read_bytes()))
            CERTIFICATE_EXPIRY.labels(name).set(expiry.timestamp())
