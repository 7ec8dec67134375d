"""The cluster under test: the sandbox, or the one that `--cluster` names (`make conformance KUBECONFIG=...`)."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.cluster import Cluster, Object, Refused
from tests.conformance.pods import Image

PATIENCE = 120.0
"""Seconds that another cluster may take, where nothing is scaled."""


def pytest_runtest_setup(item: pytest.Item) -> None:
    """What the embedded cluster does not do is skipped there, and named in docs/conformance.md."""
    mark = item.get_closest_marker("not_embedded")
    if mark and not item.config.getoption("--cluster"):
        pytest.skip(f"embedded cluster: {mark.args[0]}")


@pytest.fixture(scope="session")
def target(request: pytest.FixtureRequest) -> Cluster:
    """The cluster's administrator."""
    named = request.config.getoption("--cluster")
    if named:
        return Cluster(Path(named).expanduser(), patience=PATIENCE)
    return Cluster(request.getfixturevalue("sandbox").kubeconfig)


@pytest.fixture
def namespace(target: Cluster) -> Iterator[str]:
    """A fresh namespace; deleted after the test, without waiting for its end."""
    name = f"conformance-{uuid.uuid4().hex[:8]}"
    target.create("namespaces", {"metadata": {"name": name}})
    yield name
    with suppress(Refused):  # the test has deleted it
        target.delete("namespaces", name)


@pytest.fixture
def cluster(target: Cluster, namespace: str) -> Cluster:
    """The administrator in the test's own namespace, where pods can be made."""
    cluster = Cluster(target.kubeconfig, namespace, target.patience)
    cluster.until("serviceaccounts", "default", lambda each: each, "being there")
    return cluster


@pytest.fixture(scope="session")
def image(request: pytest.FixtureRequest) -> Image:
    """The image whose shell the pods run."""
    return Image(request.config.getoption("--image"))


@pytest.fixture
def stranger(cluster: Cluster) -> Cluster:
    """A service account without rights."""
    cluster.create("serviceaccounts", {"metadata": {"name": "stranger"}})
    body: Object = {"kind": "TokenRequest", "apiVersion": "authentication.k8s.io/v1", "spec": {}}
    found = cluster.request("POST", cluster.path("serviceaccounts", "stranger") + "/token", body)
    client = Cluster(cluster.kubeconfig, cluster.namespace, cluster.patience)
    client.act_as(found["status"]["token"])
    return client
