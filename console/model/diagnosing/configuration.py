"""What a container is configured by and is not there: ConfigMaps, Secrets, their keys, volumes.

Texts: `pkg/kubelet/kubelet_pods.go` (environment), `pkg/volume/{configmap,secret,projected}` (volumes).
"""

from __future__ import annotations

import re

from console.model.diagnosing.sight import CONFIG, DEPLOY, Sight
from console.model.diagnosis import Cause, Diagnosis
from console.model.workload import Container

_OBJECT = re.compile(r'\b(configmap|secret) "([^"]+)" not found', re.I)
_KEY = re.compile(r"couldn't find key (\S+) in (ConfigMap|Secret) [^/\s]*/(\S+)")
_ITEM = re.compile(r"references non-existent (config|secret) key: (\S+)")
_VOLUME = re.compile(r'for volume "([^"]+)"')
_KINDS = {"configmap": "ConfigMap", "secret": "Secret"}
_CAUSES = {"ConfigMap": Cause.CONFIG_MISSING, "Secret": Cause.SECRET_MISSING}


def configuration(sight: Sight, container: Container) -> Diagnosis | None:
    """What a container's environment refers to and is not there."""
    if container.reason != "CreateContainerConfigError":
        return None
    return missing(sight, container.message) or sight.finding(
        Cause.UNKNOWN, f"{sight.who(container)}cannot be configured", evidence=container.message, hints=(CONFIG,)
    )


def volumes(sight: Sight, container: Container) -> Diagnosis | None:
    """Why a container is not even created: a volume that is not mounted, or no network for its pod."""
    if container.reason not in ("ContainerCreating", "PodInitializing"):
        return None
    if event := sight.event("FailedMount", "FailedAttachVolume"):
        if found := missing(sight, event.message):
            return found
        volume = _VOLUME.search(event.message)
        name = f"the volume {volume[1]}" if volume else "a volume"
        return sight.finding(Cause.VOLUME, f"{name} is not mounted", evidence=event.message, since=event.first)
    if event := sight.event("FailedCreatePodSandBox"):
        summary = "the node cannot set up the pod's network"
        return sight.finding(Cause.UNKNOWN, summary, evidence=event.message, since=event.first)
    return None


def missing(sight: Sight, words: str) -> Diagnosis | None:
    """The ConfigMap, Secret or key that a text says is not there."""
    if found := _KEY.search(words):
        return _key(sight, found[2], found[3], found[1], words)
    if found := _ITEM.search(words):
        return _key(sight, "Secret" if found[1] == "secret" else "ConfigMap", "", found[2], words)
    if found := _OBJECT.search(words):
        kind = _KINDS[found[1].lower()]
        promised = sight.around.promises(kind, found[2])
        summary = f"the {kind} {found[2]} is not there" + (" yet" if promised else "")
        hints = (DEPLOY,) if promised else (f"declare {kind} {found[2]} in the stack, or create it", DEPLOY)
        return sight.finding(_CAUSES[kind], summary, terminal=not promised, evidence=words, hints=hints)
    return None


def _key(sight: Sight, kind: str, name: str, key: str, words: str) -> Diagnosis:
    # What the stack is about to apply may bring the key along.
    promised = bool(name) and sight.around.promises(kind, name, key)
    where = f"the {kind} {name}" if name else f"its {kind}"
    summary = f"{where} has no key {key}" + (" yet" if promised else "")
    hints = (CONFIG,) if kind == "ConfigMap" else (f"add {key} to the Secret",)
    return sight.finding(Cause.KEY_MISSING, summary, terminal=not promised, evidence=words, hints=(*hints, DEPLOY))
