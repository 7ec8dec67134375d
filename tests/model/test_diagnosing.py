"""Every cause, told apart by what a cluster says, and judged as an operator would."""

from dataclasses import replace

import pytest

from console.model.diagnosing import Sight, diagnose, diagnose_external, diagnose_pod, workload
from console.model.diagnosis import Cause
from console.model.surroundings import Surroundings
from console.model.workload import ContainerState, External, ProbeKind, ProbeSource
from tests import observed
from tests.observed import condition, container, ended, event, failed, pod, starting, waiting

PULL = "ErrImagePull"
NOT_FOUND = 'failed to resolve reference "registry/main:1": registry/main:1: not found'
DENIED = "pull access denied, repository does not exist or may require authorization: insufficient_scope"
REFUSED = "Get http://10.0.0.1:8000/ready: dial tcp 10.0.0.1:8000: connect: connection refused"


def crashed(restarts=1, code=1, reason="Error", message="", **more):
    return waiting("CrashLoopBackOff", "back-off", restarts=restarts, last=ended(code, reason, message), **more)


def only(sight):
    [found] = diagnose_pod(sight)
    return found


def judged(*containers, **sight):
    found = only(Sight(pod(*containers), **sight))
    return found.cause, found.terminal


@pytest.mark.parametrize(
    ("words", "cause", "terminal"),
    [
        (waiting(PULL, NOT_FOUND), Cause.IMAGE_MISSING, True),
        (waiting(PULL, "manifest unknown: manifest unknown"), Cause.IMAGE_MISSING, True),
        (waiting("InvalidImageName", "couldn't parse image name"), Cause.IMAGE_MISSING, True),
        (waiting("ErrImageNeverPull", "not present with pull policy of Never"), Cause.IMAGE_MISSING, True),
        (waiting(PULL, DENIED), Cause.IMAGE_UNPULLABLE, True),
        (waiting(PULL, "unexpected status: 401 Unauthorized"), Cause.IMAGE_UNPULLABLE, True),
        (waiting(PULL, "dial tcp 127.0.0.1:5000: connect: connection refused"), Cause.IMAGE_UNPULLABLE, False),
        (waiting(PULL, "dial tcp: lookup registry: no such host"), Cause.IMAGE_UNPULLABLE, False),
        (waiting("CreateContainerConfigError", 'configmap "web" not found'), Cause.CONFIG_MISSING, True),
        (waiting("CreateContainerConfigError", 'secret "db" not found'), Cause.SECRET_MISSING, True),
        (
            waiting("CreateContainerConfigError", "couldn't find key URL in ConfigMap todo/backend"),
            *(Cause.KEY_MISSING, True),
        ),
        (crashed(restarts=1), Cause.CRASH_LOOP, False),
        (crashed(restarts=2), Cause.CRASH_LOOP, True),
        (crashed(code=137, reason="OOMKilled"), Cause.OUT_OF_MEMORY, False),
        (crashed(restarts=3, code=137, reason="OOMKilled"), Cause.OUT_OF_MEMORY, True),
        (crashed(code=127), Cause.COMMAND_NOT_FOUND, False),
        (crashed(code=127, message="sh: serve: not found"), Cause.COMMAND_NOT_FOUND, True),
        (crashed(code=127, restarts=2), Cause.COMMAND_NOT_FOUND, True),
        (
            crashed(code=128, reason="StartError", message='exec: "serve": executable file not found in $PATH'),
            *(Cause.COMMAND_NOT_FOUND, True),
        ),
        (
            waiting("RunContainerError", 'exec: "/serve": stat /serve: no such file or directory'),
            *(Cause.COMMAND_NOT_FOUND, True),
        ),
        (waiting("ContainerCreating"), Cause.STARTING, False),
        (starting(), Cause.STARTING, False),
    ],
)
def test_what_a_container_waits_for_tells_the_cause(words, cause, terminal):
    assert judged(words) == (cause, terminal)


@pytest.mark.parametrize(
    "words",
    [
        "OSError: [Errno 98] Address already in use",
        "Error: listen EADDRINUSE: address already in use 0.0.0.0:8000",
        "bind() to 0.0.0.0:80 failed (13: Permission denied)",
        "Error: listen EACCES: permission denied 0.0.0.0:80",
        "listen tcp 10.0.0.9:80: bind: cannot assign requested address",
        "  self.socket.bind(self.server_address)\nPermissionError: [Errno 13] bind: Permission denied",
    ],
)
def test_a_container_that_cannot_listen_says_so_in_its_last_words(words):
    found = only(Sight(pod(crashed(restarts=2)), clues={"main": f"starting\n{words}\nbye"}))
    assert (found.cause, found.terminal) == (Cause.CANNOT_BIND, True)
    assert words.splitlines()[-1].strip() in found.evidence


