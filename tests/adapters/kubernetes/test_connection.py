"""From kubeconfig and context to one pinned server; never the current context."""

import os
from pathlib import Path

import pytest
from aiohttp import web

from console.adapters.kubernetes.connection import open_transport
from console.adapters.kubernetes.failures import Call
from console.adapters.kubernetes.kubeconfig import kubeconfig_files, read_contexts
from console.model.errors import PreflightError, UnreachableError, UsageError

from .conftest import status, write_kubeconfig

PING = Call("GET", "/version", "get /version", "the version")


def test_the_explicit_file_goes_before_the_environment_and_that_before_the_home(tmp_path):
    environment = {"HOME": "/home/me", "KUBECONFIG": f"/a{os.pathsep}{os.pathsep}/b"}
    assert kubeconfig_files(environment, tmp_path / "mine") == (tmp_path / "mine",)
    assert kubeconfig_files(environment) == (Path("/a"), Path("/b"))
    assert kubeconfig_files({"HOME": "/home/me"}) == (Path("/home/me/.kube/config"),)


def test_contexts_of_several_files_are_all_there_and_the_first_of_a_name_counts(tmp_path):
    first = write_kubeconfig(tmp_path / "first", ("dev", "https://dev:6443"))
    second = write_kubeconfig(tmp_path / "second", ("dev", "https://other:6443"), ("prod", "https://prod:6443/"))
    contexts = read_contexts([first, tmp_path / "missing", second])
    assert [(each.name, each.server) for each in contexts] == [
        ("dev", "https://dev:6443"),
        ("prod", "https://prod:6443"),
    ]


@pytest.mark.parametrize(
    ("wanted", "hint"),
    [("kind-knd", "did you mean 'kind-kind'?"), ("zzz", "there are: kind-kind, prod")],
)
async def test_an_unknown_context_names_the_nearest(tmp_path, wanted, hint):
    file = write_kubeconfig(tmp_path / "config", ("kind-kind", "https://a"), ("prod", "https://b"))
    with pytest.raises(UsageError, match="no context named") as caught:
        await open_transport([file], wanted)
    assert caught.value.hint == hint


async def test_no_kubeconfig_at_all_says_where_it_looked_and_what_to_do(tmp_path):
    with pytest.raises(UsageError) as caught:
        await open_transport([tmp_path / "missing"], "prod")
    assert caught.value.where == str(tmp_path / "missing")
    assert "KUBECONFIG" in caught.value.hint


@pytest.mark.parametrize("content", ["a: [", "- 1\n- 2", "contexts: 5", "contexts: [{}]", "just words", "\x00"])
async def test_a_file_that_is_no_kubeconfig_is_named(tmp_path, content):
    (tmp_path / "config").write_text(content)
    with pytest.raises(PreflightError, match="the kubeconfig cannot be read") as caught:
        await open_transport([tmp_path / "config"], "prod")
    assert caught.value.where == str(tmp_path / "config")


async def test_a_context_without_its_cluster_is_said(tmp_path):
    file = write_kubeconfig(tmp_path / "config", ("prod", "https://b"))
    file.write_text(file.read_text().replace("cluster: prod", "cluster: gone"))
    with pytest.raises(PreflightError, match="context 'prod' of the kubeconfig cannot be used") as caught:
        await open_transport([file], "prod")
    assert caught.value.why == "the kubeconfig has no cluster 'gone'"


async def test_a_context_without_its_user_is_said(tmp_path):
    file = write_kubeconfig(tmp_path / "config", ("prod", "https://b"))
    file.write_text(file.read_text().replace("user: tester", "user: gone"))
    with pytest.raises(PreflightError, match="context 'prod' of the kubeconfig cannot be used") as caught:
        await open_transport([file], "prod")
    assert caught.value.why == "the kubeconfig has no user 'gone'"


def test_an_empty_file_among_several_is_none_at_all(tmp_path):
    (tmp_path / "empty").write_text("")
    file = write_kubeconfig(tmp_path / "config", ("prod", "https://b"))
    assert [each.name for each in read_contexts([tmp_path / "empty", file])] == ["prod"]


async def test_the_server_stays_when_the_file_changes(weather, transport, tmp_path):
    write_kubeconfig(tmp_path / "kubeconfig", ("weather", "http://127.0.0.1:1"))
    assert await transport.send(PING) == b"{}"
    assert transport.server == weather.server


async def test_loopback_is_not_sent_through_a_proxy_of_the_environment(weather, transport, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    assert await transport.send(PING) == b"{}"


async def test_a_token_file_is_read_again_when_its_token_is_no_longer_accepted(weather, tmp_path):
    async def answer(request: web.Request) -> web.Response:
        accepted = request.headers["Authorization"] == "Bearer second"
        return web.json_response({}) if accepted else status(401, "Unauthorized", "Unauthorized")

    weather.answer = answer
    token = tmp_path / "token"
    token.write_text("first\n")
    file = write_kubeconfig(tmp_path / "config", ("weather", weather.server), user={"tokenFile": str(token)})
    transport = await open_transport([file], "weather")
    with pytest.raises(UnreachableError, match="does not accept the credentials"):
        await transport.send(PING)
    token.write_text("second\n")
    assert await transport.send(PING) == b"{}"
    await transport.close()
