"""Images that are not there, may not be pulled, or cannot be pulled just now.

Reasons: `pkg/kubelet/images/types.go`; texts are those of containerd and of registries (OCI distribution spec, errors).
"""

from __future__ import annotations

import re

from console.model.diagnosing.sight import DEPLOY, Sight
from console.model.diagnosis import Cause, Diagnosis
from console.model.workload import Container

_REASONS = {
    *("ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull"),
    *("InvalidImageName", "ImageInspectError", "RegistryUnavailable"),
}
_DENIED = re.compile(
    r"unauthorized|forbidden|denied|authentication required|insufficient_scope|failed to authorize", re.I
)
_MISSING = re.compile(r"not found|manifest unknown|name unknown|not present with pull policy", re.I)


def image(sight: Sight, container: Container) -> Diagnosis | None:
    """Why a container's image is not there, if that is what it waits for."""
    if container.reason not in _REASONS:
        return None
    name, words = container.image, _words(sight, container)
    if container.reason == "InvalidImageName":
        summary = f"{name} is no name of an image"
        return sight.finding(Cause.IMAGE_MISSING, summary, terminal=True, evidence=words, hints=(_CORRECT, DEPLOY))
    if _DENIED.search(words):
        summary = f"the registry does not let the cluster pull {name}"
        hint = "check imagePullSecrets and the rights of that account"
        return sight.finding(Cause.IMAGE_UNPULLABLE, summary, terminal=True, evidence=words, hints=(hint, DEPLOY))
    if _MISSING.search(words) or container.reason == "ErrImageNeverPull":
        summary = f"there is no image {name}"
        return sight.finding(Cause.IMAGE_MISSING, summary, terminal=True, evidence=words, hints=(_CORRECT, DEPLOY))
    summary, hint = f"the image {name} cannot be pulled just now", "check that nodes reach the registry"
    return sight.finding(Cause.IMAGE_UNPULLABLE, summary, evidence=words, hints=(hint,))


_CORRECT = "correct the name of the image, or push it"


def _words(sight: Sight, container: Container) -> str:
    """While the kubelet backs off, the status may no longer say why; the event still does."""
    if container.reason == "ImagePullBackOff" and "ErrImagePull" not in container.message:
        event = sight.event("Failed", container=container.name, containing="Failed to pull image")
        return event.message if event else container.message
    return container.message
