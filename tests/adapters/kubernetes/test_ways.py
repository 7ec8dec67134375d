"""The ways to a server that a kubeconfig can name: certificates, names, proxies, the service account of a pod."""

from __future__ import annotations

import asyncio
import base64
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import yaml

from console.adapters.kubernetes import kubeconfig
from console.adapters.kubernetes.connection import open_transport
from console.adapters.kubernetes.failures import Call
from console.adapters.kubernetes.kubeconfig import read_contexts
from console.model.errors import PreflightError, UnreachableError, UsageError
from tests.cluster import said_goodbye

from .secured import NAME, Certificates, Secured, proxy, secured

PING = Call("GET", "/version", "get /version", "the version")
Write = Callable[..., Path]


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    return Certificates(tmp_path)


@pytest.fixture
async def server(certificates: Certificates) -> AsyncIterator[Secured]:
    async with secured(certificates) as made:
        yield made
        await said_goodbye(f"https://127.0.0.1:{made.port}")


@pytest.fixture
def write(tmp_path: Path, certificates: Certificates, server: Secured) -> Write:
    """Writes a kubeconfig for the server; cluster and user as given, over what is usual."""

    def kubeconfig(user: dict, **cluster: object) -> Path:
        usual = {"server": f"https://127.0.0.1:{server.port}", "certificate-authority": "authority.crt"}
        entry = {name: value for name, value in ({**usual, "tls-server-name": NAME} | cluster).items() if value}
        content = {
            "clusters": [{"name": "c", "cluster": entry}],
            "users": [{"name": "u", "user": user}],
            "contexts": [{"name": "way", "context": {"cluster": "c", "user": "u"}}],
        }
        (tmp_path / "config").write_text(yaml.safe_dump(content))
        return tmp_path / "config"

    return kubeconfig


async def ping(file: Path, times: int = 1) -> None:
    transport = await open_transport([file], "way")
    try:
        for _ in range(times):
            await transport.send(PING)
    finally:
        await transport.close()


@pytest.mark.parametrize("inside", [True, False], ids=["data", "files"])
async def test_a_client_certificate_is_shown_be_it_in_the_kubeconfig_or_in_files_beside_it(
    write, server, certificates, inside
):
    files = certificates.issue("alice")
    names = ("client-certificate", "client-key")
    if inside:
        pairs = zip(names, files, strict=True)
        user = {f"{name}-data": base64.b64encode(file.read_bytes()).decode() for name, file in pairs}
    else:
        user = {name: file.name for name, file in zip(names, files, strict=True)}
    await ping(write(user))
    assert server.asked == ["alice"]


async def test_a_certificate_that_was_renewed_in_its_file_is_shown_once_the_old_one_is_refused(
    write, server, certificates, tmp_path, monkeypatch
):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "copies"))
    (tmp_path / "copies").mkdir()
    old, new = certificates.issue("old"), certificates.issue("new")
    transport = await open_transport([write({"client-certificate": "old.crt", "client-key": "old.key"})], "way")
    for renewed, file in zip(new, old, strict=True):
        shutil.copy(renewed, file)
    server.refused.add("old")
    await transport.send(PING)
    await transport.close()
    assert server.asked == ["old", "new"]
    assert list((tmp_path / "copies").iterdir()) == []


async def test_the_name_in_the_servers_certificate_counts_unless_nothing_is_to_be_checked(write, server):
    with pytest.raises(UnreachableError, match="certificate is not trusted"):
        await ping(write({"token": "t"}, **{"tls-server-name": None}))
    open_to_all = {"tls-server-name": None, "certificate-authority": None, "insecure-skip-tls-verify": True}
    await ping(write({"token": "t"}, **open_to_all))
    assert server.asked == [""]


async def test_the_proxy_of_the_kubeconfig_is_used_even_to_this_machine(write, server):
    async with proxy(server.port) as between:
        await ping(write({"token": "t"}, **{"proxy-url": between.url}))
        await said_goodbye(between.url)
    assert between.asked == [f"127.0.0.1:{server.port}"]


async def test_a_proxy_that_wants_a_login_gets_that_of_its_url(write, server):
    async with proxy(server.port) as between:
        await ping(write({"token": "t"}, **{"proxy-url": between.url.replace("://", "://anna:right@")}))
        await said_goodbye(between.url)
    assert between.logins == [f"Basic {base64.b64encode(b'anna:right').decode()}"]


async def test_the_proxy_of_the_environment_is_used_for_all_but_what_it_leaves_out(write, server, monkeypatch):
    file = write({"token": "t"}, server=f"https://{NAME}:6443")
    async with proxy(server.port) as between:
        monkeypatch.setenv("HTTPS_PROXY", between.url)
        await ping(file)
        await said_goodbye(between.url)
        assert between.asked == [f"{NAME}:6443"]
        monkeypatch.setenv("NO_PROXY", f"10.0.0.0/8,{NAME}")
        with pytest.raises(UnreachableError, match="name is not known"):
            await ping(file)
        assert len(between.asked) == 1


async def test_a_proxy_that_cannot_be_spoken_to_is_named(write):
    with pytest.raises(PreflightError) as caught:
        await ping(write({"token": "t"}, **{"proxy-url": "socks5://anna:right@127.0.0.1:1080"}))
    assert caught.value.why == "its proxy-url is socks5://127.0.0.1:1080, and only http proxies are supported"


def mount(folder: Path, authority: Path, token: str) -> Path:
    """A service account as the kubelet mounts it."""
    folder.mkdir()
    (folder / "token").write_text(f"{token}\n")
    (folder / "namespace").write_text("todo")
    shutil.copy(authority, folder / "ca.crt")
    return folder


async def test_in_a_pod_its_service_account_is_a_context_of_its_own(sandbox, cluster, stranger, tmp_path, monkeypatch):
    authority = tmp_path / "ca"
    content = yaml.safe_load(sandbox.kubeconfig.read_text())
    entry = content["clusters"][0]["cluster"]
    authority.write_bytes(base64.b64decode(entry["certificate-authority-data"]))
    host, _, port = entry["server"].removeprefix("https://").rpartition(":")
    account = mount(tmp_path / "account", authority, "old")
    environment = {"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": port}
    monkeypatch.setattr(kubeconfig, "SERVICE_ACCOUNT", account)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    (found,) = read_contexts([tmp_path / "none"])
    assert (found.name, found.server, found.namespace) == ("in-cluster", entry["server"], "todo")
    transport = await open_transport([tmp_path / "none"], "in-cluster")
    # The kubelet writes a new token before the old one ends.
    (account / "token").write_text(stranger.token)
    review = Call("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", "", "", body={})
    assert f"system:serviceaccount:{cluster.namespace}:stranger".encode() in await transport.send(review)
    await transport.close()
    await asyncio.sleep(0)
    with pytest.raises(UsageError) as caught:
        await open_transport([tmp_path / "none"], "prod")
    assert caught.value.hint == "there are: in-cluster"


def test_a_context_of_that_name_in_a_file_goes_before_the_pods(write, tmp_path, certificates, monkeypatch):
    file = write({"token": "t"})
    file.write_text(file.read_text().replace("name: way", "name: in-cluster"))
    monkeypatch.setattr(kubeconfig, "SERVICE_ACCOUNT", mount(tmp_path / "account", certificates.authority, "t"))
    environment = {"KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "443"}
    (found,) = read_contexts([file], environment)
    assert found.server.startswith("https://127.0.0.1:")
    (found,) = read_contexts([], environment)
    assert found.server == "https://[fd00::1]:443"