def test_a_crash_loop_tells_code_count_and_last_words():
    found = only(Sight(pod(crashed(restarts=4)), clues={"main": "hello\nMCP_URL is not set\n"}))
    assert found.summary == "exits with code 1, 5 times in 2 min"
    assert found.evidence == 'last words: "MCP_URL is not set"'
    assert found.hints == ("[l] logs", "[C] config", "[D] deploy")


def test_a_container_that_serves_again_is_forgiven():
    assert diagnose_pod(Sight(pod(container(restarts=5, last=ended())))) == ()


def test_a_run_that_still_starts_is_not_given_up():
    assert judged(starting(restarts=4, last=ended())) == (Cause.CRASH_LOOP, False)


def test_a_file_that_may_not_be_read_is_no_address_that_cannot_be_bound():
    found = only(Sight(pod(crashed()), clues={"main": "PermissionError: [Errno 13] Permission denied: '/data/x'"}))
    assert found.cause is Cause.CRASH_LOOP


def test_what_the_stack_brings_itself_may_still_appear():
    around = Surroundings(
        promised={("ConfigMap", "web"): frozenset({"URL"}), ("Secret", "db"): frozenset({"PASSWORD"})}
    )
    error = "CreateContainerConfigError"
    assert judged(waiting(error, 'configmap "web" not found'), around=around) == (Cause.CONFIG_MISSING, False)
    assert judged(waiting(error, "couldn't find key PASSWORD in Secret todo/db"), around=around)[1] is False
    assert judged(waiting(error, "couldn't find key OTHER in Secret todo/db"), around=around)[1] is True


def test_why_an_image_is_missing_is_in_the_event_while_the_kubelet_backs_off():
    seen = [event("Failed", "Error: ImagePullBackOff"), event("Failed", f'Failed to pull image "x": {NOT_FOUND}')]
    found = only(Sight(pod(waiting("ImagePullBackOff", 'Back-off pulling image "x"')), seen))
    assert (found.cause, found.terminal) == (Cause.IMAGE_MISSING, True)
    assert "not found" in found.evidence


def test_a_volume_that_is_not_mounted_says_which():
    words = 'MountVolume.SetUp failed for volume "data" : rpc error: device is busy'
    found = only(Sight(pod(waiting("ContainerCreating")), [event("FailedMount", words)]))
    assert (found.cause, found.terminal, found.summary) == (Cause.VOLUME, False, "the volume data is not mounted")
    words = 'MountVolume.SetUp failed for volume "conf" : configmap "nginx" not found'
    assert judged(waiting("ContainerCreating"), events=[event("FailedMount", words)]) == (Cause.CONFIG_MISSING, True)


@pytest.mark.parametrize(
    ("kind", "cause"),
    [
        (ProbeKind.STARTUP, Cause.STARTUP_PROBE),
        (ProbeKind.READINESS, Cause.READINESS_PROBE),
        (ProbeKind.LIVENESS, Cause.LIVENESS_PROBE),
    ],
)
def test_a_probe_that_fails_is_named_with_its_answer(kind, cause):
    answer = "HTTP probe failed with statuscode: 503"
    found = only(Sight(pod(starting()), probes=failed(kind, answer)))
    assert (found.cause, found.terminal) == (cause, False)
    assert f"its {kind} probe fails, 3 in a row" in found.summary
    assert answer in found.evidence


def test_a_liveness_probe_that_fails_is_told_before_it_ends_the_container():
    found = only(Sight(pod(container(probes=(observed.LIVE,))), probes=failed(ProbeKind.LIVENESS, "timeout")))
    assert found.cause is Cause.LIVENESS_PROBE
    assert found.evidence == "GET :8000/live: timeout"


