"""A context that stands for something else than at the start is noticed, and so is another cluster at its address."""

from __future__ import annotations

import pytest
import yaml
from aiohttp import web

from console.adapters.kubernetes.connection import open_cluster
from console.model.errors import RefusedError, UnreachableError

from .conftest import status, write_kubeconfig


class Answers:
    """An API server that knows one namespace, kube-system, by a uid; none: it may not be read."""

    def __init__(self, uid: str) -> None:
        self.uid = uid

    async def __call__(self, request: web.Request) -> web.Response:
        if not self.uid:
            return status(403, "Forbidden", 'namespaces "kube-system" is forbidden: User "me" cannot get resource')
        return web.json_response({"metadata": {"name": "kube-system", "uid": self.uid}})


@pytest.fixture
async def file(weather, tmp_path):
    weather.answer = Answers("u-1")
    return write_kubeconfig(tmp_path / "config", ("prod", weather.server))


@pytest.fixture
async def cluster(file, tmp_path):
    opened = await open_cluster([file, tmp_path / "others"], "prod")
    yield opened
    await opened.close()


def edit(file, **parts):
    """Changes what the first cluster, user or context says."""
    content = yaml.safe_load(file.read_text())
    for part, change in parts.items():
        entry = content[f"{part}s"][0]
        entry[part] |= change
    file.write_text(yaml.safe_dump(content))


async def refused(cluster) -> RefusedError:
    with pytest.raises(RefusedError) as caught:
        await cluster.confirm()
    assert "nothing was changed; start the console again" in caught.value.hint
    return caught.value


async def test_the_cluster_is_known_by_all_that_names_it(weather, cluster):
    found = await cluster.confirm()
    assert (found.context, found.server, found.user, found.uid) == ("prod", weather.server, "tester", "u-1")
    assert str(found) == f"prod at {weather.server}, cluster u-1"


async def test_new_credentials_and_what_others_do_with_their_contexts_are_no_matter(file, cluster, tmp_path):
    await cluster.confirm()
    edit(file, user={"token": "second"}, context={"namespace": "elsewhere"})
    write_kubeconfig(tmp_path / "others", ("prod", "https://never-seen"), ("dev", "https://dev"))
    await cluster.confirm()


async def test_a_context_that_leads_to_another_server_says_what_was_and_what_is(weather, file, cluster):
    edit(file, cluster={"server": "https://elsewhere:6443/"})
    error = await refused(cluster)
    assert error.what == "context 'prod' was changed since the console started"
    assert error.why == f"its server was {weather.server}, and is https://elsewhere:6443"


async def test_another_authority_or_user_is_another_meaning(file, cluster):
    edit(file, cluster={"certificate-authority-data": "bmV3"}, context={"user": "admin"})
    why = (await refused(cluster)).why
    assert "its certificate authority was none of its own, and is sha256:" in why
    assert "its user was tester, and is admin" in why


async def test_a_context_that_was_renamed_is_found_under_its_new_name(weather, file, cluster):
    file.write_text(
        file.read_text().replace("name: prod\n", "name: old-prod\n", 2).replace("cluster: prod", "cluster: c")
    )
    content = yaml.safe_load(file.read_text())
    content["clusters"][0]["name"] = "c"
    file.write_text(yaml.safe_dump(content))
    error = await refused(cluster)
    assert error.what == "context 'prod' is not in the kubeconfig any more"
    assert "its server is that of context 'old-prod' now" in error.why


async def test_a_context_of_another_file_that_comes_first_now_is_a_change(file, tmp_path, weather):
    write_kubeconfig(tmp_path / "second", ("prod", weather.server))
    opened = await open_cluster([tmp_path / "later", tmp_path / "second"], "prod")
    await opened.confirm()
    write_kubeconfig(tmp_path / "later", ("prod", "https://elsewhere"))
    assert "elsewhere" in (await refused(opened)).why
    await opened.close()


async def test_another_cluster_at_the_same_address_is_noticed(weather, cluster):
    await cluster.confirm()
    weather.answer = Answers("u-2")
    error = await refused(cluster)
    assert error.what == f"another cluster answers at {weather.server}"
    assert error.why == "the cluster (namespace kube-system) was u-1, and is u-2"


async def test_a_cluster_whose_uid_may_not_be_read_is_known_by_its_authority(weather, file, tmp_path):
    weather.answer = Answers("")
    edit(file, cluster={"certificate-authority-data": "bmV3"})
    opened = await open_cluster([file], "prod")
    found = await opened.confirm()
    assert (found.uid, found.authority[:7]) == ("", "sha256:")
    assert "certificate authority sha256:" in str(found)
    # What may be read later is learnt later.
    weather.answer = Answers("u-1")
    assert (await opened.confirm()).uid == "u-1"
    weather.answer = Answers("")
    assert (await opened.confirm()).uid == "u-1"
    await opened.close()


async def test_a_server_that_does_not_answer_proves_nothing(weather, cluster):
    async def broken(request: web.Request) -> web.Response:
        return status(503, "ServiceUnavailable", "starting")

    weather.answer = broken
    with pytest.raises(UnreachableError):
        await cluster.confirm()
