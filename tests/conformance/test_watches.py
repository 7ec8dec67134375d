"""Watches: the state first where it is asked for, bookmarks, and never a gap that is not told."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.cluster import Cluster, Object
from tests.conformance.api import refused


def config(name: str) -> Object:
    return {"metadata": {"name": name, "labels": {"mine": "yes"}}, "data": {"a": "1"}}


def changes(cluster: Cluster, **query: Any) -> Iterator[Object]:
    """The changes of this test's ConfigMaps, bookmarks and errors included."""
    path = cluster.path("configmaps", query={"watch": "true", "labelSelector": "mine=yes", **query})
    while True:
        with cluster._answer("GET", path, timeout=cluster.patience) as answer:
            for line in answer:
                change = json.loads(line)
                if change["type"] == "ERROR" and change["object"]["reason"] == "Timeout":
                    break  # the server's cache is behind its store: ask again
                yield change
            else:
                return


def test_a_watch_may_begin_with_the_state_and_tells_where_that_ends(cluster: Cluster) -> None:
    for name in ("one", "two"):
        cluster.create("configmaps", config(name))
    query = {"sendInitialEvents": "true", "allowWatchBookmarks": "true", "resourceVersionMatch": "NotOlderThan"}
    names = []
    for change in changes(cluster, **query):
        if change["type"] == "BOOKMARK":
            break
        if "RequestWatchProgress is disabled" in change["object"].get("message", ""):
            pytest.skip("this cluster's etcd is too old for watches that begin with the state")
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


def test_without_a_version_a_watch_begins_with_what_is_there(cluster: Cluster) -> None:
    cluster.create("configmaps", config("one"))
    for query in ({}, {"resourceVersion": "0"}):
        first = next(changes(cluster, **query))
        assert (first["type"], first["object"]["metadata"]["name"]) == ("ADDED", "one")
        assert first["object"]["kind"] == "ConfigMap"


def test_an_object_that_comes_to_fit_enters_the_watch(cluster: Cluster) -> None:
    since = cluster.create("configmaps", {"metadata": {"name": "one"}})["metadata"]["resourceVersion"]
    cluster.patch("configmaps", "one", {"metadata": {"labels": {"mine": "yes"}}})
    first = next(changes(cluster, resourceVersion=since))
    assert (first["type"], first["object"]["metadata"]["name"]) == ("ADDED", "one")


def test_what_is_deleted_is_told_with_the_version_of_its_end(cluster: Cluster) -> None:
    made = cluster.create("configmaps", config("one"))["metadata"]["resourceVersion"]
    cluster.delete("configmaps", "one")
    first = next(changes(cluster, resourceVersion=made))
    assert first["type"] == "DELETED"
    assert int(first["object"]["metadata"]["resourceVersion"]) > int(made)


def test_a_watch_of_one_object_tells_nothing_of_others(cluster: Cluster) -> None:
    since = cluster.create("configmaps", config("one"))["metadata"]["resourceVersion"]
    cluster.create("configmaps", config("two"))
    cluster.patch("configmaps", "one", {"data": {"a": "2"}})
    first = next(changes(cluster, resourceVersion=since, fieldSelector="metadata.name=one"))
    assert (first["type"], first["object"]["data"]) == ("MODIFIED", {"a": "2"})


def test_a_bookmark_tells_how_far_a_quiet_watch_has_got(cluster: Cluster) -> None:
    since = cluster.create("configmaps", config("one"))["metadata"]["resourceVersion"]
    cluster.create("configmaps", {"metadata": {"name": "other"}})
    query = {"resourceVersion": since, "allowWatchBookmarks": "true", "timeoutSeconds": "4"}
    marks = [each["object"] for each in changes(cluster, **query)]
    assert marks
    assert int(marks[-1]["metadata"]["resourceVersion"]) > int(since)
    assert {each["kind"] for each in marks} == {"ConfigMap"}


def test_a_watch_may_be_of_metadata_alone(cluster: Cluster) -> None:
    cluster.create("configmaps", config("one"))
    path = cluster.path("configmaps", query={"watch": "true", "labelSelector": "mine=yes"})
    accept = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
    with cluster._answer("GET", path, accept=accept) as answer:
        first = json.loads(answer.readline())
    assert (first["type"], first["object"]["kind"]) == ("ADDED", "PartialObjectMetadata")
    assert "data" not in first["object"]


def test_initial_events_are_only_sent_as_they_should_be_asked_for(cluster: Cluster) -> None:
    status = refused(
        422, "Invalid", cluster.request, "GET", cluster.path("configmaps", query={"watch": 1, "sendInitialEvents": 1})
    )
    assert "resourceVersionMatch" in status["message"]
