"""Watches: the state first where it is asked for, bookmarks, and never a gap that is not told."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from tests.cluster import Cluster, Object


def config(name: str) -> Object:
    return {"metadata": {"name": name, "labels": {"mine": "yes"}}, "data": {"a": "1"}}


def changes(cluster: Cluster, **query: Any) -> Iterator[Object]:
    """The changes of this test's ConfigMaps, bookmarks and errors included."""
    path = cluster.path("configmaps", query={"watch": "true", "labelSelector": "mine=yes", **query})
    with cluster._answer("GET", path, timeout=cluster.patience) as answer:
        while line := answer.readline():
            yield json.loads(line)


def test_a_watch_may_begin_with_the_state_and_tells_where_that_ends(cluster: Cluster) -> None:
    for name in ("one", "two"):
        cluster.create("configmaps", config(name))
    query = {"sendInitialEvents": "true", "allowWatchBookmarks": "true", "resourceVersionMatch": "NotOlderThan"}
    names = []
    for change in changes(cluster, **query):
        if change["type"] == "BOOKMARK":
            break
        assert change["type"] == "ADDED"
        names.append(change["object"]["metadata"]["name"])
    assert sorted(names) == ["one", "two"]
    metadata = change["object"]["metadata"]
    assert metadata["annotations"] == {"k8s.io/initial-events-end": "true"}
    cluster.create("configmaps", config("three"))
    first = next(changes(cluster, resourceVersion=metadata["resourceVersion"]))
    assert (first["type"], first["object"]["metadata"]["name"]) == ("ADDED", "three")


def test_a_watch_from_long_ago_tells_all_or_that_it_cannot(cluster: Cluster) -> None:
    cluster.create("configmaps", config("one"))
    change = next(changes(cluster, resourceVersion="1"))
    if change["type"] == "ERROR":
        assert (change["object"]["code"], change["object"]["reason"]) == (410, "Expired")
    else:
        assert (change["type"], change["object"]["metadata"]["name"]) == ("ADDED", "one")


def test_a_watch_ends_when_its_time_is_over(cluster: Cluster) -> None:
    assert [each for each in changes(cluster, timeoutSeconds="1") if each["type"] != "BOOKMARK"] == []
