"""From what is there to what a drill would do, and from what was measured to a verdict."""

import base64

import pytest

from console.model.drills.calls import Cordon, Create, Delete, Evict, Replicas, Send, Signal, undo_words
from console.model.drills.catalogue import CATALOGUE
from console.model.drills.ground import Ground, NotApplicableError
from console.model.drills.injecting import injection
from console.model.drills.judging import DrillSource, Moment, judge, result_words
from console.model.drills.restoring import digest, restored
from console.model.errors import UsageError
from console.model.load import Load
from console.model.plan import ObjectRef
from console.model.stack import ExternalSource
from console.model.workload import Condition, Pod

URL = "postgres://me:secret@db.example:5432/todo"
WEB = ObjectRef("apps/v1", "Deployment", "todo", "web")
CONFIG = ObjectRef("v1", "ConfigMap", "todo", "web")
SECRET = ObjectRef("v1", "Secret", "todo", "database")
DATABASE = ExternalSource("database", "postgres", "database", "URL")


def encoded(text):
    return base64.b64encode(text.encode()).decode()


def meta(name, **more):
    return {"name": name, "namespace": "todo", "labels": {"stack-console/service": "web"}, **more}


def deployment(container=None, spec=None, pod=None):
    base = {
        "name": "main",
        "image": "127.0.0.1:5000/web:1@sha256:abc",
        "env": [{"name": "URL", "valueFrom": {"secretKeyRef": {"name": "database", "key": "URL"}}}],
        "envFrom": [{"configMapRef": {"name": "web"}}],
        "livenessProbe": {"httpGet": {"path": "/", "port": 8000}},
    }
    template = {
        "metadata": {"labels": {"app": "web"}},
        "spec": {"containers": [base | (container or {})], "shareProcessNamespace": True, **(pod or {})},
    }
    selector = {"matchLabels": {"app": "web"}}
    body = {"replicas": 2, "selector": selector, "template": template, **(spec or {})}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta("web"), "spec": body}


def pod(name, node="one", *, ready=True, service="web"):
    conditions = (Condition("Ready", "True" if ready else "False", "", "", None),)
    where = {"revision": "1", "node": node, "ip": "", "phase": "Running", "reason": "", "message": ""}
    owner = {"owner_kind": "ReplicaSet", "owner_name": "web-1"}
    rest = {"created": 0.0, "deleting": None, "restart_policy": "Always", "resource_version": "1"}
    return Pod(f"uid-{name}", "todo", name, service, **owner, **where, **rest, conditions=conditions, containers=())


def ground(*, web=None, config=None, url=URL, pods=("web-1", "web-2"), **more):
    bodies = {
        WEB: web or deployment(),
        CONFIG: {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta("web"), "data": config or {"MODE": "good"}},
        SECRET: {"apiVersion": "v1", "kind": "Secret", "metadata": meta("database"), "data": {"URL": encoded(url)}},
    }
    live = {ref: {**body, "metadata": {**body["metadata"], "uid": "1"}} for ref, body in bodies.items()}
    there = tuple(pod(each) if isinstance(each, str) else each for each in pods)
    return Ground("todo", "web", bodies, live, there, **{"externals": (DATABASE,), **more})


def budget(allowed, **selector):
    status = {"disruptionsAllowed": allowed}
    return {
        "metadata": {"name": "web"},
        "spec": {"selector": selector or {"matchLabels": {"app": "web"}}},
        "status": status,
    }


def node(name, **spec):
    return {"metadata": {"name": name, "labels": {}}, "spec": spec}


def why(kind, there, **options):
    with pytest.raises(NotApplicableError) as caught:
        injection(kind, there, options)
    return caught.value.why


def test_every_kind_of_the_catalogue_can_be_made():
    nodes = (node("one"), node("two"))
    ready = deployment(container={"readinessProbe": {"httpGet": {"path": "/", "port": 8000}}})
    for kind in CATALOGUE:
        made = injection(kind, ground(web=ready, budgets=(budget(1),), nodes=nodes), {})
        assert made.calls, kind


def test_one_pod_or_all_that_serve_are_deleted_and_nothing_needs_an_undo():
    one = injection("delete-pod", ground(), {})
    assert one.calls == (Delete(ObjectRef("v1", "Pod", "todo", "web-1"), "uid-web-1"),)
    both = injection("delete-pods", ground(pods=("web-1", pod("web-2", ready=False), "web-3")), {})
    assert both.hit == ("uid-web-1", "uid-web-3")
    assert list(undo_words(both.undo)) == []


