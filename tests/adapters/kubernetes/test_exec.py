"""Commands in containers: exit code and output, bounded in time and size, with the reason where there is none."""

import json

import pytest
from aiohttp import web

from console.adapters.kubernetes.client import KubernetesCluster
from console.adapters.kubernetes.connection import open_transport
from console.engine.ports import ExecResult
from console.model.errors import ApplyError, DeniedError, NotFoundError, RefusedError, UnreachableError
from tests.cluster import ready
from tests.workloads import shell

from .conftest import status, write_kubeconfig


@pytest.fixture
def pod(cluster):
    """A pod that sleeps, with a variable."""
    main = shell("sleep 600", env=[{"name": "MODE", "value": "of the test\nin two lines"}])
    spec = {"containers": [{"name": "main", "image": "busybox"} | main], "terminationGracePeriodSeconds": 1}
    cluster.create("pods", {"metadata": {"name": "web"}, "spec": spec})
    cluster.until("pods", "web", ready)
    return "web"


async def run(client, namespace, *command, container="main", **limits):
    return await client.exec(namespace, "web", container, command, **limits)


async def test_output_and_exit_code_come_apart(client, namespace, pod):
    result = await run(client, namespace, "sh", "-c", "echo out; echo err >&2; exit 3")
    assert result == ExecResult(3, b"out\n", b"err\n")
    assert await run(client, namespace, "printenv", "MODE") == ExecResult(0, b"of the test\nin two lines\n")


async def test_what_was_printed_is_never_part_of_a_message(client, namespace, pod):
    assert "two lines" not in repr(await run(client, namespace, "printenv", "MODE"))


async def test_more_output_than_asked_for_ends_the_command(client, namespace, pod):
    result = await run(client, namespace, "sh", "-c", "while true; do echo 0123456789; done", most=50_000)
    assert not result.whole
    assert len(result.stdout) < 200_000


async def test_a_command_that_does_not_end_is_ended(client, namespace, pod):
    with pytest.raises(UnreachableError, match=r"sleep did not end within 0\.5 s"):
        await run(client, namespace, "sleep", "600", timeout=0.5)


async def test_what_cannot_be_begun_is_told(client, namespace, pod):
    with pytest.raises(ApplyError, match="container other is not valid"):
        await run(client, namespace, "true", container="other")
    with pytest.raises(NotFoundError):
        await client.exec(namespace, "nobody", "main", ["true"])


async def test_a_missing_right_is_named(sandbox, namespace, pod, stranger, tmp_path):
    user = {"token": stranger.token}
    file = write_kubeconfig(tmp_path / "stranger", ("sandbox", stranger.server), user=user)
    content = file.read_text().replace("server:", f"certificate-authority: {tmp_path / 'ca.crt'}\n    server:")
    file.write_text(content)
    (tmp_path / "ca.crt").write_text(stranger._authority)
    client = KubernetesCluster(await open_transport([file], "sandbox"), "sandbox")
    try:
        with pytest.raises(DeniedError) as caught:
            await run(client, namespace, "true")
    finally:
        await client.close()
    assert caught.value.right == f"get and create pods/exec in {namespace}"
    assert "pods/exec" in caught.value.why


async def test_nothing_is_run_in_read_only_mode(weather, tmp_path):
    file = write_kubeconfig(tmp_path / "reader", ("reader", weather.server))
    client = KubernetesCluster(await open_transport([file], "reader", read_only=True), "reader")
    with pytest.raises(RefusedError, match="read-only"):
        await run(client, "todo", "true")
    await client.close()
    assert weather.asked == []


def _says(weather, *messages):
    """A session that goes like this, and ends."""

    async def answer(request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse(protocols=("v4.channel.k8s.io",))
        await socket.prepare(request)
        for message in messages:
            await socket.send_bytes(message)
        await socket.close()
        return socket

    weather.answer = answer


async def test_a_program_that_is_not_there_is_told_in_the_servers_words(weather, transport):
    failure = {"status": "Failure", "reason": "InternalError", "message": "executable file not found in $PATH"}
    _says(weather, b"\x03" + json.dumps(failure).encode())
    with pytest.raises(ApplyError, match="executable file not found"):
        await run(KubernetesCluster(transport, "weather"), "todo", "printenv")
    assert "command=printenv" in weather.asked[0].query_string


async def test_a_session_that_ends_without_a_status_is_broken(weather, transport):
    _says(weather, b"\x01half of it")
    with pytest.raises(UnreachableError, match="without a status"):
        await run(KubernetesCluster(transport, "weather"), "todo", "cat")


async def test_credentials_are_renewed(weather, tmp_path):
    token, answered = tmp_path / "token", []
    token.write_text("first")
    file = write_kubeconfig(tmp_path / "again", ("weather", weather.server), user={"tokenFile": str(token)})
    ended = json.dumps({"status": "Success"}).encode()

    async def answer(request: web.Request) -> web.StreamResponse:
        if not answered:
            answered.append(request)
            token.write_text("second")
            return status(401, "Unauthorized", "the token has expired")
        _says(weather, b"\x01yes", b"\x03" + ended)
        return await weather.answer(request)

    weather.answer = answer
    transport = await open_transport([file], "weather")
    assert await run(KubernetesCluster(transport, "weather"), "todo", "cat") == ExecResult(0, b"yes")
    await transport.close()
    assert weather.asked[-1].headers["Authorization"] == "Bearer second"
