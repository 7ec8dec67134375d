"""What streams out of a pod: its log as it comes, and the output of commands that run in it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from urllib.parse import urlencode

import websocket

from tests.cluster import Cluster

_STDIN, _STDOUT, _STDERR, _STATUS = 0, 1, 2, 3


def follow(cluster: Cluster, pod: str, **options: object) -> Iterator[str]:
    """The lines of a pod's log, as they come, until the log ends."""
    path = f"{cluster.path('pods', pod)}/log?{urlencode({'follow': 'true', **options})}"
    with cluster._answer("GET", path, timeout=cluster.patience) as answer:
        assert answer.status == 200, answer.read()
        while line := answer.readline():
            yield line.decode()


def run(cluster: Cluster, pod: str, script: str) -> tuple[int, str, str]:
    """Runs a script in a pod; exit code, output, error output."""
    return talk(cluster, pod, script, None)


def talk(cluster: Cluster, pod: str, script: str, given: bytes | None) -> tuple[int, str, str]:
    """The same with something to read for the script (WebSocket, `v4.channel.k8s.io`)."""
    words = [("command", each) for each in ("/bin/sh", "-c", script)]
    streams = [(each, "true") for each in ("stdout", "stderr", *(() if given is None else ("stdin",)))]
    query = urlencode([*words, ("container", "main"), *streams])
    connection = websocket.create_connection(
        f"{cluster.server.replace('https', 'wss')}{cluster.path('pods', pod)}/exec?{query}",
        timeout=cluster.patience,
        header=cluster.login,
        subprotocols=["v4.channel.k8s.io"],
        sslopt={"context": cluster.tls},
        http_no_proxy=["*"],
    )
    channels = {_STDOUT: b"", _STDERR: b"", _STATUS: b""}
    try:
        if given is not None:
            connection.send_binary(bytes([_STDIN]) + given)
        while data := connection.recv():
            channels[data[0]] += data[1:]
    finally:
        connection.shutdown()  # `close` leaves the socket when the server has closed first
    return _exit_code(channels[_STATUS]), channels[_STDOUT].decode(), channels[_STDERR].decode()


def _exit_code(status: bytes) -> int:
    found = json.loads(status)
    causes = {each["reason"]: each["message"] for each in (found.get("details") or {}).get("causes") or ()}
    assert found["status"] == "Success" or "ExitCode" in causes, found
    return int(causes.get("ExitCode", 0))
