"""From what was gathered to the steps of a run: their order, their diffs, what somebody else changed."""

from dataclasses import replace

import pytest

from console.model.declare import declare
from console.model.errors import Problem
from console.model.gathered import ObjectState
from console.model.plan import ChangeKind, Check, ObjectRef, StepKind
from console.model.planning import plan_deploy, plan_destroy, rollout_order
from console.model.release import Release
from console.model.stack import ExternalSource
from tests.stacks import (
    build_source,
    config_map,
    deployment,
    edited,
    gathered_of,
    image_of,
    make_service,
    make_stack,
    together,
    unchanged,
)

NAMESPACE = "{apiVersion: v1, kind: Namespace, metadata: {name: todo}}"
SOURCES = {name: build_source(name) for name in ("db", "web", "page")}
DATABASE = ExternalSource("database", "postgres", "postgres", "DATABASE_URL", "embedded")


def _stack(**more):
    """`page` comes after `web`, `web` after `db`; written in the wrong order."""
    services = [
        make_service("page", deployment("page"), build=SOURCES["page"], after=("web",)),
        make_service("web", deployment("web"), build=SOURCES["web"], after=("db", "database")),
        make_service("db", deployment("db"), build=SOURCES["db"]),
    ]
    return make_stack(services, shared=NAMESPACE, **more)


def _images(*missing):
    return [image_of(source, present=name not in missing) for name, source in SOURCES.items()]


def _declared(stack, *missing):
    return declare(stack, _images(*missing), {}, "00" * 32, {})


def _new(stack):
    states = [ObjectState(each, None, None) for each in _declared(stack)]
    return gathered_of(stack, states, images=_images(*SOURCES), namespace_exists=False)


def _live(stack, **edits):
    """Everything is live as declared, but for these fields of Deployments."""
    states = [
        edited(each, edits[each.ref.name])
        if each.ref.name in edits and each.ref.kind == "Deployment"
        else unchanged(each)
        for each in _declared(stack)
    ]
    return gathered_of(stack, states, images=_images())


def _plan(gathered):
    return plan_deploy(gathered, lambda text: text)


def _needs(plan):
    return {step.id: set(step.needs) for step in plan.steps}


def _release(stack, **more):
    sent = tuple(each.body for each in _declared(stack))
    return Release(1, "todo", "test", 0.0, "somebody", "done", {}, sent, "00" * 32, **more)


def test_a_first_deploy_goes_in_the_order_of_what_comes_after_what():
    plan = _plan(replace(_new(_stack(externals=[DATABASE])), unprovisioned=("database",)))
    assert [step.id for step in plan.steps if step.kind in {StepKind.APPLY, StepKind.WAIT}] == [
        "apply:shared",
        *("apply:db", "wait:db", "apply:web", "wait:web", "apply:page", "wait:page"),
    ]
    needs = _needs(plan)
    assert needs["provision:database"] == needs["build:web"] == {"preflight"}
    assert needs["push:web"] == {"build:web"}
    assert needs["apply:shared"] == {"preflight", "provision:database"}
    assert needs["apply:web"] >= {"apply:shared", "push:web", "wait:db", "provision:database"}
    assert needs["wait:web"] == {"apply:web"}
    assert needs["record"] == {step.id for step in plan.steps} - {"record"}
    assert not plan.empty


def test_every_step_stands_behind_all_that_it_needs():
    done = set()
    for step in _plan(_new(_stack())).steps:
        assert set(step.needs) <= done
        done.add(step.id)


def test_everything_new_is_created_the_namespace_first():
    plan = _plan(_new(_stack()))
    assert {change.kind for change in plan.changes} == {ChangeKind.CREATE}
    assert str(plan.changes[0].ref) == "namespace/todo"
    assert plan.drift == ()


def test_nothing_is_done_where_nothing_changed():
    plan = _plan(_live(_stack()))
    assert plan.empty
    assert [step.id for step in plan.steps] == ["preflight"]


def test_only_what_changed_is_applied_and_waited_for():
    stack = _stack()
    live = _live(stack, page={"spec": {"minReadySeconds": 3}})
    plan = _plan(live)
    assert [step.id for step in plan.steps] == ["preflight", "apply:page", "wait:page", "record"]
    assert _needs(plan)["apply:page"] == {"preflight"}
    (change,) = plan.changes
    assert [field.path for field in change.fields] == ["spec.minReadySeconds"]


def test_a_service_in_between_that_stays_as_it_is_does_not_break_the_order():
    stack = _stack()
    changed = {"spec": {"minReadySeconds": 3}}
    assert "wait:db" in _needs(_plan(_live(stack, page=changed, db=changed)))["apply:page"]