def test_a_container_ended_for_its_probe_does_not_count_as_a_crash():
    seen = [
        event("Killing", "Container main failed liveness probe, will be restarted"),
        event("Unhealthy", "Liveness probe failed: HTTP probe failed with statuscode: 500"),
    ]
    for restarts, terminal in ((1, False), (2, True)):
        found = only(Sight(pod(crashed(restarts=restarts, code=137)), seen))
        assert (found.cause, found.terminal) == (Cause.LIVENESS_PROBE, terminal)
        assert "HTTP probe failed with statuscode: 500" in found.evidence


def test_a_verdict_on_what_was_killed_waits_for_the_event_that_says_why():
    for restarts, terminal in ((2, False), (4, True)):
        assert judged(crashed(restarts, code=143, probes=(observed.LIVE,))) == (Cause.CRASH_LOOP, terminal)
    assert judged(crashed(2, code=143)) == (Cause.CRASH_LOOP, True)


def test_an_older_killing_does_not_explain_a_newer_crash():
    seen = [event("Killing", "Container main failed liveness probe, will be restarted", last=50.0)]
    assert judged(crashed(), events=seen)[0] is Cause.CRASH_LOOP


def test_what_starts_has_as_many_tries_as_its_probe_gives_it():
    around = Surroundings(changed={"backend": "release 7: ConfigMap backend"})
    for kind, tries in ((ProbeKind.STARTUP, 29), (ProbeKind.READINESS, 2), (ProbeKind.LIVENESS, 1)):
        spec = replace(observed.READY, kind=kind, failure_threshold=30 if tries == 29 else 3, period=10.0)
        slow = starting(probes=(spec,), since=85.0)
        found = only(Sight(pod(slow), probes=failed(kind, REFUSED, tries), around=around))
        assert (found.cause, found.terminal, found.changed, found.hints) == (Cause.STARTING, False, "", ())
        assert found.summary == f"starting: {kind} probe {tries} of {spec.failure_threshold}"
        assert REFUSED in found.evidence
        found = only(Sight(pod(slow), probes=failed(kind, REFUSED, spec.failure_threshold), around=around))
        assert (found.cause, found.changed) == (Cause.PORT_NOT_LISTENED, "release 7: ConfigMap backend")


def test_a_start_that_takes_longer_than_its_probe_gives_it_is_named_however_few_failures_are_known():
    found = only(Sight(pod(starting(since=80.0)), probes=failed(ProbeKind.READINESS, REFUSED, 1)))
    assert found.cause is Cause.PORT_NOT_LISTENED


def test_readiness_has_its_time_after_the_startup_probe():
    probes = (replace(observed.START, period=10.0, failure_threshold=6), observed.READY)
    found = only(Sight(pod(starting(since=40.0, probes=probes)), probes=failed(ProbeKind.READINESS, REFUSED, 1)))
    assert found.summary == "starting: readiness probe 1 of 3"


def test_a_restart_for_another_reason_is_not_blamed_on_the_probe():
    again = starting(restarts=1, last=ended(0))
    found = only(Sight(pod(again), probes=failed(ProbeKind.READINESS, "status 503")))
    assert found.summary == "its readiness probe fails, 3 in a row"


def test_what_lost_its_readiness_is_not_starting():
    ready = condition("Ready", "False", since=70.0)
    slow = starting(probes=(replace(observed.READY, period=60.0),), since=60.0)
    found = only(Sight(pod(slow, conditions=(ready,)), probes=failed(ProbeKind.READINESS, REFUSED, 1)))
    assert found.cause is Cause.PORT_NOT_LISTENED


def test_what_a_probe_has_ended_before_is_not_starting():
    seen = [event("Killing", "Container main failed startup probe, will be restarted")]
    again = starting(probes=(replace(observed.START, period=60.0),), restarts=1, last=ended(137))
    found = only(Sight(pod(again), seen, probes=failed(ProbeKind.STARTUP, "status 503", 1)))
    assert (found.cause, found.terminal) == (Cause.STARTUP_PROBE, False)


def test_an_event_that_has_counted_earlier_runs_does_not_speak_of_this_one():
    spec = replace(observed.READY, period=60.0)
    result = replace(failed(ProbeKind.READINESS)["main", ProbeKind.READINESS], source=ProbeSource.EVENT, streak=12)
    for first, cause in ((40.0, Cause.STARTING), (60.0, Cause.READINESS_PROBE)):
        seen = [event("Unhealthy", "Readiness probe failed: status 503", first=first, count=12)]
        sight = Sight(pod(starting(probes=(spec,), since=50.0)), seen, {("main", ProbeKind.READINESS): result})
        assert only(sight).cause is cause


