"""kill -9 at any moment loses nothing that was acknowledged."""

from __future__ import annotations

import http.client
import json
import os
import random
import signal
import threading
import time
from collections.abc import Callable

import pytest

from tests.cluster import Cluster, rolled_out
from tests.sandbox.daemon.conftest import Own

LOST = (OSError, http.client.HTTPException, json.JSONDecodeError)


class Writer(threading.Thread):
    """Creates, changes and deletes ConfigMaps until the server is gone; knows what was acknowledged."""

    def __init__(self, cluster: Cluster, name: str, seed: int) -> None:
        super().__init__()
        self.cluster = cluster
        self.prefix = name
        self.random = random.Random(seed)
        self.acknowledged: dict[str, str] = {}
        self.in_doubt = ""

    def run(self) -> None:
        try:
            while True:
                self._write()
        except LOST:
            pass

    def _write(self) -> None:
        if self.acknowledged and self.random.random() < 0.5:
            name = self.random.choice(sorted(self.acknowledged))
            self._change(name) if self.random.random() < 0.5 else self._remove(name)
        else:
            name = f"{self.prefix}-{self.random.randrange(10**9)}"
            self._note(name, lambda value: self.cluster.create("configmaps", _body(name, value)))

    def _change(self, name: str) -> None:
        self._note(name, lambda value: self.cluster.patch("configmaps", name, {"data": {"key": value}}))

    def _note(self, name: str, write: Callable[[str], object]) -> None:
        value, self.in_doubt = str(self.random.random()), name
        write(value)
        self.acknowledged[name] = value

    def _remove(self, name: str) -> None:
        self.in_doubt = name
        self.cluster.delete("configmaps", name)
        del self.acknowledged[name]

    def check(self, found: dict[str, str]) -> None:
        """Compares; only the write that the kill cut off may have either outcome."""
        mine = {name: value for name, value in found.items() if name.startswith(f"{self.prefix}-")}
        mine.pop(self.in_doubt, None)
        assert mine == {name: value for name, value in self.acknowledged.items() if name != self.in_doubt}


def _body(name: str, value: str) -> dict[str, object]:
    return {"metadata": {"name": name}, "data": {"key": value}}


def kill_while_writing(own: Own, seed: int) -> None:
    """One round: writers at work, kill -9 at a moment of chance, start again, compare."""
    chance = random.Random(seed)
    pid = own.up()["pid"]
    cluster = own.cluster()
    for old in cluster.list("configmaps"):
        if old["metadata"]["name"].startswith("writer"):
            cluster.delete("configmaps", old["metadata"]["name"])
    writers = [Writer(cluster, f"writer{index}", chance.randrange(10**9)) for index in range(3)]
    for each in writers:
        each.start()
    time.sleep(chance.uniform(0.02, 0.3))  # the moment itself is what is under test
    os.kill(pid, signal.SIGKILL)
    for each in writers:
        each.join()
    own.up()
    found = {each["metadata"]["name"]: each.get("data", {}).get("key") for each in own.cluster().list("configmaps")}
    for each in writers:
        each.check(found)


def test_nothing_acknowledged_is_lost_by_a_kill(own: Own, record_property: Callable[[str, object], None]) -> None:
    for _ in range(5):
        seed = random.SystemRandom().randrange(10**6)
        record_property("seed", seed)
        print(f"seed {seed}")
        kill_while_writing(own, seed)


@pytest.mark.soak
def test_nothing_acknowledged_is_lost_by_a_hundred_kills(own: Own) -> None:
    for _ in range(100):
        seed = random.SystemRandom().randrange(10**6)
        print(f"seed {seed}")
        kill_while_writing(own, seed)


def test_a_rollout_goes_on_after_a_kill(own: Own) -> None:
    """What was started before the kill is finished by the next daemon."""
    status = own.up("--virtual-nodes", "1")
    labels = {"app": "web"}
    template = {
        "metadata": {"labels": labels, "annotations": {"sandbox/ready-after": "300ms"}},
        "spec": {"tolerations": [{"operator": "Exists"}], "containers": [{"name": "main", "image": "busybox"}]},
    }
    template["spec"]["nodeSelector"] = {"type": "virtual"}
    spec = {"replicas": 3, "selector": {"matchLabels": labels}, "template": template}
    cluster = own.cluster()
    cluster.create("deployments", {"metadata": {"name": "web"}, "spec": spec})
    cluster.until_pods(lambda pods: pods)
    os.kill(status["pid"], signal.SIGKILL)
    own.up("--virtual-nodes", "1")
    own.cluster().until("deployments", "web", rolled_out)
