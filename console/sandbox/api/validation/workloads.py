"""Rules for pods and for what makes pods (`pkg/apis/{core,apps,batch}/validation`)."""

from __future__ import annotations

from collections.abc import Iterator

from console.sandbox.api.errors import FieldError, forbidden_field, invalid, required, unsupported
from console.sandbox.api.resources import Object
from console.sandbox.api.selectors import Selector
from console.sandbox.api.validation import pods
from console.sandbox.api.validation.metadata import IMMUTABLE, labels, non_negative, one_of, selector

_CHANGEABLE = (
    "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
    "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)
_SET_CHANGEABLE = (
    "replicas",
    "ordinals",
    "template",
    "updateStrategy",
    "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy",
    "minReadySeconds",
)


def pod(obj: Object) -> Iterator[FieldError]:
    """A pod."""
    yield from pods.spec(obj["spec"], "spec")


def pod_update(new: Object, old: Object) -> Iterator[FieldError]:
    """Of a pod's spec only images, the deadline and tolerations (added) change."""
    if new["spec"] == old["spec"]:
        return
    for field in ("containers", "initContainers"):
        counts = [len(each["spec"].get(field) or ()) for each in (new, old)]
        if counts[0] != counts[1]:
            yield forbidden_field(f"spec.{field}", "pod updates may not add or remove containers")
            return
    if _fixed(new["spec"]) != _fixed(old["spec"]):
        yield forbidden_field("spec", _CHANGEABLE)
    if any(each not in (new["spec"].get("tolerations") or ()) for each in old["spec"].get("tolerations") or ()):
        yield forbidden_field(
            "spec.tolerations", "existing toleration can not be modified except its tolerationSeconds"
        )


def _fixed(spec: Object) -> Object:
    kept = {key: value for key, value in spec.items() if key not in ("activeDeadlineSeconds", "tolerations")}
    for field in ("containers", "initContainers"):
        kept[field] = [
            {key: value for key, value in each.items() if key not in ("image", "imagePullPolicy")}
            for each in spec.get(field) or ()
        ]
    return kept


def _template(spec: Object, *, restart: tuple[str, ...]) -> Iterator[FieldError]:
    """The pod template, and the selector that must find its pods."""
    template, path = spec.get("template") or {}, "spec.template"
    given = (template.get("metadata") or {}).get("labels")
    yield from labels(given, f"{path}.metadata.labels")
    if not any(selector(spec.get("selector"), "")):
        matching = Selector.of(spec.get("selector"))
        if matching is None or (matching.requirements and not matching.matches(given or {})):
            yield invalid(f"{path}.metadata.labels", given, "`selector` does not match template `labels`")
    inside = template.get("spec") or {}
    yield from pods.spec(inside, f"{path}.spec")
    if inside.get("restartPolicy", restart[0]) not in restart:
        yield unsupported(f"{path}.spec.restartPolicy", inside["restartPolicy"], restart)


def _selected(spec: Object, name: str) -> Iterator[FieldError]:
    given = spec.get("selector")
    if given is None:
        yield required("spec.selector")
        return
    problems = list(selector(given, "spec.selector"))
    yield from problems
    if problems:
        yield invalid("spec.selector", given, "invalid label selector")
    elif not given.get("matchLabels") and not given.get("matchExpressions"):
        yield invalid("spec.selector", given, f"empty selector is invalid for {name}")


def deployment(obj: Object) -> Iterator[FieldError]:
    """A Deployment."""
    spec = obj["spec"]
    yield from non_negative(
        spec, "spec", "replicas", "minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds"
    )
    yield from _selected(spec, "deployment")
    yield from _template(spec, restart=("Always",))
    yield from _strategy(spec["strategy"])
    deadline, ready = spec.get("progressDeadlineSeconds", 600), spec.get("minReadySeconds", 0)
    if deadline <= ready:
        yield invalid("spec.progressDeadlineSeconds", deadline, "must be greater than minReadySeconds")


def _strategy(strategy: Object) -> Iterator[FieldError]:
    if strategy.get("type") not in ("Recreate", "RollingUpdate"):
        shown = {"Type": strategy.get("type"), "RollingUpdate": strategy.get("rollingUpdate")}
        yield unsupported("spec.strategy", shown, ("Recreate", "RollingUpdate"))
    rolling, path = strategy.get("rollingUpdate"), "spec.strategy.rollingUpdate"
    if rolling is None:
        return
    if strategy.get("type") == "Recreate":
        why = "may not be specified when strategy `type` is 'Recreate'"
        yield forbidden_field(path, why)
        return
    for field in ("maxUnavailable", "maxSurge"):
        yield from int_or_percent(rolling.get(field, 0), f"{path}.{field}")
    if _amount(rolling.get("maxUnavailable", 0)) == 0 and _amount(rolling.get("maxSurge", 0)) == 0:
        yield invalid(f"{path}.maxUnavailable", rolling["maxUnavailable"], "may not be 0 when `maxSurge` is 0")
    if str(rolling.get("maxUnavailable")).endswith("%") and _amount(rolling["maxUnavailable"]) > 100:
        yield invalid(f"{path}.maxUnavailable", rolling["maxUnavailable"], "must not be greater than 100%")


def int_or_percent(value: int | str, path: str) -> Iterator[FieldError]:
    """A number from 0 up, or a percentage."""
    if isinstance(value, str):
        if not (value.endswith("%") and value[:-1].isdigit()):
            why = (
                "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', "
                "regex used for validation is '[0-9]+%')"
            )
            yield invalid(path, value, why)
    elif value < 0:
        yield invalid(path, value, "must be greater than or equal to 0")


def _amount(value: int | str) -> int:
    digits = str(value).rstrip("%")
    return int(digits) if digits.lstrip("-").isdigit() else 0


def replica_set(obj: Object) -> Iterator[FieldError]:
    """A ReplicaSet."""
    spec = obj["spec"]
    yield from non_negative(spec, "spec", "replicas", "minReadySeconds")
    yield from _selected(spec, "replicaset")
    yield from _template(spec, restart=("Always",))


def stateful_set(obj: Object) -> Iterator[FieldError]:
    """A StatefulSet."""
    spec = obj["spec"]
    yield from one_of(spec, "spec", "podManagementPolicy", "OrderedReady", "Parallel")
    yield from one_of(spec["updateStrategy"], "spec.updateStrategy", "type", "OnDelete", "RollingUpdate")
    yield from non_negative(spec, "spec", "replicas", "minReadySeconds")
    yield from _selected(spec, "statefulset")
    yield from _template(spec, restart=("Always",))


def stateful_set_update(new: Object, old: Object) -> Iterator[FieldError]:
    """Most of a StatefulSet's spec is fixed."""
    before, after = (
        {key: value for key, value in each["spec"].items() if key not in _SET_CHANGEABLE} for each in (old, new)
    )
    if before != after:
        allowed = "', '".join(_SET_CHANGEABLE[:-1])
        why = f"updates to statefulset spec for fields other than '{allowed}' and '{_SET_CHANGEABLE[-1]}' are forbidden"
        yield forbidden_field("spec", why)


def daemon_set(obj: Object) -> Iterator[FieldError]:
    """A DaemonSet."""
    spec = obj["spec"]
    yield from non_negative(spec, "spec", "minReadySeconds", "revisionHistoryLimit")
    yield from _selected(spec, "daemonset")
    yield from _template(spec, restart=("Always",))
    yield from one_of(spec["updateStrategy"], "spec.updateStrategy", "type", "OnDelete", "RollingUpdate")


def selector_update(new: Object, old: Object) -> Iterator[FieldError]:
    """The selector of a workload never changes."""
    if new["spec"].get("selector") != old["spec"].get("selector"):
        yield invalid("spec.selector", new["spec"].get("selector"), IMMUTABLE)


def job(obj: Object) -> Iterator[FieldError]:
    """A Job."""
    spec = obj["spec"]
    numbers = ("parallelism", "completions", "backoffLimit", "activeDeadlineSeconds", "ttlSecondsAfterFinished")
    yield from non_negative(spec, "spec", *numbers)
    yield from one_of(spec, "spec", "completionMode", "NonIndexed")
    restart = ((spec.get("template") or {}).get("spec") or {}).get("restartPolicy")
    if restart == "Always":
        path = "spec.template.spec.restartPolicy"
        yield FieldError("FieldValueRequired", path, 'Required value: valid values: "OnFailure", "Never"')
    yield from _template(spec, restart=("Never", "OnFailure", "Always"))


def job_update(new: Object, old: Object) -> Iterator[FieldError]:
    """A Job's template and selector never change."""
    for field in ("completions", "selector", "template", "completionMode"):
        if new["spec"].get(field) != old["spec"].get(field):
            yield invalid(f"spec.{field}", new["spec"].get(field), IMMUTABLE)