def test_an_unchanged_service_that_is_not_ready_is_waited_for():
    plan = _plan(replace(_live(_stack()), unready=("web",)))
    assert [step.id for step in plan.steps] == ["preflight", "wait:web"]
    assert not plan.empty


def test_an_image_is_pushed_before_whatever_runs_it():
    stack = _stack()
    job = deployment("migration", image="todo-web")
    services = [*stack.services, make_service("migration", job)]
    stack = replace(stack, services=tuple(services))
    states = [ObjectState(each, None, None) for each in _declared(stack)]
    plan = _plan(gathered_of(stack, states, images=_images("web")))
    assert "push:web" in _needs(plan)["apply:migration"]
    assert "build:db" not in _needs(plan)


def test_an_image_that_the_registry_lost_is_pushed_again_though_no_object_changes():
    stack = _stack()
    plan = _plan(replace(_live(stack), images=tuple(_images("web"))))
    assert [step.id for step in plan.steps] == ["preflight", "build:web", "push:web", "wait:web"]
    assert _needs(plan)["wait:web"] == {"preflight", "push:web"}


@pytest.mark.parametrize("known", [{}, {("postgres", "DATABASE_URL"): "as it was before"}])
def test_the_secret_of_an_external_that_will_be_started_is_in_the_plan(known):
    stack = _stack(externals=[DATABASE])
    states = [unchanged(each) for each in declare(stack, _images(), known, "00" * 32, {})]
    plan = _plan(gathered_of(stack, states, images=_images(), unprovisioned=("database",)))
    (change,) = plan.changes
    assert str(change.ref) == "secret/postgres"
    assert change.kind is (ChangeKind.UPDATE if known else ChangeKind.CREATE)
    assert [(each.path, each.after) for each in change.fields] == [("data.DATABASE_URL", "••• (known once it runs)")]
    assert [step.id for step in plan.steps] == ["preflight", "provision:database", "apply:shared", "record"]


def test_the_past_says_how_long_it_will_take_along_the_longest_way():
    past = {"build:web": (9.0, 5.0, 7.0), "build:page": (1.0,), "push:web": (1.0,), "push:page": (1.0,)}
    past |= {"build:db": (2.0,), "push:db": (1.0,), "wait:db": (4.0,), "wait:web": (3.0,), "wait:page": (2.0, 30.0)}
    plan = _plan(replace(_new(_stack()), past=past))
    steps = {step.id: step for step in plan.steps}
    assert steps["build:web"].expected_seconds == 7.0
    assert plan.expected_seconds == 7.0 + 1.0 + 3.0 + 16.0
    del past["wait:db"]
    assert _plan(replace(_new(_stack()), past=past)).expected_seconds is None


@pytest.mark.parametrize(
    ("timeout", "past", "expected"),
    [(None, (), 180.0), (None, (5.0, 4.0), 60.0), (None, (40.0, 9.0), 160.0), (7, (40.0,), 7)],
)
def test_a_service_gets_the_time_that_it_was_given_or_a_multiple_of_its_own(timeout, past, expected):
    stack = make_stack([make_service("db", deployment("db"), build=SOURCES["db"], timeout=timeout)])
    plan = _plan(replace(_new(stack), past={"wait:db": past}))
    assert {step.timeout for step in plan.steps if step.kind is StepKind.WAIT} == {expected}


def test_a_live_value_that_is_no_longer_what_was_sent_is_drift():
    stack = _stack()
    live = replace(_live(stack, web={"spec": {"replicas": 5}}), releases=(_release(stack),))
    (change,) = _plan(live).drift
    assert [(field.path, field.before, field.after) for field in change.drift] == [("spec.replicas", "5", "2")]


def test_what_the_files_changed_since_the_last_release_is_no_drift():
    before = make_stack([make_service("web", deployment("web", replicas=1))])
    after = make_stack([make_service("web", deployment("web", replicas=2))])
    (declared,) = declare(after, [], {}, "00" * 32, {})
    gathered = gathered_of(after, [edited(declared, {"spec": {"replicas": 1}})])
    release = replace(_release(_stack()), objects=tuple(each.body for each in declare(before, [], {}, "00" * 32, {})))
    assert _plan(replace(gathered, releases=(release,))).drift == ()


def test_a_field_that_belongs_to_another_manager_is_drift_and_named():
    stack = make_stack([make_service("web", deployment("web"))])
    (declared,) = declare(stack, [], {}, "00" * 32, {})
    field = 'spec.template.spec.containers[name="web"].image'
    live = {"spec": {"template": {"spec": {"containers": [{"name": "web", "image": "other"}]}}}}
    state = edited(declared, live, conflicts=((field, "kubectl-edit"),))
    plan = _plan(gathered_of(stack, [state]))
    assert [each.path for change in plan.drift for each in change.drift] == ["spec.template.spec.containers[web].image"]
    assert plan.warnings == (f"deployment/web: {field} belongs to kubectl-edit",)


