"""Versioned objects in SQLite, with the recent changes in memory for those who watch.

Every write is one transaction of a database in WAL mode. `synchronous=NORMAL` is enough for the promise that a
`kill -9` loses nothing acknowledged: a committed transaction is in the page cache, which outlives the process. Only a
power cut may lose the last moments, and even then the database stays whole (https://www.sqlite.org/pragma.html).

Objects are kept as compact JSON bytes and decoded on demand, which costs a few microseconds and holds ten thousand pods
in tens of megabytes. The history is not kept over a restart: a watch from an older version is told 410 and lists again.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec

from console.sandbox.api.resources import Object
from console.sandbox.history import LENGTH, Change, Entry, Expired, History, Key, copy, decode, encode

__all__ = ["Change", "Entry", "Expired", "Key", "Store", "copy", "decode", "encode"]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS objects (
    resource TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL, version INTEGER NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (resource, namespace, name)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS counter (id INTEGER PRIMARY KEY CHECK (id = 0), version INTEGER NOT NULL);
INSERT OR IGNORE INTO counter VALUES (0, 1);
"""


class _Owner(msgspec.Struct):
    uid: str = ""
    controller: bool = False


class _Meta(msgspec.Struct, rename="camel"):
    uid: str = ""
    labels: dict[str, str] | None = None
    owner_references: list[_Owner] | None = None


class _Spec(msgspec.Struct, rename="camel"):
    node_name: str = ""


class _Head(msgspec.Struct):
    """The few fields of an object that are indexed."""

    metadata: _Meta
    spec: _Spec | None = None


_read_head = msgspec.json.Decoder(_Head).decode
Subscriber = Callable[[Change], None]


