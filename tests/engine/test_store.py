"""What is believed, what changed since somebody looked, and how a service stands."""

import asyncio
from dataclasses import FrozenInstanceError, replace

import pytest

from console.engine.store import KINDS, Store
from console.model.diagnosis import Cause
from console.model.events import (
    ClueFound,
    Denied,
    EventObserved,
    ExternalObserved,
    PodGone,
    PodObserved,
    ProbeObserved,
    ReleaseObserved,
    Relisted,
    UsageObserved,
    WatchBeat,
    WatchLost,
    WorkloadGone,
    WorkloadObserved,
)
from console.model.state import Freshness, ServiceState
from console.model.surroundings import Surroundings
from console.model.workload import External, ProbeKind, ProbeResult, ProbeSource, Usage
from tests.observed import condition, container, ended, event, pod, starting, waiting, workload

DEPLOYMENT = workload(uid="d")
REPLICA_SET = workload("ReplicaSet", "backend-7c9f", uid="rs", service="", owner_uid="d")


@pytest.fixture
def store():
    return Store("todo", "sandbox", "todo", ["backend", "frontend"], [("database", "postgres")])


def bare(name, *containers, **more):
    """A pod as the cluster tells it: without the name of its service."""
    return pod(*containers, uid=name, service="", **more)


def serve(store, *pods):
    facts = [WorkloadObserved(DEPLOYMENT), WorkloadObserved(REPLICA_SET), *map(PodObserved, pods)]
    store.dispatch(*facts)


def backend(store):
    return store.view().services[0]


def listed(store):
    store.dispatch(*(Relisted(resource, frozenset(), 1.0) for resource in ("pods", *KINDS)))


def test_every_taker_is_told_what_changed_since_it_looked(store):
    assert store.view("grid").changed_all
    store.dispatch(PodObserved(bare("a")), PodObserved(bare("b")))
    assert store.view("grid").changed == {"a", "b"}
    assert store.view("grid").changed == frozenset()
    store.dispatch(PodObserved(bare("b", phase="Failed")), PodGone("a"))
    assert store.view("grid").changed == {"a", "b"}
    assert store.view("late").changed_all
    assert store.view().changed_all


def test_a_taker_that_stays_away_is_told_to_look_at_everything(store):
    store.view("away")
    for number in range(1200):
        store.dispatch(PodObserved(bare(f"p{number}")), PodGone(f"p{number}"))
    assert store.view("away").changed_all
    assert not store.view("away").changed_all


def test_a_view_is_frozen(store):
    view = store.view()
    with pytest.raises(TypeError):
        view.pods["a"] = bare("a")
    with pytest.raises(FrozenInstanceError):
        view.version = 7


def test_each_dispatch_is_one_version_and_listeners_hear_it_applied(store):
    heard = []
    end = store.subscribe(lambda fact: heard.append((fact, "a" in store.view().pods)))
    before = store.version
    store.dispatch(PodObserved(bare("a")))
    assert store.version == before + 1
    end()
    store.dispatch(PodGone("a"))
    assert heard == [(PodObserved(bare("a")), True)]


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0), (2, 0, 1)])
def test_a_pod_finds_its_service_by_its_owners_in_whatever_order(store, order):
    facts = [WorkloadObserved(DEPLOYMENT), WorkloadObserved(REPLICA_SET), PodObserved(bare("a"))]
    for index in order:
        store.dispatch(facts[index])
    assert store.view().pods["a"].service == "backend"
    assert backend(store).ready == 1


def test_a_pod_of_nobody_is_of_no_service(store):
    store.dispatch(PodObserved(bare("a", owner_kind="", owner_name="")))
    assert store.view().pods["a"].service == ""


def test_a_pods_own_label_wins(store):
    serve(store, replace(bare("a"), service="frontend"))
    assert store.view().pods["a"].service == "frontend"


def test_a_list_removes_what_is_missing_from_it(store):
    serve(store, bare("a"), bare("b"))
    store.dispatch(Relisted("pods", frozenset({"b"}), 5.0), Relisted("deployments", frozenset(), 5.0))
    view = store.view()
    assert (set(view.pods), set(view.workloads)) == ({"b"}, {"rs"})


def test_everything_about_a_pod_goes_with_it(store):
    serve(store, bare("a", starting()))
    store.dispatch(UsageObserved({"a": Usage(0.1, 100)}), ClueFound("a", "main", "words", 1.0))
    assert store.view().probes["a"]
    store.dispatch(PodGone("a"))
    view = store.view()
    assert (dict(view.probes), dict(view.usage), view.diagnoses) == ({}, {}, ())


