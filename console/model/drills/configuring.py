"""Values that are lost or wrong: the ConfigMap or Secret is sent otherwise, and one pod starts with it."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from urllib.parse import quote, urlsplit, urlunsplit

from console.model.configuration import keys_of, readings, values_of
from console.model.drills.calls import Delete, Injection
from console.model.drills.ground import Ground, NotApplicableError, pod_ref
from console.model.drills.restoring import changed
from console.model.plan import ObjectRef
from console.model.stack import JSON, ExternalSource

WRONG = "stack-console-drill"
"""A value that makes no sense, and a password that nobody has."""
_NOWHERE = "127.0.0.1:9"
"""Nothing listens there in a pod: the port of `discard` (RFC 863)."""
Options = Mapping[str, str]


def key_lost(ground: Ground, options: Options) -> Injection:
    """A key of a ConfigMap is not there."""
    ref, key = _choose(ground, "ConfigMap", options.get("configmap", ""), options.get("key", ""))
    return _with_values(ground, ref, {name: value for name, value in _values(ground, ref).items() if name != key})


def value_bad(ground: Ground, options: Options) -> Injection:
    """A key of a ConfigMap has another value."""
    ref, key = _choose(ground, "ConfigMap", options.get("configmap", ""), options.get("key", ""))
    return _with_values(ground, ref, {**_values(ground, ref), key: options.get("value", WRONG)})


def secret_wrong(ground: Ground, options: Options) -> Injection:
    """A key of a Secret has a value that nobody gave it."""
    ref, key = _choose(ground, "Secret", options.get("secret", ""), options.get("key", ""))
    return _with_values(ground, ref, {**_values(ground, ref), key: _encoded(WRONG)})


def external_unreachable(ground: Ground, options: Options) -> Injection:
    """The URL of an external leads where nobody listens."""
    ref, key, url = _external(ground, options.get("external", ""))
    parts = urlsplit(url)
    user, at, _ = parts.netloc.rpartition("@")
    return _with_url(ground, ref, key, urlunsplit(parts._replace(netloc=f"{user}{at}{_NOWHERE}")))


def password_refused(ground: Ground, options: Options) -> Injection:
    """The URL of an external has a password that nobody has."""
    ref, key, url = _external(ground, options.get("external", ""))
    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    if ":" not in user:
        raise NotApplicableError(f"the URL in {ref} has no password")
    name = user.partition(":")[0]
    return _with_url(ground, ref, key, urlunsplit(parts._replace(netloc=f"{name}:{quote(WRONG)}{at}{host}")))


def _with_url(ground: Ground, ref: ObjectRef, key: str, url: str) -> Injection:
    return _with_values(ground, ref, {**_values(ground, ref), key: _encoded(url)})


def _with_values(ground: Ground, ref: ObjectRef, values: Mapping[str, str]) -> Injection:
    pod = ground.serving[0]

    def change(body: JSON) -> None:
        body["data"] = dict(values)
        body.pop("stringData", None)

    if ground.bodies[ref].get("immutable"):
        raise NotApplicableError(f"{ref} is immutable")
    made = changed(ground, ref, change, renew=ground.selector)
    return Injection((made.send, Delete(pod_ref(pod), pod.uid)), made.undo, (pod.uid,), (pod.uid,))


def _values(ground: Ground, ref: ObjectRef) -> dict[str, str]:
    return values_of(dict(ground.bodies[ref]))


def _choose(ground: Ground, kind: str, name: str, key: str) -> tuple[ObjectRef, str]:
    """The object and the key: as named, else the first that the service's application reads as environment."""
    for ref, read in _read(ground, kind):
        if name in {"", ref.name} and key in {"", read}:
            return ref, read
    wanted = " ".join(filter(None, (name, key))) or f"a {kind} of the stack"
    raise NotApplicableError(f"{ground.service} does not read {wanted} as environment")


def _read(ground: Ground, kind: str) -> Iterator[tuple[ObjectRef, str]]:
    keys = keys_of(map(dict, ground.bodies.values()))
    workload = dict(ground.bodies[ground.workload])
    for ref in keys:
        if ref.kind == kind:
            for each in readings([workload], ref, keys):
                if each.way.restarts and not each.init and each.key in keys[ref]:
                    yield ref, each.key


def _external(ground: Ground, name: str) -> tuple[ObjectRef, str, str]:
    """Where the URL of an external is kept that the service reads, and the URL."""
    read = {(ref.name, key): ref for ref, key in _read(ground, "Secret")}
    for each in ground.externals:
        if name in {"", each.name} and (each.secret, each.key) in read:
            ref = read[each.secret, each.key]
            return ref, each.key, _url(ground, ref, each)
    raise NotApplicableError(f"{ground.service} uses no external" + (f" {name}" if name else ""))


def _url(ground: Ground, ref: ObjectRef, external: ExternalSource) -> str:
    try:
        url = base64.b64decode(_values(ground, ref)[external.key]).decode()
        host = urlsplit(url).hostname
    except ValueError:
        host = None
    if not host:
        raise NotApplicableError(f"{ref} {external.key} is no URL")
    return url


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
