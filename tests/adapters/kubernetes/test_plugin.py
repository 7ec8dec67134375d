"""Exec plugins: what they give is used, and whatever goes wrong with them is said; they never get the terminal."""

from __future__ import annotations

import asyncio
import json
import shlex
import stat
import sys
from pathlib import Path

import psutil
import pytest
import yaml
from aiohttp import web

from console.adapters.kubernetes.connection import open_transport
from console.adapters.kubernetes.failures import Call
from console.adapters.kubernetes.plugin import ask_plugin
from console.model.errors import PreflightError
from tests.cluster import said_goodbye

from .conftest import status, write_kubeconfig
from .secured import NAME, Certificates, secured

PING = Call("GET", "/version", "get /version", "the version")
V1 = "client.authentication.k8s.io/v1"
BETA = "client.authentication.k8s.io/v1beta1"


def program(folder: Path, script: str, **more: object) -> dict:
    """The exec part of a user, whose program is this Python."""
    file = folder / "plugin"
    file.write_text(f"#!{sys.executable}\n{script}")
    file.chmod(file.stat().st_mode | stat.S_IXUSR)
    return {"apiVersion": V1, "command": str(file), **more}


def credential(api_version: str = V1, **given: str) -> str:
    answer = {"apiVersion": api_version, "kind": "ExecCredential", "status": given}
    return f"print({json.dumps(json.dumps(answer))})"


@pytest.mark.parametrize("version", [V1, BETA])
async def test_a_plugin_gives_the_credentials(weather, tmp_path, version):
    user = {"exec": program(tmp_path, credential(version, token="given"), apiVersion=version)}
    file = write_kubeconfig(tmp_path / "config", ("weather", weather.server), user=user)
    transport = await open_transport([file], "weather")
    await transport.send(PING)
    assert weather.asked[0].headers["Authorization"] == "Bearer given"
    await transport.close()


async def test_the_plugin_is_asked_again_once_for_all_requests_whose_token_is_refused(weather, tmp_path):
    async def answer(request: web.Request) -> web.Response:
        accepted = request.headers["Authorization"] == "Bearer 2"
        return web.json_response({}) if accepted else status(401, "Unauthorized", "Unauthorized")

    weather.answer = answer
    count = tmp_path / "count"
    script = f"""
import json, pathlib
count = pathlib.Path({str(count)!r})
asked = (count.read_text() if count.exists() else "") + "x"
count.write_text(asked)
status = {{"token": str(len(asked)), "expirationTimestamp": "2999-01-01T00:00:00Z"}}
print(json.dumps({{"apiVersion": {V1!r}, "kind": "ExecCredential", "status": status}}))
"""
    file = write_kubeconfig(tmp_path / "c", ("weather", weather.server), user={"exec": program(tmp_path, script)})
    transport = await open_transport([file], "weather")
    assert await asyncio.gather(*(transport.send(PING) for _ in range(5))) == [b"{}"] * 5
    assert count.read_text() == "xx"
    await transport.close()


async def test_what_a_plugin_may_know_it_is_told(tmp_path):
    script = f"""
import json, os
info = json.loads(os.environ["KUBERNETES_EXEC_INFO"])
token = json.dumps([info["spec"], os.environ["REGION"]])
print(json.dumps({{"apiVersion": {V1!r}, "kind": "ExecCredential", "status": {{"token": token}}}}))
"""
    plugin = program(tmp_path, script, env=[{"name": "REGION", "value": "north"}], provideClusterInfo=True)
    extensions = [{"name": "client.authentication.k8s.io/exec", "extension": {"audience": "us"}}]
    cluster = {"server": "https://a", "certificate-authority": "/file", "extensions": extensions}
    spec, region = json.loads((await ask_plugin("prod", plugin, cluster))["token"])
    assert spec == {"interactive": False, "cluster": {"server": "https://a", "config": {"audience": "us"}}}
    assert region == "north"


