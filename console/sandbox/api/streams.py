"""Logs, and commands in containers over WebSocket (`v4.channel.k8s.io`, `v5.channel.k8s.io`).

Channels: 0 standard input, 1 output, 2 error output, 3 the final Status, 4 the terminal's size; v5 adds 255, which
closes one.
(`k8s.io/apimachinery/pkg/util/remotecommand`, `k8s.io/apiserver/pkg/util/wsstream`)
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from datetime import timedelta

from aiohttp import WSMsgType, web

from console.sandbox.api import errors, pods, requests, times
from console.sandbox.api.context import Context
from console.sandbox.api.errors import bad_request
from console.sandbox.api.ports import LogOptions, NodeAgent, Session
from console.sandbox.api.resources import Object, Resource

STDIN, STDOUT, STDERR, ERROR, RESIZE, CLOSE = 0, 1, 2, 3, 4, 255
PROTOCOLS = ("v5.channel.k8s.io", "v4.channel.k8s.io")


def agent(context: Context, pod: Object) -> NodeAgent:
    """The agent of the pod's node.

    Raises:
        StatusError: 400 the pod has no node yet, or one that runs no processes.
    """
    name, node = pod["metadata"]["name"], pod["spec"].get("nodeName")
    if not node:
        raise bad_request(f"pod {name} does not have a host assigned")
    found = context.nodes.get(node)
    if not found:
        raise bad_request(f'pod {name} runs on virtual node "{node}", which has no processes')
    return found


def container_of(pod: Object, wanted: str) -> str:
    """The container that a request means: the one it names, or the only one there is.

    Raises:
        StatusError: 400, it names none of several, or one that is not there.
    """
    name, spec = pod["metadata"]["name"], pod["spec"]
    known = [each["name"] for each in pods.containers(spec)]
    if wanted:
        if wanted not in known:
            raise bad_request(f"container {wanted} is not valid for pod {name}")
        return wanted
    main = [each["name"] for each in spec["containers"]]
    default = (pod["metadata"].get("annotations") or {}).get("kubectl.kubernetes.io/default-container")
    if default in main:
        return str(default)
    if len(main) > 1:
        raise bad_request(f"a container name must be specified for pod {name}, choose one of: [{' '.join(main)}]")
    return str(main[0])


# -- logs


def log_options(query: Mapping[str, str], pod: str) -> LogOptions:
    """`PodLogOptions` of a query, for the pod of that name.

    Raises:
        StatusError: 400 a value is not a number or a moment; 422 values that contradict.
    """
    tail, limit = requests.number(query, "tailLines"), requests.number(query, "limitBytes")
    seconds = requests.number(query, "sinceSeconds")
    since = None
    if query.get("sinceTime"):
        try:
            since = times.parse(query["sinceTime"])
        except ValueError:
            raise bad_request(f'invalid sinceTime: parsing time "{query["sinceTime"]}"') from None
    problems = _log_problems(tail, limit, seconds, both=seconds is not None and since is not None)
    if problems:
        raise errors.not_valid(Resource("pods", "PodLogOptions"), pod, problems)
    return LogOptions(
        follow=requests.flag(query, "follow"),
        previous=requests.flag(query, "previous"),
        timestamps=requests.flag(query, "timestamps"),
        tail_lines=tail,
        limit_bytes=limit,
        since=times.now() - timedelta(seconds=seconds) if seconds is not None else since,
    )


def _log_problems(tail: int | None, limit: int | None, seconds: int | None, *, both: bool) -> list[errors.FieldError]:
    found = []
    if tail is not None and tail < 0:
        found.append(errors.invalid("tailLines", tail, "must be greater than or equal to 0"))
    if limit is not None and limit < 1:
        found.append(errors.invalid("limitBytes", limit, "must be greater than 0"))
    if seconds is not None and seconds < 1:
        found.append(errors.invalid("sinceSeconds", seconds, "must be greater than 0"))
    if both:
        found.append(errors.forbidden_field("", "at most one of `sinceTime` or `sinceSeconds` may be specified"))
    return found


async def log(context: Context, kind: Resource) -> web.StreamResponse:
    """Streams a container's log as plain text."""
    options = log_options(context.query, context.info.name)
    pod = context.machinery.get("pods", context.info.namespace, context.info.name)
    container = container_of(pod, context.query.get("container", ""))
    if not pod["spec"].get("nodeName"):
        return context.raw(b"", content_type="text/plain")
    lines = await agent(context, pod).logs(pod, container, options)
    response = web.StreamResponse(headers={"Content-Type": "text/plain"})
    response.enable_chunked_encoding()
    await response.prepare(context.request)
    async for chunk in lines:
        await response.write(chunk)
    return response


