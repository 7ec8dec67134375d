"""Logs and commands: which part, of which container, and what is said when there is none."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cluster import Cluster, Object, ready
from tests.conformance.api import refused
from tests.conformance.pods import FOREVER, Image, log, phase, status_of
from tests.conformance.streams import follow, run, talk


def two(image: Image) -> Object:
    containers = [image.container(f"echo {each}; {FOREVER}") | {"name": each} for each in ("one", "two")]
    return image.pod(spec={"containers": containers})


def test_of_several_containers_one_must_be_named(cluster: Cluster, image: Image) -> None:
    cluster.create("pods", two(image))
    cluster.until("pods", "pod", ready)
    status = refused(400, "BadRequest", log, cluster, "pod")
    assert status["message"] == "a container name must be specified for pod pod, choose one of: [one two]"


def test_a_container_that_is_not_there_is_told(cluster: Cluster, image: Image) -> None:
    cluster.create("pods", image.pod())
    cluster.until("pods", "pod", ready)
    status = refused(400, "BadRequest", log, cluster, "pod", container="other")
    assert status["message"] == "container other is not valid for pod pod"


def test_a_container_that_waits_has_no_log(cluster: Cluster, image: Image) -> None:
    env = [{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "no", "key": "a"}}}]
    cluster.create("pods", image.pod(env=env))
    cluster.until("pods", "pod", lambda each: status_of(each).get("state", {}).get("waiting"))
    status = refused(400, "BadRequest", log, cluster, "pod")
    assert 'container "main" in pod "pod" is waiting to start' in status["message"]


def test_a_pod_without_a_node_has_an_empty_log(cluster: Cluster, image: Image) -> None:
    cluster.create("pods", image.pod(spec={"schedulerName": "nobody"}))
    assert log(cluster, "pod") == ""


def test_a_log_of_nobody_is_not_found(cluster: Cluster) -> None:
    assert refused(404, "NotFound", log, cluster, "pod")["message"] == 'pods "pod" not found'


@pytest.mark.parametrize("query", [{"tailLines": -1}, {"sinceSeconds": 0}, {"limitBytes": 0}])
def test_a_part_that_cannot_be_is_invalid(cluster: Cluster, image: Image, query: dict[str, Any]) -> None:
    cluster.create("pods", image.pod())
    cluster.until("pods", "pod", ready)
    status = refused(422, "Invalid", log, cluster, "pod", **query)
    assert [each["field"] for each in status["details"]["causes"]] == list(query)


def test_a_log_since_a_moment(cluster: Cluster, image: Image) -> None:
    cluster.create("pods", image.once("echo first; sleep 1.2; echo second"))
    cluster.until("pods", "pod", phase("Succeeded"))
    stamps = [each.partition(" ")[0] for each in log(cluster, "pod", timestamps="true").splitlines()]
    assert log(cluster, "pod", sinceTime=stamps[1].partition(".")[0] + "Z") == "second\n"
    assert log(cluster, "pod", sinceSeconds=600) == "first\nsecond\n"


def test_a_followed_log_begins_with_what_is_asked_for(cluster: Cluster, image: Image) -> None:
    script = "echo 1; echo 2; touch /work/told; until test -e /work/go; do sleep 0.1; done; echo 3"
    volume = {"volumes": [{"name": "work", "emptyDir": {}}]}
    mounts = [{"name": "work", "mountPath": "/work"}]
    cluster.create("pods", image.once(script, spec=volume, volumeMounts=mounts))
    cluster.until("pods", "pod", phase("Running"))
    assert run(cluster, "pod", "until test -e /work/told; do sleep 0.1; done")[0] == 0
    lines = follow(cluster, "pod", tailLines=1)
    assert next(lines) == "2\n"
    run(cluster, "pod", "touch /work/go")
    assert list(lines) == ["3\n"]


def test_both_streams_are_in_the_log(cluster: Cluster, image: Image) -> None:
    cluster.create("pods", image.once("echo out; echo err >&2"))
    cluster.until("pods", "pod", phase("Succeeded"))
    assert sorted(log(cluster, "pod").splitlines()) == ["err", "out"]


def test_a_line_without_an_end_is_told_as_it_is(cluster: Cluster, image: Image) -> None:
    cluster.create("pods", image.once("printf half"))
    cluster.until("pods", "pod", phase("Succeeded"))
    assert log(cluster, "pod") == "half"


# -- commands


def test_what_is_written_to_a_command_comes_back(cluster: Cluster, image: Image) -> None:
    cluster.create("pods", image.pod())
    cluster.until("pods", "pod", ready)
    assert talk(cluster, "pod", "read line; echo got $line", b"hello\n") == (0, "got hello\n", "")


def test_a_command_in_a_container_that_is_not_there(cluster: Cluster, image: Image) -> None:
    cluster.create("pods", image.pod())
    cluster.until("pods", "pod", ready)
    path = f"{cluster.path('pods', 'pod')}/exec?command=true&container=other&stdout=true"
    status = refused(400, "BadRequest", cluster.request, "GET", path)
    assert status["message"] == "container other is not valid for pod pod"


def test_a_command_without_a_command_is_a_bad_request(cluster: Cluster, image: Image) -> None:
    cluster.create("pods", image.pod())
    cluster.until("pods", "pod", ready)
    path = f"{cluster.path('pods', 'pod')}/exec?stdout=true"
    refused(400, "BadRequest", cluster.request, "GET", path)


def test_the_environment_of_a_command_is_the_containers(cluster: Cluster, image: Image) -> None:
    cluster.create("pods", image.pod(env=[{"name": "A", "value": "1"}], workingDir="/tmp"))
    cluster.until("pods", "pod", ready)
    code, output, _ = run(cluster, "pod", "echo $A")
    assert (code, output) == (0, "1\n")


def test_a_large_output_arrives_whole(cluster: Cluster, image: Image) -> None:
    cluster.create("pods", image.pod())
    cluster.until("pods", "pod", ready)
    script = "i=0; while [ $i -lt 2000 ]; do echo 0123456789012345678901234567890123456789; i=$((i+1)); done"
    code, output, _ = run(cluster, "pod", script)
    assert (code, len(output)) == (0, 2000 * 41)