async def test_a_client_certificate_of_a_plugin_is_shown_to_the_server(tmp_path):
    certificates = Certificates(tmp_path)
    certificate, key = (file.read_text() for file in certificates.issue("alice"))
    plugin = program(tmp_path, credential(clientCertificateData=certificate, clientKeyData=key))
    async with secured(certificates) as server:
        address = f"https://127.0.0.1:{server.port}"
        file = write_kubeconfig(tmp_path / "config", ("there", address), user={"exec": plugin})
        content = yaml.safe_load(file.read_text())
        content["clusters"][0]["cluster"] |= {"certificate-authority": "authority.crt", "tls-server-name": NAME}
        file.write_text(yaml.safe_dump(content))
        transport = await open_transport([file], "there")
        await transport.send(PING)
        await transport.close()
        await said_goodbye(address)
    assert server.asked == ["alice"]


@pytest.mark.parametrize(
    ("plugin", "why", "hint"),
    [
        (
            {"command": "no-such-plugin", "installHint": "install it:\n  apt install\n  no-such-plugin\n"},
            "it is not installed",
            "install it: apt install no-such-plugin",
        ),
        ({"command": "/no/such/plugin"}, "it is not installed", "install /no/such/plugin, or put it on the PATH"),
        ({"apiVersion": "client.authentication.k8s.io/v1alpha1"}, "v1alpha1 of exec is not supported", V1),
        ({"interactiveMode": "Always"}, "it wants to talk to somebody", "interactiveMode IfAvailable"),
        ({"command": ""}, "names no command", "add `command`"),
        ("import sys; sys.exit('log in first')", "log in first", "in a terminal"),
        ("print('no json')", "what it says is no JSON", "fit together"),
        (credential(BETA, token="x"), f"asked for was ExecCredential of {V1}", "fit together"),
        (credential(), "neither a token nor a client certificate", "fit together"),
    ],
)
async def test_a_plugin_that_gives_none_is_named_with_what_to_do(tmp_path, capfd, plugin, why, hint):
    whole = program(tmp_path, plugin if isinstance(plugin, str) else credential(token="x"))
    whole |= plugin if isinstance(plugin, dict) else {}
    file = write_kubeconfig(tmp_path / "config", ("prod", "https://127.0.0.1:1"), user={"exec": whole})
    with pytest.raises(PreflightError, match="no credentials for context 'prod'") as caught:
        await open_transport([file], "prod")
    assert why in caught.value.why
    assert hint in caught.value.hint
    assert caught.value.where == f"plugin {whole['command']}"
    assert capfd.readouterr() == ("", "")


async def test_a_plugin_that_waits_for_somebody_ends_in_time_with_all_that_it_started(tmp_path):
    child = tmp_path / "child"
    script = f"""
import pathlib, subprocess, sys
held = subprocess.Popen(["sleep", "600"])
pathlib.Path({str(child)!r}).write_text(str(held.pid))
held.wait()
"""
    plugin = program(tmp_path, script, args=["login"])
    with pytest.raises(PreflightError) as caught:
        await ask_plugin("prod", plugin, {}, patience=2.0)
    assert caught.value.why == "it did not answer in 2 s"
    assert shlex.join([plugin["command"], "login"]) in caught.value.hint
    held = int(child.read_text())
    assert not psutil.pid_exists(held) or psutil.Process(held).status() == psutil.STATUS_ZOMBIE


async def test_a_plugin_has_neither_input_nor_the_terminal(tmp_path):
    script = f"""
import json, sys
try:
    terminal = open("/dev/tty").name
except OSError:
    terminal = "none"
token = terminal + sys.stdin.read()
print(json.dumps({{"apiVersion": {V1!r}, "kind": "ExecCredential", "status": {{"token": token}}}}))
"""
    assert await ask_plugin("prod", program(tmp_path, script), {}) == {"token": "none"}