def test_what_is_declared_no_more_is_removed_last_users_before_what_they_use():
    stack = _stack()
    obsolete = [ObjectRef("v1", "ConfigMap", "todo", "old"), ObjectRef("apps/v1", "Deployment", "todo", "old")]
    obsolete.append(ObjectRef("v1", "PersistentVolumeClaim", "todo", "data"))
    plan = _plan(replace(_live(stack, web={"spec": {"paused": True}}), obsolete=tuple(obsolete)))
    prune = next(step for step in plan.steps if step.kind is StepKind.PRUNE)
    assert [change.ref.kind for change in prune.changes] == ["Deployment", "PersistentVolumeClaim", "ConfigMap"]
    assert {change.kind for change in prune.changes} == {ChangeKind.DELETE}
    assert "wait:web" in prune.needs
    assert plan.steps[-1].id == "record"
    assert any("persistentvolumeclaim/data" in warning for warning in plan.warnings)


def test_a_warning_of_the_files_stays_only_as_long_as_the_cluster_could_not_be_asked():
    held, denied = (ObjectRef("v1", "Secret", "todo", name) for name in ("held", "denied"))
    doubts = [Problem("k8s/a.yaml", line, 1, f"no {ref}", needs=ref) for line, ref in enumerate((held, denied), 1)]
    stack = _stack(warnings=(*doubts, Problem("k8s/a.yaml", 3, 1, "selects no pods")))
    asked = (Check("cluster", True, "there"), Check(str(denied), None, "may not be read", unknown=denied))
    told = plan_deploy(replace(_live(stack), checks=asked), str).warnings
    assert told == ("k8s/a.yaml:2:1: no secret/denied", "k8s/a.yaml:3:1: selects no pods")


def test_warnings_of_the_files_and_of_gathering_are_told_redacted():
    stack = replace(_stack(), warnings=(Problem("k8s/a.yaml", 3, 1, "no configmap s3cret"),))
    gathered = replace(_live(stack), warnings=("something else",))
    plan = plan_deploy(gathered, lambda text: text.replace("s3cret", "•••"))
    assert plan.warnings == ("k8s/a.yaml:3:1: no configmap •••", "something else")


def test_what_could_not_be_tried_out_says_so():
    stack = make_stack([make_service("web", together(deployment("web"), config_map("web", A="1")))])
    states = [
        replace(edited(each, {"data": {"A": "2"}}), result=None) for each in declare(stack, [], {}, "00" * 32, {})
    ]
    changes = {str(change.ref): change for step in _plan(gathered_of(stack, states)).steps for change in step.changes}
    assert changes["configmap/web"].declared_only
    assert changes["configmap/web"].kind is ChangeKind.UPDATE
    assert changes["deployment/web"].kind is ChangeKind.UNCHANGED


def test_a_destroy_goes_backwards_and_ends_with_the_namespace():
    plan = plan_destroy(_live(_stack()))
    assert plan.kind == "destroy"
    stops, prunes = ([f"{what}:{name}" for name in ("page", "web", "db")] for what in ("stop", "prune"))
    assert [step.id for step in plan.steps] == [*stops, *prunes, "prune"]
    needs = {step.id: set(step.needs) for step in plan.steps}
    assert needs["stop:page"] == set()
    assert needs["stop:db"] == {"stop:web", "stop:page"}
    assert needs["prune:db"] == {"stop:db", "prune:web", "prune:page"}
    assert needs["prune"] == {*stops, *prunes}


def test_services_that_do_not_need_each_other_go_at_once():
    pages = [make_service(name, deployment(name), after=("web",)) for name in ("left", "right")]
    plan = plan_destroy(_live(make_stack([make_service("web", deployment("web")), *pages])))
    needs = {step.id: set(step.needs) for step in plan.steps}
    assert needs["stop:left"] == needs["stop:right"] == set()
    assert needs["prune:left"] == {"stop:left"}
    assert needs["stop:web"] == {"stop:left", "stop:right"}


def test_what_makes_pods_goes_before_what_they_stand_on():
    plan = plan_destroy(_live(_stack()))
    assert [str(change.ref) for change in plan.changes][-1] == "namespace/todo"


def test_services_without_an_order_stay_as_they_are_written():
    services = [make_service(name, config_map(name)) for name in ("c", "a", "b")]
    assert rollout_order(make_stack(services)) == ["c", "a", "b"]
    assert rollout_order(_stack()) == ["db", "web", "page"]
