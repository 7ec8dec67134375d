"""Commands in containers over WebSocket, bounded in time and output (KEP-4006; `remotecommand`, channels of `v5`).

Channel 1 is standard output, 2 error output, 3 the final Status with the exit code.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

import aiohttp
import msgspec

from console.adapters.kubernetes.failures import Call, Status
from console.adapters.kubernetes.resources import PODS
from console.adapters.kubernetes.transport import Transport
from console.engine.ports import ExecResult
from console.model.errors import ApplyError, UnreachableError

_PROTOCOLS: Final = ("v5.channel.k8s.io", "v4.channel.k8s.io")
_STDOUT, _STDERR, _ERROR = 1, 2, 3
_STATUS = msgspec.json.Decoder(dict[str, object])


async def run(
    transport: Transport, namespace: str, pod: str, container: str, command: Sequence[str], timeout: float, most: int
) -> ExecResult:
    """See `ports.Cluster.exec`."""
    call = _call(namespace, pod, container, command)
    try:
        async with asyncio.timeout(timeout):
            socket = await transport.socket(call, _PROTOCOLS)
            try:
                return await _result(socket, call, most)
            finally:
                await socket.close()
    except TimeoutError as error:
        what = f"{command[0]} did not end within {timeout:g} s"
        raise UnreachableError(what, where=call.subject, hint="look at the pod and at its node") from error
    except aiohttp.ClientError as error:
        raise UnreachableError("the session broke", where=call.subject, why=str(error), hint="try again") from error


def _call(namespace: str, pod: str, container: str, command: Sequence[str]) -> Call:
    query = [*(("command", word) for word in command), ("container", container), ("stdout", "true"), ("stderr", "true")]
    # Up to 1.34 a WebSocket takes the verb get alone (1.35: AuthorizePodWebsocketUpgradeCreatePermission).
    right = f"get and create pods/exec in {namespace}"
    return Call("GET", PODS.path(namespace, pod, "exec"), right, f"pod/{pod} {container}", tuple(query))


async def _result(socket: aiohttp.ClientWebSocketResponse, call: Call, most: int) -> ExecResult:
    """Everything up to the final Status."""
    output = {_STDOUT: bytearray(), _STDERR: bytearray()}
    async for message in socket:
        data = message.data if message.type is aiohttp.WSMsgType.BINARY else str(message.data).encode()
        if not data:
            continue
        channel, rest = data[0], data[1:]
        if channel == _ERROR:
            return ExecResult(_exit_code(rest, call), bytes(output[_STDOUT]), bytes(output[_STDERR]))
        if channel in output:
            output[channel] += rest
            if sum(map(len, output.values())) > most:
                return ExecResult(-1, bytes(output[_STDOUT]), bytes(output[_STDERR]), whole=False)
    raise UnreachableError("the session broke", where=call.subject, why="it ended without a status", hint="try again")


def _exit_code(data: bytes, call: Call) -> int:
    """The exit code that a Status tells. Raises ApplyError: the command was not begun."""
    try:
        status, outcome = msgspec.json.decode(data, type=Status), _STATUS.decode(data).get("status")
    except msgspec.MsgspecError as error:
        raise ApplyError("the answer makes no sense", where=call.subject, why=str(error)) from error
    if outcome == "Success":
        return 0
    if status.reason == "NonZeroExitCode":
        return next((int(cause.message) for cause in status.causes if cause.reason == "ExitCode"), 1)
    raise ApplyError("the command could not be begun", where=call.subject, why=status.message)
