"""The store: one counter, a bounded history, and nothing acknowledged lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from console.sandbox.api.resources import Object
from console.sandbox.store import Change, Expired, Key, Store


def thing(name: str, **metadata: object) -> Object:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "n", **metadata}}


def key(name: str, resource: str = "configmaps") -> Key:
    return Key(resource, "n", name)


def test_every_write_has_a_version_of_its_own_whatever_the_kind(tmp_path: Path) -> None:
    store = Store(tmp_path / "db")
    versions = [store.put(key("a"), thing("a")).version, store.put(key("a", "secrets"), thing("a")).version]
    versions.append(store.remove(key("a")).version)
    assert versions == [2, 3, 4]
    assert store.get(key("a", "secrets")).object["metadata"]["resourceVersion"] == "3"


def test_objects_indexes_and_counter_survive_a_restart_and_older_watches_are_told_to_list_again(tmp_path: Path) -> None:
    store = Store(tmp_path / "db")
    store.put(key("a"), thing("a", ownerReferences=[{"uid": "u", "controller": True}]))
    store.put(key("b"), thing("b"))
    store.remove(key("b"))
    store.close()
    again = Store(tmp_path / "db")
    assert [each.key.name for each in again.dependents("u")] == ["a"]
    assert again.version == 4
    assert again.since("configmaps", 4) == []
    with pytest.raises(Expired, match=r"too old resource version: 3 \(4\)"):
        again.since("configmaps", 3)


def test_history_tells_the_changes_of_a_kind_in_order_until_it_is_compacted() -> None:
    store = Store(":memory:")
    store.put(key("a"), thing("a"))
    store.put(key("x", "secrets"), thing("x"))
    store.put(key("a"), thing("a"))
    store.remove(key("a"))
    assert [(each.type, each.resource_version) for each in store.since("configmaps", 2)] == [
        ("MODIFIED", 4),
        ("DELETED", 5),
    ]
    store.compact()
    with pytest.raises(Expired):
        store.since("configmaps", 4)


def test_history_is_bounded() -> None:
    store = Store(":memory:", history=3)
    for _ in range(5):
        store.put(key("a"), thing("a"))
    assert len(store.since("configmaps", 3)) == 3
    with pytest.raises(Expired):
        store.since("configmaps", 2)


def test_a_change_that_cannot_be_stored_happens_nowhere(tmp_path: Path) -> None:
    store = Store(tmp_path / "db")
    seen: list[Change] = []
    store.subscribe("configmaps", seen.append)
    with pytest.raises(TypeError):
        store.put(key("a"), thing("a") | {"data": {"a": object()}})
    assert (store.get(key("a")), store.version, seen) == (None, 1, [])


WRITER = """
import sys
from console.sandbox.store import Key, Store
store = Store(sys.argv[1])
for number in range(100_000):
    metadata = {"name": str(number), "namespace": "n"}
    store.put(Key("configmaps", "n", str(number)), {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata})
    print(number, flush=True)
"""


def test_kill_9_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WRITER, str(tmp_path / "db")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout
        acknowledged = [int(writer.stdout.readline()) for _ in range(200)]
        os.kill(writer.pid, signal.SIGKILL)
        acknowledged += [int(line) for line in writer.stdout.read().split()]
    store = Store(tmp_path / "db")
    assert {str(each) for each in acknowledged} <= {each.key.name for each in store.entries("configmaps")}
    assert store.version >= len(acknowledged) + 1
