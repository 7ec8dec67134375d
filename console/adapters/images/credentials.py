"""Logins at registries, as `docker login` keeps them: in Docker's configuration, or with a credential helper.

Which of them is asked, and how: docs.docker.com, "docker login", credential stores and credential helpers.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import msgspec

from console.model.errors import PushError

_HUB = "https://index.docker.io/v1/"
_HUB_NAMES = ("docker.io", "index.docker.io", "registry-1.docker.io")
_PATIENCE = 30.0
_TOKEN_USER = "<token>"  # noqa: S105 - what helpers call a user whose secret is an identity token


@dataclass(frozen=True, slots=True)
class Login:
    """A login: a name with its password, or an identity token in place of both."""

    user: str = ""
    password: str = field(default="", repr=False)
    identity: str = field(default="", repr=False)

    def basic(self) -> str:
        """As HTTP's Basic authentication sends it."""
        return "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode()

    def for_engine(self, host: str) -> dict[str, str]:
        """As the engine's API takes it (`AuthConfig`)."""
        server = _HUB if host in _HUB_NAMES else host
        if self.identity:
            return {"identitytoken": self.identity, "serveraddress": server}
        return {"username": self.user, "password": self.password, "serveraddress": server}


class Logins(Protocol):
    """Where logins at registries come from."""

    async def find(self, host: str) -> Login | None:
        """The login at a registry, None if there is none. Raises PushError."""
        ...


class PullSecret:
    """The logins of a Secret of type kubernetes.io/dockerconfigjson; of something else, none.

    Args:
        content: its `.dockerconfigjson`.
    """

    def __init__(self, content: str) -> None:
        try:
            self._auths = msgspec.json.decode(content, type=dict[str, dict[str, Any]]).get("auths") or {}
        except msgspec.MsgspecError:
            self._auths = {}

    async def find(self, host: str) -> Login | None:
        """The login at a registry, also one that is kept for a path of it."""
        places = (key for key in self._auths if urlsplit(f"//{key.partition('://')[2] or key}").netloc == host)
        return _written(self._auths, (*_keys(host), *places))


class DockerCredentials:
    """The logins of this user.

    Args:
        environment: the console's; helpers see all of it, as they do when `docker` asks them.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        home = Path(environment.get("HOME") or Path.home())
        self._file = Path(environment.get("DOCKER_CONFIG") or home / ".docker") / "config.json"

    async def find(self, host: str) -> Login | None:
        """The login at a registry, None if there is none. Raises PushError: a file or a helper cannot be used."""
        config = await asyncio.to_thread(self._read)
        keys = _keys(host)
        helpers = config.get("credHelpers") or {}
        helper = next((helpers[key] for key in keys if key in helpers), config.get("credsStore"))
        if helper:
            return await self._ask(str(helper), keys[0])
        return _written(config.get("auths") or {}, keys)

    def _read(self) -> dict[str, Any]:
        try:
            return msgspec.json.decode(self._file.read_bytes(), type=dict[str, Any])
        except FileNotFoundError:
            return {}
        except (OSError, msgspec.MsgspecError) as error:
            what, hint = "logins at registries cannot be read", "correct it, or log in again with `docker login`"
            raise PushError(what, where=str(self._file), why=str(error), hint=hint) from error

    async def _ask(self, helper: str, server: str) -> Login | None:
        program = f"docker-credential-{helper}"
        try:
            code, said = await self._run(program, server.encode())
        except (OSError, TimeoutError) as error:
            why = "it is not installed" if isinstance(error, FileNotFoundError) else str(error) or "it does not answer"
            raise _unusable(program, self._file, why) from error
        text = said.decode(errors="replace").strip()
        if code:
            if "not found" in text:
                return None
            raise _unusable(program, self._file, text.splitlines()[0] if text else f"exit code {code}")
        try:
            found = msgspec.json.decode(said, type=dict[str, str])
            user, secret = found["Username"], found["Secret"]
        except (msgspec.MsgspecError, KeyError) as error:
            raise _unusable(program, self._file, "it told no login") from error
        return Login(identity=secret) if user == _TOKEN_USER else Login(user, secret)

    async def _run(self, program: str, asked: bytes) -> tuple[int, bytes]:
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            program, "get", stdin=pipe, stdout=pipe, stderr=asyncio.subprocess.DEVNULL, env=dict(self._environment)
        )
        try:
            async with asyncio.timeout(_PATIENCE):
                said, _ = await process.communicate(asked)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        return process.returncode or 0, said


def _keys(host: str) -> tuple[str, ...]:
    """The names by which a registry may be kept."""
    return (_HUB, *_HUB_NAMES) if host in _HUB_NAMES else (host, f"https://{host}", f"http://{host}")


def _written(auths: Mapping[str, Any], keys: tuple[str, ...]) -> Login | None:
    by_host = {key.rstrip("/").removesuffix("/v1").removesuffix("/v2"): entry for key, entry in auths.items()}
    for key in keys:
        entry = auths.get(key) or by_host.get(key)
        if not entry:
            continue
        if entry.get("identitytoken"):
            return Login(identity=str(entry["identitytoken"]))
        user, password = str(entry.get("username", "")), str(entry.get("password", ""))
        if not user:
            user, _, password = _decoded(str(entry.get("auth", ""))).partition(":")
        if user:
            return Login(user, password)
    return None


def _decoded(text: str) -> str:
    try:
        return base64.b64decode(text).decode().rstrip("\0")
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _unusable(program: str, file: Path, why: str) -> PushError:
    hint = "install it, or take it out of credsStore and credHelpers and log in again with `docker login`"
    return PushError(f"the credential helper {program} cannot be used", where=str(file), why=why, hint=hint)