class Store:
    """All objects of a cluster. One counter versions all of them. Not thread-safe: one event loop owns it.

    Args:
        path: the database's file; `:memory:` keeps nothing.
        history: how many changes watchers can be told of afterwards.
    """

    def __init__(self, path: Path | str, *, history: int = LENGTH) -> None:
        self._database = sqlite3.connect(path, isolation_level=None)
        self._database.executescript(
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA wal_autocheckpoint=4000;"
        )
        self._database.executescript(_SCHEMA)
        self._subscribers: dict[str, set[Subscriber]] = defaultdict(set)
        self._objects: dict[str, dict[str, dict[str, Entry]]] = defaultdict(lambda: defaultdict(dict))
        self._owned: dict[str, set[Key]] = defaultdict(set)
        self._on_node: dict[str, set[Key]] = defaultdict(set)
        self._label_sets: dict[tuple[tuple[str, str], ...], dict[str, str]] = {}
        self.version: int = self._database.execute("SELECT version FROM counter").fetchone()[0]
        self._history = History(self.version, history)
        self._load()

    def _load(self) -> None:
        for resource, namespace, name, version, body in self._database.execute("SELECT * FROM objects"):
            self._index(self._entry(Key(resource, namespace, name), version, body))

    def close(self) -> None:
        """Closes the database; folds the write-ahead log into it."""
        self._database.close()

    # -- reading

    def get(self, key: Key) -> Entry | None:
        """The object at a key, or None."""
        return self._objects[key.resource][key.namespace].get(key.name)

    def entries(self, resource: str, namespace: str = "") -> list[Entry]:
        """The objects of a kind, in one namespace or in all, ordered by namespace and name."""
        spaces = self._objects[resource]
        if namespace:
            names = spaces.get(namespace, {})
            return [names[name] for name in sorted(names)]
        return [spaces[space][name] for space in sorted(spaces) for name in sorted(spaces[space])]

    def entries_at(self, version: int, resource: str, namespace: str = "") -> list[Entry]:
        """The same as they were at a version: what has changed since is taken back.

        Raises:
            Expired: the history does not reach back that far.
        """
        if version == self.version:
            return self.entries(resource, namespace)
        found = {each.key: each for each in self.entries(resource, namespace)}
        for change in reversed(self.since(resource, version)):
            if namespace in ("", change.entry.key.namespace):
                found.pop(change.entry.key, None)
                if change.previous:
                    found[change.entry.key] = change.previous
        return [found[key] for key in sorted(found)]

    def count(self, resource: str, namespace: str) -> int:
        """How many objects of a kind a namespace holds."""
        return len(self._objects[resource].get(namespace, ()))

    def dependents(self, uid: str) -> list[Entry]:
        """Every object that names this uid among its owners."""
        return self._sorted(self._owned.get(uid, ()))

    def on_node(self, node: str) -> list[Entry]:
        """The pods bound to a node."""
        return self._sorted(self._on_node.get(node, ()))

    def _sorted(self, keys: Iterable[Key]) -> list[Entry]:
        return [entry for key in sorted(keys) if (entry := self.get(key))]

    # -- writing

    def put(self, key: Key, obj: Object) -> Entry:
        """Stores an object under the next version, which is set in its metadata, and tells the watchers."""
        version = self.version + 1
        metadata = obj["metadata"] | {"resourceVersion": str(version)}
        body = encode({"apiVersion": obj["apiVersion"], "kind": obj["kind"], **obj, "metadata": metadata})
        with self._database:
            self._database.execute("BEGIN")
            self._database.execute("INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?, ?)", (*key, version, body))
            self._database.execute("UPDATE counter SET version = ?", (version,))
        previous = self.get(key)
        if previous:
            self._unindex(previous)
        entry = self._entry(key, version, body)
        self._index(entry)
        self._publish(Change("MODIFIED" if previous else "ADDED", entry, previous))
        return entry

    def remove(self, key: Key) -> Entry:
        """Removes an object; its last state goes to the watchers under the next version.

        Raises:
            KeyError: there is no such object.
        """
        previous = self._objects[key.resource][key.namespace][key.name]
        version = self.version + 1
        with self._database:
            self._database.execute("BEGIN")
            self._database.execute("DELETE FROM objects WHERE resource = ? AND namespace = ? AND name = ?", key)
            self._database.execute("UPDATE counter SET version = ?", (version,))
        self._unindex(previous)
        last = previous.object
        last["metadata"]["resourceVersion"] = str(version)
        entry = self._entry(key, version, encode(last))
        self._publish(Change("DELETED", entry, previous))
        return entry

    def _entry(self, key: Key, version: int, body: bytes) -> Entry:
        head = _read_head(body)
        owners = head.metadata.owner_references or []
        labels = head.metadata.labels or {}
        labels = self._shared(labels)
        controller = next((owner.uid for owner in owners if owner.controller), "")
        node = head.spec.node_name if key.resource == "pods" and head.spec else ""
        return Entry(
            key, version, body, head.metadata.uid, labels, tuple(each.uid for each in owners), controller, node
        )

    def _shared(self, labels: dict[str, str]) -> dict[str, str]:
        """One dict for all objects with the same labels: pods of a workload have the same."""
        if len(self._label_sets) > 10_000:
            self._label_sets.clear()
        return self._label_sets.setdefault(tuple(labels.items()), labels)

    def _index(self, entry: Entry) -> None:
        key = entry.key
        self._objects[key.resource][key.namespace][key.name] = entry
        for uid in entry.owners:
            self._owned[uid].add(key)
        if entry.node:
            self._on_node[entry.node].add(key)

    def _unindex(self, entry: Entry) -> None:
        key = entry.key
        del self._objects[key.resource][key.namespace][key.name]
        for index, names in ((self._owned, entry.owners), (self._on_node, (entry.node,) if entry.node else ())):
            for name in names:
                index[name].discard(key)
                if not index[name]:
                    del index[name]

    # -- watching

    def _publish(self, change: Change) -> None:
        self.version = change.resource_version
        self._history.add(change)
        for subscriber in tuple(self._subscribers[change.entry.key.resource]):
            subscriber(change)

    def compact(self) -> None:
        """Forgets all history: a watch from any older version gets 410."""
        self._history.compact()

    def since(self, resource: str, version: int) -> list[Change]:
        """The changes of a kind after a version.

        Raises:
            Expired: the history does not reach back that far.
        """
        return self._history.since(resource, version)

    def subscribe(self, resource: str, subscriber: Subscriber) -> Callable[[], None]:
        """Calls `subscriber` with each further change of a kind; returns the call that ends it."""
        self._subscribers[resource].add(subscriber)
        return lambda: self._subscribers[resource].discard(subscriber)
