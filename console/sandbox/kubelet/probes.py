"""One probe, once: HTTP, TCP or a command. Rules and words: `pkg/probe`."""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import Awaitable, Callable
from typing import NamedTuple

import aiohttp
from aiohttp import ClientSession, ClientTimeout, TCPConnector

from console.sandbox.api.resources import Object
from console.sandbox.api.version import MAJOR, MINOR
from console.sandbox.kubelet.process import exec_problem

Run = Callable[[list[str], float], Awaitable[tuple[int | None, str]]]
"""Runs a command in the container for so many seconds at most: exit code (None: it took longer) and output."""
_AGENT = {"User-Agent": f"kube-probe/{MAJOR}.{MINOR}", "Accept": "*/*", "Connection": "close"}
_EXEC_FAILED = (
    "rpc error: code = Unknown desc = failed to exec in container: failed to start exec: OCI runtime exec failed: "
    "exec failed: unable to start container process"
)
_LONGEST = 10 * 1024


class Result(NamedTuple):
    """What a probe found: it succeeded, failed (`ok` is False) or could not be made (None), and the words for it."""

    ok: bool | None
    output: str = ""


class Target(NamedTuple):
    """The container that is probed: where it listens, and how commands run in it."""

    address: str
    container: Object
    run: Run


class Probes:
    """Makes probes. One HTTP session for all of a node, no connection is kept."""

    def __init__(self) -> None:
        self._session: ClientSession | None = None

    async def close(self) -> None:
        """Ends what is under way."""
        if self._session:
            await self._session.close()

    async def probe(self, spec: Object, target: Target) -> Result:
        """Makes a probe as `spec` (a Probe) says."""
        seconds = float(spec.get("timeoutSeconds") or 1)
        if action := spec.get("exec"):
            return await _command(action["command"], target, seconds)
        if action := spec.get("httpGet"):
            return await self.http(action, target, seconds)
        if action := spec.get("tcpSocket"):
            return await _tcp(action, target, seconds)
        return Result(None, "missing probe handler")

    async def http(self, action: Object, target: Target, seconds: float) -> Result:
        """GET; 200 to 399 is success. Also what `httpGet` hooks do."""
        port = port_of(action["port"], target.container)
        if port is None:
            return Result(None, f'couldn\'t find port: "{action["port"]}"')
        scheme, host = action.get("scheme", "HTTP").lower(), action.get("host") or target.address
        url = f"{scheme}://{host}:{port}/{action.get('path', '/').lstrip('/')}"
        headers = _AGENT | {each["name"]: each["value"] for each in action.get("httpHeaders") or ()}
        try:
            async with self._open().get(url, headers=headers, timeout=ClientTimeout(total=seconds)) as answer:
                status = answer.status
        except TimeoutError:
            why = "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
            return Result(False, f'Get "{url}": {why}')
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return Result(False, f'Get "{url}": {_http_problem(error, host, port)}')
        if 200 <= status < 400:
            return Result(True)
        return Result(False, f"HTTP probe failed with statuscode: {status}")

    def _open(self) -> ClientSession:
        if self._session is None:
            trusting = ssl.create_default_context()
            trusting.check_hostname = False
            trusting.verify_mode = ssl.CERT_NONE  # as the kubelet does: probes do not check certificates
            self._session = ClientSession(connector=TCPConnector(force_close=True, limit=0, ssl=trusting))
        return self._session


def port_of(port: int | str, container: Object) -> int | None:
    """The number of a port that is given by number or name."""
    if isinstance(port, int) or str(port).isdigit():
        return int(port)
    named = (each for each in container.get("ports") or () if each.get("name") == port)
    return next((int(each["containerPort"]) for each in named), None)


def _http_problem(error: Exception, host: str, port: int) -> str:
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return "EOF"
    if isinstance(error, OSError) and error.errno:
        return _dial(host, port, error)
    return str(error) or type(error).__name__


def _dial(host: str, port: int, error: OSError) -> str:
    """A connection that was not made, in Go's words."""
    if error.errno is None or error.errno < 0:
        return f"dial tcp: lookup {host}: no such host"
    return f"dial tcp {host}:{port}: connect: {os.strerror(error.errno).lower()}"


async def _tcp(action: Object, target: Target, seconds: float) -> Result:
    port, host = port_of(action["port"], target.container), action.get("host") or target.address
    if port is None:
        return Result(None, f'couldn\'t find port: "{action["port"]}"')
    try:
        async with asyncio.timeout(seconds):
            _, writer = await asyncio.open_connection(host, port)
    except TimeoutError:
        return Result(False, f"dial tcp {host}:{port}: i/o timeout")
    except OSError as error:
        return Result(False, _dial(host, port, error))
    writer.close()
    return Result(True)


async def _command(command: list[str], target: Target, seconds: float) -> Result:
    try:
        code, output = await target.run(command, seconds)
    except OSError as error:
        why = exec_problem(command[0], error.errno or 0)
        return Result(None, f"{_EXEC_FAILED}: {why}: unknown")
    if code is None:
        return Result(False, f'command timed out: "{" ".join(command)}" timed out after {seconds:g}s')
    return Result(code == 0, output[:_LONGEST])