@pytest.mark.parametrize("reason", ["Unknown", "ContainerStatusUnknown"])
def test_a_run_that_the_node_lost_says_nothing_against_the_next_one(reason):
    assert judged(starting(restarts=1, last=ended(255, reason))) == (Cause.STARTING, False)


def test_a_refused_connection_of_a_running_process_is_a_port_that_nobody_listens_on():
    found = only(Sight(pod(starting()), probes=failed(ProbeKind.READINESS, REFUSED)))
    assert (found.cause, found.terminal) == (Cause.PORT_NOT_LISTENED, False)
    assert found.summary == "runs, but nothing listens on port 8000"
    assert found.evidence == REFUSED


def test_an_external_that_is_away_is_blamed_by_those_that_come_after_it():
    down = External("database", "postgres", False, "connection refused", 80.0)
    around = Surroundings({"backend": ("database",)}, externals={"database": down})
    found = only(Sight(pod(starting()), probes=failed(ProbeKind.READINESS, "status 503"), around=around))
    assert (found.cause, found.terminal) == (Cause.EXTERNAL_UNREACHABLE, False)
    assert found.summary == "database cannot be reached, so its readiness probe fails"
    assert found.evidence == "connection refused; status 503"
    assert judged(crashed(restarts=5), around=around) == (Cause.EXTERNAL_UNREACHABLE, False)
    other = Surroundings({"backend": ("cache",)}, externals={"database": down})
    assert judged(crashed(), around=other)[0] is Cause.CRASH_LOOP


def test_who_comes_after_is_followed_through_services():
    down = External("database", "postgres", False, "away", 80.0)
    around = Surroundings({"agent": ("backend",), "backend": ("database", "agent")}, externals={"database": down})
    assert around.down("agent") == down
    assert around.down("frontend") is None


def unplaced(message, **sight):
    scheduled = condition("PodScheduled", "False", "Unschedulable", message)
    return only(Sight(pod(waiting(""), node="", phase="Pending", conditions=(scheduled,)), **sight))


def test_what_is_short_on_every_node_is_named_and_waited_for():
    found = unplaced("0/2 nodes are available: 2 Insufficient cpu, 1 Insufficient memory. preemption: 0/2 nodes ...")
    assert (found.cause, found.terminal) == (Cause.UNSCHEDULABLE, False)
    assert found.summary == "no node has enough cpu, memory"
    assert "preemption" not in found.evidence


@pytest.mark.parametrize(
    ("message", "terminal"),
    [
        ("0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector.", True),
        ("0/1 nodes are available: 1 node(s) had untolerated taint {dedicated: gpu}.", True),
        ("0/1 nodes are available: 1 node(s) had untolerated taint {node.kubernetes.io/not-ready: }.", False),
        ("0/2 nodes are available: 1 Insufficient cpu, 1 node(s) had untolerated taint {a: b}.", False),
    ],
)
def test_waiting_helps_only_where_a_node_may_get_room(message, terminal):
    assert unplaced(message).terminal is terminal


def test_a_pod_larger_than_any_node_is_not_waited_for():
    clue = {"": "it asks for 1000 cpu, the largest has 8"}
    found = unplaced("0/2 nodes are available: 2 Insufficient cpu.", clues=clue)
    assert found.terminal
    assert "it asks for 1000 cpu" in found.summary


def test_nothing_is_terminal_while_a_new_node_comes_up():
    seen = [event("TriggeredScaleUp", "pod triggered scale-up", type="Normal")]
    assert not unplaced(
        "0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector.", events=seen
    ).terminal


def of_workload(source, events=(), leaving=False):
    [found] = workload(source, events, Surroundings(), leaving=leaving)
    return found


def refused(message, kind="Deployment"):
    return observed.workload(kind, conditions=(condition("ReplicaFailure", "True", "FailedCreate", message),))


