"""Who is who: the cluster's certificate authority, its server certificate, its tokens, the kubeconfig.

Everything lies in one folder (0700) and is made once; the kubeconfig and the keys are 0600.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import hmac
import json
import os
import secrets
import ssl
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from console.sandbox.api import times
from console.sandbox.api.resources import Object
from console.sandbox.api.users import AUTHENTICATED, MASTERS, User

ISSUER = "https://kubernetes.default.svc.cluster.local"
_YEARS = timedelta(days=3650)


class Authority:
    """The folder's certificates and tokens; what is missing is made.

    Args:
        folder: where they lie; created with mode 0700.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not (folder / "server.crt").exists():
            _make_certificates(folder)
        if not (folder / "tokens.csv").exists():
            _write(folder / "tokens.csv", f"{secrets.token_urlsafe(32)},sandbox-admin,admin,{MASTERS}\n".encode())
        if not (folder / "service-accounts.key").exists():
            _write(folder / "service-accounts.key", secrets.token_bytes(32))
        self._key = (folder / "service-accounts.key").read_bytes()
        self._static = dict(_static_tokens(folder / "tokens.csv"))

    @property
    def root_certificate(self) -> str:
        """The PEM that clients trust."""
        return (self._folder / "ca.crt").read_text()

    def server_context(self) -> ssl.SSLContext:
        """TLS for the API's listener."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._folder / "server.crt", self._folder / "server.key")
        return context

    @property
    def admin_token(self) -> str:
        """The token of the user who may do everything."""
        return next(token for token, user in self._static.items() if MASTERS in user.groups)

    def kubeconfig(self, server: str, token: str = "", *, namespace: str = "default") -> str:
        """A kubeconfig for a token (the admin's when empty), context `sandbox`."""
        authority = base64.b64encode(self.root_certificate.encode()).decode()
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "sandbox",
            "clusters": [{"name": "sandbox", "cluster": {"server": server, "certificate-authority-data": authority}}],
            "users": [{"name": "sandbox", "user": {"token": token or self.admin_token}}],
            "contexts": [
                {"name": "sandbox", "context": {"cluster": "sandbox", "user": "sandbox", "namespace": namespace}}
            ],
        }
        return json.dumps(config, indent=1)

    def write_kubeconfig(self, path: Path, server: str) -> None:
        """Writes the admin's kubeconfig, 0600, in one step: nobody reads half a file."""
        _write(path, self.kubeconfig(server).encode())

    def service_account_token(
        self, account: Object, seconds: int, audiences: list[str] | None = None
    ) -> dict[str, str]:
        """A token (JWT, HS256) for a ServiceAccount, valid for so many seconds: the `status` of a TokenRequest."""
        metadata = account["metadata"]
        moment = int(time.time())
        about = {"namespace": metadata["namespace"], "serviceaccount": {k: metadata[k] for k in ("name", "uid")}}
        body = {
            "aud": audiences or [ISSUER],
            "exp": moment + seconds,
            "iat": moment,
            "iss": ISSUER,
            "kubernetes.io": about,
            "nbf": moment,
            "sub": f"system:serviceaccount:{metadata['namespace']}:{metadata['name']}",
        }
        signed = f"{_pack({'alg': 'HS256', 'typ': 'JWT'})}.{_pack(body)}"
        until = times.time(datetime.fromtimestamp(moment + seconds, UTC))
        return {"token": f"{signed}.{self._sign(signed)}", "expirationTimestamp": until}

    def _sign(self, text: str) -> str:
        return _base64(hmac.new(self._key, text.encode(), hashlib.sha256).digest())

    def claims(self, token: str) -> dict[str, Any] | None:
        """The claims of a service account token that we signed and that has not ended, else None."""
        signed, _, signature = token.rpartition(".")
        if not hmac.compare_digest(self._sign(signed), signature):
            return None
        body = signed.partition(".")[2]
        claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        return claims if claims["exp"] > time.time() else None

    def static_user(self, token: str) -> User | None:
        """The user of a token in `tokens.csv`, else None."""
        return self._static.get(token)


@dataclass(frozen=True, slots=True)
class ServiceAccountToken:
    """What a service account token says about its bearer."""

    namespace: str
    name: str
    uid: str

    @classmethod
    def of(cls, claims: dict[str, Any]) -> ServiceAccountToken:
        """From the claims of a token."""
        inside = claims["kubernetes.io"]
        return cls(inside["namespace"], inside["serviceaccount"]["name"], inside["serviceaccount"]["uid"])

    @property
    def user(self) -> User:
        """The user that the account is."""
        groups = ("system:serviceaccounts", f"system:serviceaccounts:{self.namespace}", AUTHENTICATED)
        return User(f"system:serviceaccount:{self.namespace}:{self.name}", groups, self.uid)


def _static_tokens(path: Path) -> list[tuple[str, User]]:
    """The lines of a static token file: token, user, uid, groups as Kubernetes has them."""
    with path.open(newline="") as file:
        rows = [row for row in csv.reader(file) if row]
    return [(token, User(name, (*groups.split(","), AUTHENTICATED), uid)) for token, name, uid, groups in rows]


def _write(path: Path, data: bytes) -> None:
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
    partial.replace(path)


def _pack(value: dict[str, Any]) -> str:
    return _base64(json.dumps(value, separators=(",", ":")).encode())


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _make_certificates(folder: Path) -> None:
    """A root of its own and a server certificate under it (EC P-256: made in a millisecond)."""
    from ipaddress import ip_address

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    def name(common: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])

    def save(stem: str, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> None:
        form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        _write(folder / f"{stem}.key", key.private_bytes(*form))
        _write(folder / f"{stem}.crt", certificate.public_bytes(serialization.Encoding.PEM))

    start = times.now() - timedelta(hours=1)
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
    root, server = (
        x509.CertificateBuilder()
        .subject_name(name(subject))
        .issuer_name(name("sandbox-ca"))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + _YEARS)
        for subject, key in zip(("sandbox-ca", "sandbox-apiserver"), keys, strict=True)
    )
    hosts = ("localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc")
    names = [*map(x509.DNSName, hosts), x509.IPAddress(ip_address("127.0.0.1"))]
    usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
    root = root.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    server = server.add_extension(x509.SubjectAlternativeName(names), critical=False).add_extension(
        usage, critical=False
    )
    save("ca", keys[0], root.sign(keys[0], hashes.SHA256()))
    save("server", keys[1], server.sign(keys[0], hashes.SHA256()))
