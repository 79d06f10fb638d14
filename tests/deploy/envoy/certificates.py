"""Temporary certificates: the mesh's, which name a service account, and the operator's, which names a host."""

import datetime
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

TRUST_DOMAIN = "cluster.local"
LIFETIME = datetime.timedelta(hours=1)


@dataclass(frozen=True)
class Certificate:
    chain: Path
    key: Path


class Authority:
    """Signs certificates and stores them in a folder, its own as `root.pem`."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        folder.mkdir()
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        constraints = x509.BasicConstraints(ca=True, path_length=None)
        signed = self._builder(self._name, self._key).add_extension(constraints, critical=True)
        self.root = folder / "root.pem"
        self.root.write_bytes(signed.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))

    def for_account(self, namespace: str, account: str) -> Certificate:
        """As issued by istiod: the only name is the account's SPIFFE URI. Cached."""
        uri = f"spiffe://{TRUST_DOMAIN}/ns/{namespace}/sa/{account}"
        return self._issue(f"{namespace}-{account}", x509.UniformResourceIdentifier(uri))

    def for_host(self, host: str) -> Certificate:
        return self._issue(host, x509.DNSName(host))

    def _issue(self, file: str, name: x509.GeneralName) -> Certificate:
        chain, private = self._folder / f"{file}.pem", self._folder / f"{file}.key"
        if chain.exists():
            return Certificate(chain, private)
        key = ec.generate_private_key(ec.SECP256R1())
        # Critical, because the subject is empty.
        builder = self._builder(x509.Name([]), key).add_extension(x509.SubjectAlternativeName([name]), critical=True)
        chain.write_bytes(builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
        private.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return Certificate(chain, private)

    def _builder(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        now = datetime.datetime.now(datetime.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(minutes=5))
            .not_valid_after(now + LIFETIME)
        )
