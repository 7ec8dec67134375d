"""Jobs: pods that run until so many have succeeded, or the Job gives up."""

from __future__ import annotations

from typing import Any

from tests.cluster import Cluster, Object, condition
from tests.conformance.pods import FOREVER, Image, event


def job(image: Image, script: str, restart: str = "Never", **spec: Any) -> Object:
    """The Job `work`."""
    template = {"spec": image.pod(script)["spec"] | {"restartPolicy": restart}}
    return {"metadata": {"name": "work"}, "spec": {"template": template, **spec}}


def is_true(type: str) -> Any:
    return lambda each: condition(each, type).get("status") == "True"


def test_a_job_runs_its_pods_to_success(cluster: Cluster, image: Image) -> None:
    cluster.create("jobs", job(image, "true", completions=3, parallelism=2))
    done = cluster.until("jobs", "work", is_true("Complete"))
    status = done["status"]
    assert (status["succeeded"], status.get("failed", 0), status.get("active", 0)) == (3, 0, 0)
    assert status["startTime"] <= status["completionTime"]
    pods = cluster.list("pods", "batch.kubernetes.io/job-name=work")
    assert [each["status"]["phase"] for each in pods] == ["Succeeded"] * 3
    assert {each["metadata"]["ownerReferences"][0]["uid"] for each in pods} == {done["metadata"]["uid"]}
    assert event(cluster, "work", "Completed")["message"] == "Job completed"


def test_no_more_pods_run_at_once_than_allowed(cluster: Cluster, image: Image) -> None:
    cluster.create("jobs", job(image, FOREVER, completions=5, parallelism=2))
    cluster.until("jobs", "work", lambda each: (each.get("status") or {}).get("ready") == 2)
    assert cluster.get("jobs", "work")["status"]["active"] == len(cluster.list("pods")) == 2
    cluster.patch("jobs", "work", {"spec": {"parallelism": 1}})
    cluster.until("jobs", "work", lambda each: each["status"].get("active") == 1)
    cluster.until_pods(lambda pods: len(pods) == 1)
    assert cluster.get("jobs", "work")["status"].get("failed", 0) == 0


def test_a_pod_that_fails_is_tried_again_and_then_the_job_is_given_up(cluster: Cluster, image: Image) -> None:
    cluster.create("jobs", job(image, "exit 3", backoffLimit=1))
    failed = cluster.until("jobs", "work", is_true("Failed"))
    assert condition(failed, "Failed")["reason"] == "BackoffLimitExceeded"
    assert condition(failed, "Failed")["message"] == "Job has reached the specified backoff limit"
    assert (failed["status"]["failed"], len(cluster.list("pods"))) == (2, 2)


def test_a_container_that_fails_is_restarted_in_its_pod(cluster: Cluster, image: Image) -> None:
    body = job(image, "test -e /work/been && exit 0; touch /work/been; exit 1", restart="OnFailure")
    spec = body["spec"]["template"]["spec"]
    spec["volumes"] = [{"name": "work", "emptyDir": {}}]
    spec["containers"][0]["volumeMounts"] = [{"name": "work", "mountPath": "/work"}]
    cluster.create("jobs", body)
    done = cluster.until("jobs", "work", is_true("Complete"))
    assert (done["status"]["succeeded"], done["status"].get("failed", 0), len(cluster.list("pods"))) == (1, 0, 1)


def test_a_job_that_takes_too_long_is_given_up(cluster: Cluster, image: Image) -> None:
    cluster.create("jobs", job(image, FOREVER, activeDeadlineSeconds=1))
    failed = cluster.until("jobs", "work", is_true("Failed"))
    assert condition(failed, "Failed")["reason"] == "DeadlineExceeded"
    cluster.until_pods(lambda pods: not [each for each in pods if each["status"]["phase"] in ("Pending", "Running")])


def test_a_job_is_suspended_and_goes_on(cluster: Cluster, image: Image) -> None:
    cluster.create("jobs", job(image, "true", suspend=True))
    cluster.until("jobs", "work", is_true("Suspended"))
    assert cluster.list("pods") == []
    cluster.patch("jobs", "work", {"spec": {"suspend": False}})
    cluster.until("jobs", "work", is_true("Complete"))


def test_a_job_that_is_over_goes_when_its_time_to_live_has_passed(cluster: Cluster, image: Image) -> None:
    cluster.create("jobs", job(image, "true", ttlSecondsAfterFinished=1))
    cluster.until_gone("jobs", "work")
    cluster.until_pods(lambda pods: not pods)


def test_a_job_takes_its_pods_along(cluster: Cluster, image: Image) -> None:
    cluster.create("jobs", job(image, FOREVER))
    cluster.until("jobs", "work", lambda each: (each.get("status") or {}).get("active"))
    cluster.delete("jobs", "work", propagationPolicy="Background")
    cluster.until_gone("jobs", "work")
    cluster.until_pods(lambda pods: not pods)
