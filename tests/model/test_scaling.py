"""What can be scaled, who rules it, and what a smaller number would mean."""

import pytest

from console.model.plan import ObjectRef
from console.model.scaling import Scalable, scalables

REF = ObjectRef("apps/v1", "Deployment", "todo", "web")


def body(kind, name, spec, service="web"):
    meta = {"name": name, "namespace": "todo", "labels": {"stack-console/service": service}}
    version = {"HorizontalPodAutoscaler": "autoscaling/v2", "PodDisruptionBudget": "policy/v1"}.get(kind, "apps/v1")
    return {"apiVersion": version, "kind": kind, "metadata": meta, "spec": spec}


def deployment(name="web", replicas=2, service="web", kind="Deployment"):
    template = {"metadata": {"labels": {"app": name}}, "spec": {}}
    return body(kind, name, {"replicas": replicas, "template": template}, service)


def autoscaler():
    target = {"kind": "Deployment", "name": "web"}
    return body("HorizontalPodAutoscaler", "web", {"scaleTargetRef": target, "minReplicas": 2, "maxReplicas": 6})


def budget(least, app="web"):
    return body("PodDisruptionBudget", "web", {"minAvailable": least, "selector": {"matchLabels": {"app": app}}})


def live(*bodies):
    return {ObjectRef.of(each): each for each in bodies}


def test_each_service_with_one_workload_is_told_with_its_live_number():
    objects = [deployment(replicas=5), deployment("job", service="job", kind="DaemonSet")]
    assert scalables([deployment()], live(*objects)) == (Scalable("web", REF, 5),)


def test_a_service_of_several_workloads_cannot_be_scaled_as_one():
    objects = [deployment("a"), deployment("b")]
    assert scalables(objects, live(*objects)) == ()


def test_who_rules_and_what_a_budget_keeps_are_known():
    found = scalables([deployment()], live(deployment(), autoscaler(), budget("50%")))
    assert found == (Scalable("web", REF, 2, (2, 6), "poddisruptionbudget/web", "50%"),)
    assert scalables([deployment()], live(deployment(), budget(1, app="other")))[0].keeps == ""


@pytest.mark.parametrize(("wanted", "bounds"), [(4, (4, 6)), (9, (9, 9)), (1, (1, 6)), (0, (2, 6))])
def test_the_bounds_of_an_autoscaler_are_moved_as_far_as_is_needed(wanted, bounds):
    assert Scalable("web", REF, 2, (2, 6)).bounds_at(wanted) == bounds


@pytest.mark.parametrize(
    ("keeps", "wanted", "words"),
    [
        ("2", 1, "fewer than pdb/web keeps (2)"),
        ("2", 2, "keeps all of them"),
        ("2", 3, ""),
        ("50%", 4, ""),
        ("50%", 1, "keeps all of them"),
        ("", 1, ""),
        ("", 0, "nothing serves"),
    ],
)
def test_a_number_that_leaves_too_few_is_warned_about(keeps, wanted, words):
    told = Scalable("web", REF, 2, None, "pdb/web" if keeps else "", keeps).warning(wanted)
    assert words in told if words else told == ""