# -- commands


async def execute(context: Context, kind: Resource) -> web.StreamResponse:
    """Runs a command in a container."""
    command = context.request.query.getall("command", [])
    if not command:
        raise bad_request("you must specify at least one command for the container")
    pod = context.machinery.get("pods", context.info.namespace, context.info.name)
    container = container_of(pod, context.query.get("container", ""))
    require_websocket(context)
    terminal = requests.flag(context.query, "tty")
    stdin = requests.flag(context.query, "stdin")
    session = await agent(context, pod).exec(pod, container, command, stdin=stdin, tty=terminal)
    return await _serve(context, session)


async def attach(context: Context, kind: Resource) -> web.StreamResponse:
    """Connects to the container's own process."""
    pod = context.machinery.get("pods", context.info.namespace, context.info.name)
    container = container_of(pod, context.query.get("container", ""))
    require_websocket(context)
    terminal, stdin = requests.flag(context.query, "tty"), requests.flag(context.query, "stdin")
    session = await agent(context, pod).attach(pod, container, stdin=stdin, tty=terminal)
    return await _serve(context, session)


def require_websocket(context: Context) -> None:
    """The request must ask for an upgrade to WebSocket.

    Raises:
        StatusError: 400.
    """
    if context.request.headers.get("Upgrade", "").lower() != "websocket":
        raise bad_request("unable to upgrade: only WebSocket is served here (kubectl 1.31 and newer use it)")


async def _serve(context: Context, session: Session) -> web.WebSocketResponse:
    socket = web.WebSocketResponse(protocols=PROTOCOLS)
    await socket.prepare(context.request)
    reader = asyncio.create_task(_read_client(socket, session), name="exec: from the client")
    try:
        await _write_client(socket, session)
    finally:
        reader.cancel()
        await asyncio.gather(reader, return_exceptions=True)
        await session.close()
    await socket.close()
    return socket


async def _write_client(socket: web.WebSocketResponse, session: Session) -> None:
    async for stream, data in session.output():
        await socket.send_bytes(bytes([STDOUT if stream == "stdout" else STDERR]) + data)
    code = await session.wait()
    await socket.send_bytes(bytes([ERROR]) + json.dumps(_exit_status(code)).encode())


def _exit_status(code: int) -> Object:
    if code == 0:
        return {"metadata": {}, "status": "Success"}
    return {
        "metadata": {},
        "status": "Failure",
        "message": f"command terminated with non-zero exit code: exit status {code}",
        "reason": "NonZeroExitCode",
        "details": {"causes": [{"reason": "ExitCode", "message": str(code)}]},
    }


async def _read_client(socket: web.WebSocketResponse, session: Session) -> None:
    """Passes on what the client sends; when it has gone, so has the session."""
    async for message in socket:
        data = message.data if message.type is WSMsgType.BINARY else str(message.data).encode()
        if not data:
            continue
        channel, rest = data[0], data[1:]
        if channel == STDIN and rest:
            await session.write(rest)
        elif channel == RESIZE:
            size = json.loads(rest)
            await session.resize(size.get("Width", 80), size.get("Height", 24))
        elif channel == CLOSE and rest[:1] == bytes([STDIN]):
            await session.close_input()
    await session.close()
