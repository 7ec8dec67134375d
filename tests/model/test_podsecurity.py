"""The Pod Security Standards, rule by rule, as kubernetes.io lists them."""

import pytest

from console.model.podsecurity import violations

SECURED = {
    "allowPrivilegeEscalation": False,
    "runAsNonRoot": True,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}


def spec_of(container=None, **pod):
    return {"containers": [{"name": "web", "securityContext": SECURED, **(container or {})}], **pod}


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (spec_of(hostNetwork=True), "hostNetwork must not be true"),
        (spec_of(hostPID=True), "hostPID must not be true"),
        (spec_of({"securityContext": {**SECURED, "privileged": True}}), "must not set securityContext.privileged"),
        (
            spec_of({"securityContext": {**SECURED, "capabilities": {"add": ["SYS_ADMIN"], "drop": ["ALL"]}}}),
            "container web must not add capabilities SYS_ADMIN",
        ),
        (spec_of(volumes=[{"name": "host", "hostPath": {"path": "/"}}]), "volume host must not be a hostPath"),
        (spec_of({"ports": [{"containerPort": 80, "hostPort": 80}]}), "container web must not use hostPort 80"),
        (spec_of(securityContext={"seLinuxOptions": {"type": "spc_t"}}), "the pod must not set seLinuxOptions"),
        (spec_of(securityContext={"appArmorProfile": {"type": "Unconfined"}}), "appArmorProfile.type Unconfined"),
        (
            spec_of({"securityContext": {**SECURED, "seccompProfile": {"type": "Unconfined"}}}),
            "seccompProfile.type Unc",
        ),
        (spec_of({"securityContext": {**SECURED, "procMount": "Unmasked"}}), "must not set securityContext.procMount"),
        (spec_of(securityContext={"sysctls": [{"name": "kernel.msgmax", "value": "1"}]}), "sysctl kernel.msgmax"),
    ],
)
def test_baseline_refuses_what_opens_the_node(spec, words):
    for level in ("baseline", "restricted"):
        (found,) = violations(spec, level)
        assert words in found
    assert violations(spec, "privileged") == violations(spec, "") == ()


def without(name, **more):
    return {"securityContext": {key: value for key, value in SECURED.items() if key != name} | more}


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (spec_of(without("allowPrivilegeEscalation")), "allowPrivilegeEscalation: false"),
        (spec_of(without("runAsNonRoot")), "runAsNonRoot: true"),
        (spec_of(without("seccompProfile")), "seccompProfile.type: RuntimeDefault"),
        (spec_of(without("capabilities")), "capabilities.drop: [ALL]"),
        (spec_of(without("", runAsUser=0)), "must not set securityContext.runAsUser: 0"),
        (spec_of(without("", capabilities={"drop": ["ALL"], "add": ["CHOWN"]})), "must not add capabilities CHOWN"),
        (spec_of(volumes=[{"name": "old", "nfs": {"server": "a", "path": "/"}}]), "volume old must not be of type nfs"),
        (
            {"initContainers": [{"name": "first"}], **spec_of()},
            "container first must set securityContext.allowPrivilegeEscalation: false",
        ),
    ],
)
def test_restricted_asks_for_what_baseline_leaves_open(spec, words):
    assert any(words in each for each in violations(spec, "restricted"))
    assert violations(spec, "baseline") == ()


def test_what_the_pod_says_counts_for_its_containers():
    pod = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    container = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]}}
    volumes = [{"name": "data", "emptyDir": {}}]
    assert violations(spec_of({"securityContext": container}, securityContext=pod, volumes=volumes), "restricted") == ()
    refusing = {**container, "runAsNonRoot": False}
    assert violations(spec_of({"securityContext": refusing}, securityContext=pod), "restricted")
