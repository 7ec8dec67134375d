"""Jobs whose daemon is killed while they run."""

from __future__ import annotations

import os
import signal

import pytest

from tests.cluster import condition

from .conftest import Own


@pytest.mark.parametrize("after", [1, 2])
def test_every_end_is_counted_once_although_the_daemon_is_killed(own: Own, after: int) -> None:
    status, cluster = own.up(), own.cluster()
    container = {"name": "main", "image": "busybox", "command": ["sleep", "0.2"]}
    template = {"spec": {"restartPolicy": "Never", "containers": [container]}}
    cluster.create("jobs", {"metadata": {"name": "work"}, "spec": {"completions": 4, "template": template}})
    cluster.until("jobs", "work", lambda each: each["status"].get("succeeded") == after)
    os.kill(status["pid"], signal.SIGKILL)
    own.up()
    cluster = own.cluster()
    done = cluster.until("jobs", "work", lambda each: condition(each, "Complete"))
    assert (done["status"]["succeeded"], done["status"].get("failed", 0)) == (4, 0)
    assert len(cluster.list("pods")) == 4
    assert not any(each["metadata"].get("finalizers") for each in cluster.list("pods"))