def test_signals_go_to_processes_that_heed_them_and_what_hangs_goes_on():
    made = injection("hang-process", ground(), {})
    assert made.calls == (Signal(ObjectRef("v1", "Pod", "todo", "web-1"), "main", "STOP"),)
    assert [each.signal for each in made.undo.resume] == ["CONT"]
    alone = ground(web=deployment(pod={"shareProcessNamespace": False}))
    assert "number 1 of its container" in why("kill-process", alone)
    unwatched = ground(web=deployment(container={"livenessProbe": None}))
    assert "no liveness probe" in why("hang-process", unwatched)


def test_evictions_heed_what_a_budget_allows():
    assert injection("evict", ground(), {}).calls == (Evict(ObjectRef("v1", "Pod", "todo", "web-1"), "uid-web-1"),)
    assert "allows no eviction now" in why("evict", ground(budgets=(budget(0),)))
    assert why("evict-budget", ground()) == "web has no disruption budget"
    assert "all 2 pods" in why("evict-budget", ground(budgets=(budget(2),)))
    made = injection("evict-budget", ground(budgets=(budget(1),)), {})
    assert [call.may_be_refused for call in made.calls] == [True, True]
    assert made.hit == ("uid-web-1",)
    others = budget(1, matchExpressions=[{"key": "app", "operator": "NotIn", "values": ["web"]}])
    assert why("evict-budget", ground(budgets=(others,))) == "web has no disruption budget"


def test_a_node_is_drained_only_where_another_takes_its_pods():
    pods = (
        "web-1",
        "web-2",
        pod("other-1", "two", service="other"),
        pod("api-1", service="api"),
        pod("lone", service=""),
    )
    made = injection("drain", ground(pods=pods, nodes=(node("one"), node("two"))), {})
    assert made.calls[0] == Cordon(ObjectRef("v1", "Node", "", "one"))
    assert made.hit == ("uid-web-1", "uid-web-2", "uid-api-1")
    tainted = node("two", taints=[{"key": "only", "effect": "NoSchedule"}])
    for other in (node("two", unschedulable=True), tainted):
        assert "the only node" in why("drain", ground(nodes=(node("one"), other)))
    tolerant = deployment(pod={"tolerations": [{"key": "only", "operator": "Exists"}]})
    assert injection("drain", ground(web=tolerant, nodes=(node("one"), tainted)), {}).calls
    assert why("drain", ground(nodes=None)) == "nodes may not be listed"


def test_a_lost_key_and_a_bad_value_are_sent_and_brought_back_with_the_pods_that_saw_them():
    there = ground(config={"MODE": "good", "LEVEL": "info"})
    lost = injection("config-key-lost", there, {"key": "LEVEL"})
    assert isinstance(lost.calls[0], Send)
    assert lost.calls[0].body["data"] == {"MODE": "good"}
    assert lost.undo.reapply == ((CONFIG, ""),)
    assert lost.undo.renew == "app=web"
    bad = injection("config-value-bad", there, {"value": "loud"})
    assert bad.calls[0].body["data"] == {"MODE": "loud", "LEVEL": "info"}
    assert "does not read nothing as environment" in why("config-key-lost", there, key="nothing")


def test_values_of_secrets_are_in_what_is_sent_and_nowhere_else():
    wrong = injection("secret-wrong", ground(), {})
    assert wrong.calls[0].body["data"] == {"URL": encoded("stack-console-drill")}
    refused = injection("password-refused", ground(), {})
    assert refused.calls[0].body["data"]["URL"] == encoded("postgres://me:stack-console-drill@db.example:5432/todo")
    away = injection("external-unreachable", ground(), {})
    assert away.calls[0].body["data"]["URL"] == encoded("postgres://me:secret@127.0.0.1:9/todo")
    for made in (wrong, refused, away):
        assert "secret@" not in repr(made)
        assert made.undo.digests == ()
    assert "no password" in why("password-refused", ground(url="postgres://db.example/todo"))
    assert "uses no external" in why("external-unreachable", ground(externals=()))


def test_bad_versions_change_the_application_alone():
    def main(kind):
        return injection(kind, ground(), {}).calls[0].body["spec"]["template"]["spec"]["containers"][0]

    assert main("image-missing")["image"] == "127.0.0.1:5000/web:stack-console-drill"
    assert main("crash-at-start")["command"] == ["/bin/sh", "-c", "exit 1"]
    assert main("never-ready")["readinessProbe"]["tcpSocket"] == {"port": 1}
    few = injection("out-of-memory", ground(), {"memory": "5Mi"}).calls[0].body
    limited = few["spec"]["template"]["spec"]["containers"][0]["resources"]
    assert limited == {"requests": {"memory": "5Mi"}, "limits": {"memory": "5Mi"}}
    probe = {"httpGet": {"path": "/", "port": 8000}}
    slow = injection("slow-start", ground(web=deployment(container={"readinessProbe": probe})), {"seconds": "30"})
    [container] = slow.calls[0].body["spec"]["template"]["spec"]["containers"]
    assert container["readinessProbe"] == {**probe, "initialDelaySeconds": 30}
    assert slow.hit == ("uid-web-1", "uid-web-2")
    assert "no readiness probe" in why("slow-start", ground())
    recreated = ground(web=deployment(spec={"strategy": {"type": "Recreate"}}))
    assert "Recreate" in why("image-missing", recreated)