def test_a_service_is_ready_when_all_its_pods_are(store):
    serve(store, bare("a"), bare("b"))
    found = backend(store)
    assert (found.state, found.ready, found.desired, found.diagnoses) == (ServiceState.READY, 2, 2, ())


def test_a_service_that_is_not_there_is_unknown_until_all_is_listed(store):
    assert backend(store).state is ServiceState.UNKNOWN
    listed(store)
    assert backend(store).state is ServiceState.ABSENT
    store.dispatch(WorkloadObserved(replace(DEPLOYMENT, desired=0, available=0, ready=0, current=0, updated=0)))
    assert backend(store).state is ServiceState.STOPPED
    store.dispatch(WorkloadGone("d"))
    assert backend(store).state is ServiceState.ABSENT


def test_a_service_starts_before_it_fails(store):
    store.dispatch(WorkloadObserved(replace(DEPLOYMENT, available=0)), WorkloadObserved(REPLICA_SET))
    store.dispatch(PodObserved(bare("a", starting())), PodObserved(bare("b", starting())))
    assert backend(store).state is ServiceState.STARTING
    assert [each.cause for each in backend(store).diagnoses] == [Cause.STARTING]
    refused = ProbeResult(ProbeKind.READINESS, False, 2, 9.0, ProbeSource.METRICS, "connection refused")
    store.dispatch(ProbeObserved("a", "main", refused))
    assert backend(store).state is ServiceState.STARTING
    store.dispatch(PodObserved(bare("a", waiting("CrashLoopBackOff", restarts=1, last=ended()))))
    assert backend(store).state is ServiceState.FAILING


def test_a_service_that_has_served_and_does_not_any_more_is_failing(store):
    lost = (condition("Ready", "False", since=50.0),)
    store.dispatch(WorkloadObserved(replace(DEPLOYMENT, available=1)), WorkloadObserved(REPLICA_SET))
    store.dispatch(PodObserved(bare("a")), PodObserved(bare("b", starting(started=True), conditions=lost)))
    found = backend(store)
    assert (found.state, found.ready, found.desired) == (ServiceState.FAILING, 1, 2)
    assert [each.cause for each in found.diagnoses] == [Cause.READINESS_PROBE]


def test_pods_that_are_about_to_be_replaced_are_not_blamed(store):
    old = replace(REPLICA_SET, uid="old", name="backend-old", revision="1")
    crashing = waiting("CrashLoopBackOff", restarts=9, last=ended())
    serve(store, bare("new"))
    store.dispatch(
        WorkloadObserved(replace(DEPLOYMENT, revision="2")), WorkloadObserved(replace(REPLICA_SET, revision="2"))
    )
    store.dispatch(WorkloadObserved(old), PodObserved(bare("old", crashing, owner_name="backend-old")))
    assert store.view().pods["old"].service == "backend"
    assert store.view().diagnoses == ()
    store.dispatch(WorkloadObserved(replace(DEPLOYMENT, revision="2", generation=2)))
    store.dispatch(PodObserved(bare("new", crashing)))
    assert store.view().diagnoses == ()
    store.dispatch(WorkloadObserved(replace(DEPLOYMENT, revision="2", generation=2, observed_generation=2)))
    assert [each.cause for each in store.view().diagnoses] == [Cause.CRASH_LOOP]


def test_an_event_tells_of_a_probe_and_is_one_line_however_often_it_comes(store):
    serve(store, bare("a", starting()))
    for count in (1, 2, 5):
        told = event("Unhealthy", "Readiness probe failed: statuscode: 503", "a", uid="e", count=count)
        store.dispatch(EventObserved(told))
    view = store.view()
    result = view.probes["a"]["main", ProbeKind.READINESS]
    assert (result.ok, result.answer, result.source) == (False, "statuscode: 503", ProbeSource.EVENT)
    [line] = view.activity
    assert (line.about, line.level) == ("backend", "warning")
    assert line.text == "Unhealthy: Readiness probe failed: statuscode: 503 (5 times)"


def test_the_noise_of_a_start_is_no_activity(store):
    for reason in ("Scheduled", "Pulled", "Created", "Started"):
        store.dispatch(EventObserved(event(reason, "done", type="Normal")))
    store.dispatch(EventObserved(event("ScalingReplicaSet", "Scaled up replica set x to 2", "d", type="Normal")))
    assert [line.text for line in store.view().activity] == ["ScalingReplicaSet: Scaled up replica set x to 2"]


def test_old_events_make_room_and_those_of_a_list_stay(store):
    for number in range(5100):
        store.dispatch(EventObserved(event("BackOff", str(number), uid=f"e{number}")))
    assert len(store.view().events) == 5000
    store.dispatch(Relisted("events", frozenset({"e5000", "gone"}), 1.0))
    assert set(store.view().events) == {"e5000"}