@pytest.mark.parametrize(
    ("message", "cause", "terminal"),
    [
        ('pods "b" is forbidden: exceeded quota: compute, requested: pods=1', Cause.QUOTA, True),
        (
            'pods "b-" is forbidden: error looking up service account n/default: serviceaccount "default" not found',
            Cause.REFUSED,
            False,
        ),
        ('pods "b" is forbidden: failed quota: compute: must specify limits.cpu', Cause.QUOTA, True),
        (
            "unable to create new content in namespace todo because it is being terminated",
            Cause.NAMESPACE_TERMINATING,
            True,
        ),
        ('pods "b" is forbidden: violates PodSecurity "restricted:latest"', Cause.REFUSED, True),
        ('admission webhook "policy" denied the request: no latest', Cause.REFUSED, True),
        ('failed calling webhook "policy": context deadline exceeded', Cause.REFUSED, False),
    ],
)
def test_pods_that_may_not_be_created_are_told_of_their_workload(message, cause, terminal):
    found = of_workload(refused(message))
    assert (found.cause, found.terminal, found.subject) == (cause, terminal, "deployment/backend")
    assert found.evidence == message


def test_a_quota_is_waited_for_while_old_pods_leave():
    source = refused("exceeded quota: compute, requested: pods=1, used: pods=4, limited: pods=4")
    found = of_workload(source, leaving=True)
    assert (found.terminal, found.summary) == (False, "the quota compute allows no more pods of it")


def test_other_workloads_tell_by_events():
    source = observed.workload("StatefulSet", current=0)
    assert of_workload(source, [event("FailedCreate", "exceeded quota: compute, requested")]).cause is Cause.QUOTA
    assert workload(source, [event("SuccessfulCreate", "created")], Surroundings(), leaving=False) == ()


def test_a_deadline_that_has_passed_ends_the_wait():
    late = condition("Progressing", "False", "ProgressDeadlineExceeded", 'ReplicaSet "b" has timed out progressing.')
    found = of_workload(observed.workload(available=1, conditions=(late,)))
    assert (found.cause, found.terminal) == (Cause.DEADLINE, True)
    assert "1 of 2 pods available" in found.summary


def test_a_change_that_its_controller_has_not_seen_is_judged_later():
    late = condition("Progressing", "False", "ProgressDeadlineExceeded", "timed out")
    assert workload(observed.workload(generation=2, conditions=(late,)), (), Surroundings(), leaving=False) == ()


def test_pods_that_are_well_done_or_leaving_have_nothing():
    assert diagnose_pod(Sight(pod())) == ()
    assert diagnose_pod(Sight(pod(crashed(), phase="Succeeded"))) == ()
    assert diagnose_pod(Sight(pod(crashed(restarts=3), deleting=100.0))) == ()


def test_an_init_container_is_named():
    through = container("migrate", state=ContainerState.TERMINATED, init=True, ready=False, ended=ended(0))
    found = only(Sight(pod(through, waiting("PodInitializing"))))
    assert found.cause is Cause.STARTING
    failing = container(
        "migrate", state=ContainerState.TERMINATED, init=True, ready=False, started=False, ended=ended(3)
    )
    found = diagnose_pod(Sight(pod(failing, waiting("PodInitializing"))))[0]
    assert found.summary == "init container migrate exits with code 3, once"


def test_many_pods_with_one_cause_are_one_diagnosis():
    pods = [pod(crashed(restarts=count), name=f"backend-{count}") for count in (1, 2, 3)]
    found = [each for one in pods for each in diagnose_pod(Sight(one))]
    [whole] = diagnose(found)
    assert whole.summary.startswith("3 pods: exits with code 1, 3 times")
    assert (whole.terminal, whole.subject) == (True, "pod/backend-2")


def test_the_most_certain_cause_comes_first():
    missing = only(Sight(pod(waiting(PULL, NOT_FOUND))))
    loop, late = only(Sight(pod(crashed()))), only(Sight(pod(starting())))
    assert [each.cause for each in diagnose([late, loop, missing])] == [
        *(Cause.IMAGE_MISSING, Cause.CRASH_LOOP, Cause.STARTING)
    ]


def test_an_external_has_a_diagnosis_of_its_own():
    assert diagnose_external(External("db", "postgres", True, "ok", 1.0)) == ()
    [found] = diagnose_external(External("db", "postgres", False, "connection refused", 1.0))
    assert (found.cause, found.subject, found.evidence) == (
        *(Cause.EXTERNAL_UNREACHABLE, "external/db", "connection refused"),
    )


def test_what_changed_last_is_told_with_the_cause():
    around = Surroundings(changed={"backend": "release 7: ConfigMap backend lost data.MCP_URL"})
    assert only(Sight(pod(crashed()), around=around)).changed == "release 7: ConfigMap backend lost data.MCP_URL"