def test_a_service_goes_to_zero_by_whoever_owns_its_number():
    owned = injection("dependency-gone", ground(), {})
    assert owned.calls[0].body["spec"]["replicas"] == 0
    ruled = deployment()
    del ruled["spec"]["replicas"]
    there = ground(web=ruled)
    there.live[WEB]["spec"] = {**ruled["spec"], "replicas": 5}
    made = injection("dependency-gone", there, {})
    assert (made.calls, made.undo.replicas) == ((Replicas(WEB, 0),), (Replicas(WEB, 5),))


def test_a_quota_leaves_no_room_for_the_pod_that_goes():
    made = injection("quota-used-up", ground(), {})
    assert isinstance(made.calls[0], Create)
    assert made.calls[0].body["spec"]["hard"] == {"pods": "1"}
    assert made.undo.remove == (made.calls[0].ref,)


def test_unknown_drills_and_options_are_told_with_those_that_are_known():
    with pytest.raises(UsageError, match="there is no drill 'explode'"):
        injection("explode", ground(), {})
    with pytest.raises(UsageError, match="delete-pod has no option 'key'"):
        injection("delete-pod", ground(), {"key": "A"})


def test_a_checksum_heeds_everything_but_what_the_server_keeps_and_an_autoscaler_rules():
    body = deployment()
    sent = {**body, "spec": {key: value for key, value in body["spec"].items() if key != "replicas"}}
    told = {
        **body,
        "status": {"replicas": 2},
        "metadata": {**body["metadata"], "generation": 7, "resourceVersion": "9"},
    }
    scaled = {**told, "spec": {**told["spec"], "replicas": 9}}
    assert digest(told, body) == digest(body, body)
    assert digest(scaled, sent) == digest(body, sent)
    assert digest(scaled, body) != digest(body, body)


def test_an_object_keeps_the_mark_of_the_release_that_applied_it():
    assert restored(deployment(), "7")["metadata"]["annotations"] == {"stack-console/release": "7"}
    assert "annotations" not in restored(deployment(), "")["metadata"]


MOMENTS = (Moment("injected", 0.0), Moment("noticed by probe", 0.5), Moment("undone", 4.0), Moment("ready", 6.0))


def test_recovery_counts_from_the_injection_or_where_nothing_heals_from_the_undo():
    assert judge(DrillSource("kill-process", "web"), MOMENTS, None).recovered == 6.0
    assert judge(DrillSource("image-missing", "web"), MOMENTS, None).recovered == 2.0


def test_what_is_not_as_expected_is_told_with_both_figures():
    load = Load("the Ingress", 20.0, requests=100, failed=3)
    source = DrillSource("kill-process", "web", recover_within=5.0, failed_requests=2)
    found = judge(source, MOMENTS, load)
    assert found.problems == (
        "ready again after 6.0 s, expected within 5.0 s",
        "3 of 100 requests failed, expected at most 2",
    )
    assert judge(DrillSource("kill-process", "web"), MOMENTS, load).problems == ()
    assert judge(DrillSource("never-ready", "web"), MOMENTS, load).problems != ()


def test_what_nobody_noticed_or_what_was_never_ready_again_has_failed():
    found = judge(DrillSource("kill-process", "web"), [Moment("injected", 0.0)], None)
    assert found.problems == ("nobody noticed it: no probe, no status, no request", "it was not ready again")
    borne = judge(DrillSource("config-value-bad", "web"), [Moment("undone", 1.0), Moment("ready", 1.5)], None)
    assert borne.problems == ()


def test_requests_that_are_to_be_counted_and_are_not_have_failed():
    source = DrillSource("kill-process", "web", failed_requests=0)
    assert judge(source, MOMENTS, None).problems == (
        "failed requests are expected to be counted, and none could be sent",
    )


def test_a_result_is_told_in_one_line():
    load = Load("the Ingress", 20.0, requests=100, p95=0.012)
    told = result_words(judge(DrillSource("kill-process", "web"), MOMENTS, load, (5.5, 7.0)))
    assert told.startswith("noticed after 0.5 s (by probe), ready again after 6.0 s, before: 5.5 s, 7.0 s, ")
    assert told.endswith("0 of 100 requests failed, p95 12 ms")
