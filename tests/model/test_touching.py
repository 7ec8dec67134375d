"""A preview says whose pods come, go or are made anew, and who leans on them."""

from console.model.plan import ChangeKind, FieldChange, ObjectChange, ObjectRef, Plan, Step, StepKind
from console.model.stack import Service
from console.model.touching import Touched, touched

SERVICES = (Service("api", "", None, ()), Service("web", "", None, (), ("api",)))


def planned(kind, *fields, ref_kind="Deployment"):
    change = ObjectChange(ObjectRef("apps/v1", ref_kind, "todo", "api"), "api", kind, fields)
    step = Step("apply:api", StepKind.APPLY, "apply api", "api", changes=(change,))
    return Plan("scale", "todo", "dev", "todo", "", False, (step,))


def update(path, before, after):
    return FieldChange(path, ChangeKind.UPDATE, before, after)


def test_other_numbers_of_pods_are_told_with_who_leans_on_them():
    more = planned(ChangeKind.UPDATE, update("spec.replicas", "1", "3"))
    assert touched(more, SERVICES, {"api": 1}) == (Touched("api", "2 pods more, 1 before, then 3", ("web",)),)
    fewer = planned(ChangeKind.UPDATE, update("spec.replicas", "3", "0"))
    assert touched(fewer, SERVICES, {"api": 3})[0].words == "3 pods fewer, 3 before, then 0"


def test_a_changed_template_makes_all_pods_anew():
    plan = planned(ChangeKind.UPDATE, update("spec.template.metadata.annotations.x", "", "now"))
    assert touched(plan, SERVICES, {"api": 4})[0].words == "4 pods made anew"


def test_new_and_removed_workloads_are_named():
    assert touched(planned(ChangeKind.CREATE), SERVICES, {})[0].words == "deployment/api is new"
    assert touched(planned(ChangeKind.DELETE), SERVICES, {"api": 2})[0].words == "deployment/api goes, with 2 pods"


def test_what_touches_no_pod_is_left_out():
    assert touched(planned(ChangeKind.UPDATE, ref_kind="ConfigMap"), SERVICES, {"api": 2}) == ()
    assert touched(planned(ChangeKind.UPDATE, update("metadata.labels.a", "1", "2")), SERVICES, {"api": 2}) == ()