def test_what_is_lost_is_stale_and_comes_back(store):
    assert store.view().freshness is Freshness.LOADING
    store.dispatch(PodObserved(bare("a")), Relisted("pods", frozenset({"a"}), 5.0), WatchBeat("pods", 6.0))
    assert store.view().health["pods"].beat == 6.0
    assert store.view().connected
    store.dispatch(WatchLost("pods", 7.0, "connection reset"))
    view = store.view()
    assert (view.freshness, view.health["pods"].detail, view.connected) == (Freshness.STALE, "connection reset", False)
    assert (view.health["pods"].beat, set(view.pods)) == (6.0, {"a"})
    store.dispatch(Relisted("pods", frozenset({"a"}), 9.0))
    assert store.view().freshness is Freshness.LIVE
    assert [line.text for line in store.view().activity] == [
        "lost sight of the cluster: connection reset",
        "the cluster is in sight again",
    ]


def test_what_is_forbidden_says_which_right_is_missing(store):
    store.dispatch(Denied("pods", "list pods in todo", 1.0))
    assert store.view().freshness is Freshness.DENIED
    assert store.view().health["pods"].detail == "list pods in todo"


def test_an_external_that_goes_away_is_blamed_and_forgiven(store):
    store.surround(Surroundings({"backend": ("database",)}))
    serve(store, bare("a"), bare("b", starting()))
    refused = ProbeResult(ProbeKind.READINESS, False, 3, 9.0, ProbeSource.METRICS, "statuscode: 503")
    store.dispatch(ProbeObserved("b", "main", refused))
    assert [each.cause for each in store.view().diagnoses] == [Cause.READINESS_PROBE]
    store.dispatch(ExternalObserved(External("database", "postgres", False, "connection refused", 3.0)))
    assert [(each.service, each.cause) for each in store.view().diagnoses] == [
        ("database", Cause.EXTERNAL_UNREACHABLE),
        ("backend", Cause.EXTERNAL_UNREACHABLE),
    ]
    store.dispatch(ExternalObserved(External("database", "postgres", True, "ok", 4.0)))
    assert [each.cause for each in store.view().diagnoses] == [Cause.READINESS_PROBE]
    assert [line.text for line in store.view().activity] == [
        "cannot be reached: connection refused",
        "can be reached again",
    ]


def test_what_the_newest_release_changed_is_told_with_the_cause(store):
    serve(store, bare("a", waiting("CrashLoopBackOff", restarts=1, last=ended())))
    store.dispatch(ReleaseObserved(7, 2.0, "done", "me", {"backend": "release 7: image changed"}))
    assert store.view().diagnoses[0].changed == "release 7: image changed"
    assert store.view().release.number == 7


def test_last_words_make_a_cause_more_certain(store):
    serve(store, bare("a", waiting("CrashLoopBackOff", restarts=1, last=ended())))
    store.dispatch(ClueFound("a", "main", "OSError: [Errno 98] Address already in use", 3.0))
    assert store.view().diagnoses[0].cause is Cause.CANNOT_BIND


async def test_waiting_ends_with_the_first_view_that_holds(store):
    waits = asyncio.create_task(store.wait_until(lambda view: view.pods.get("b")))
    for name in "abc":
        await asyncio.sleep(0)
        store.dispatch(PodObserved(bare(name)))
    assert (await waits).uid == "b"
    assert await store.wait_until(lambda view: len(view.pods)) == 3


async def test_waiting_can_be_cancelled(store):
    waits = asyncio.create_task(store.wait_until(lambda view: None))
    await asyncio.sleep(0)
    waits.cancel()
    await asyncio.wait([waits])
    store.dispatch(PodObserved(bare("a")))
    assert waits.cancelled()


def test_bare_pods_are_a_service_too(store):
    store.dispatch(
        PodObserved(replace(bare("a"), service="backend")),
        PodObserved(replace(bare("b", container(ready=False)), service="backend")),
    )
    found = backend(store)
    assert (found.ready, found.desired, found.state) == (1, 2, ServiceState.STARTING)


def test_what_cannot_be_watched_is_known_by_its_name(store):
    store.surround(Surroundings(workloads={("Deployment", "backend"): "backend", ("CronJob", "tidy"): "frontend"}))
    store.dispatch(PodObserved(bare("a")), WorkloadObserved(workload("Job", "tidy-29", service="", owner_uid="cron")))
    store.dispatch(PodObserved(bare("b", owner_kind="Job", owner_name="tidy-29")))
    assert {uid: each.service for uid, each in store.view().pods.items()} == {"a": "backend", "b": "frontend"}
