"""Where the container engine listens: by the environment, else by the context that is chosen, else its usual socket.

The order is that of the `docker` command (docs.docker.com, "Docker contexts"), so that both speak to the same engine.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec

_USUAL = "unix:///var/run/docker.sock"


class EngineError(Exception):
    """The engine refused, failed or cannot be reached.

    Args:
        message: in its words.
        hint: what to do about it.
        status: of HTTP; 0 if it did not answer, or failed later.
    """

    def __init__(self, message: str, hint: str = "", status: int = 0) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.status = status


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An engine's address (`unix:///path`, `tcp://host:port`), and the folder with its certificates, if it has some."""

    address: str
    certificates: Path | None = None
    verify: bool = True

    def tls(self) -> ssl.SSLContext | None:
        """How to speak to it; None: without TLS. Raises EngineError; blocks on the disk."""
        if self.certificates is None:
            return None
        try:
            context = ssl.create_default_context(cafile=_file(self.certificates / "ca.pem"))
            if _file(self.certificates / "cert.pem"):
                context.load_cert_chain(self.certificates / "cert.pem", self.certificates / "key.pem")
        except (OSError, ssl.SSLError) as error:
            why = f"the engine's certificates in {self.certificates} cannot be used: {error}"
            raise EngineError(why, "check DOCKER_CERT_PATH, or the Docker context") from error
        if not self.verify:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return context


def config_folder(environment: Mapping[str, str]) -> Path:
    """The folder of Docker's configuration of this user."""
    home = Path(environment.get("HOME") or Path.home())
    return Path(environment.get("DOCKER_CONFIG") or home / ".docker")


def read_config(environment: Mapping[str, str]) -> dict[str, Any]:
    """Docker's configuration of this user; empty if there is none. Raises EngineError if it is broken."""
    return _read(config_folder(environment) / "config.json")


def find_endpoint(environment: Mapping[str, str]) -> Endpoint:
    """Where the engine listens. Raises EngineError: the context is unknown, or its files are broken."""
    folder = config_folder(environment)
    if address := environment.get("DOCKER_HOST"):
        secure = environment.get("DOCKER_TLS_VERIFY") or environment.get("DOCKER_TLS")
        certificates = Path(environment.get("DOCKER_CERT_PATH") or folder) if secure else None
        return Endpoint(address, certificates, verify=bool(environment.get("DOCKER_TLS_VERIFY")))
    name = environment.get("DOCKER_CONTEXT") or str(read_config(environment).get("currentContext") or "default")
    return Endpoint(_USUAL) if name == "default" else _of_context(folder / "contexts", name)


def _of_context(contexts: Path, name: str) -> Endpoint:
    key = sha256(name.encode()).hexdigest()
    try:
        described = _read(contexts / "meta" / key / "meta.json")["Endpoints"]["docker"]
        address = str(described["Host"])
    except (KeyError, TypeError) as error:
        hint = "`docker context ls` lists those that there are, `docker context use` chooses one"
        raise EngineError(f"there is no Docker context {name}", hint) from error
    certificates = contexts / "tls" / key / "docker"
    return Endpoint(address, certificates if certificates.is_dir() else None, not described.get("SkipTLSVerify"))


def _file(path: Path) -> str | None:
    return str(path) if path.is_file() else None


def _read(file: Path) -> dict[str, Any]:
    try:
        return msgspec.json.decode(file.read_bytes(), type=dict[str, Any])
    except FileNotFoundError:
        return {}
    except (OSError, msgspec.MsgspecError) as error:
        raise EngineError(f"Docker's configuration {file} cannot be read: {error}", "correct or remove it") from error
