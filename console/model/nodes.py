"""The machines of a cluster's nodes, and whether an image is made for them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from console.model.stack import JSON

_LABEL = "kubernetes.io/arch"
"""What a kubelet says of its machine: `amd64`, `arm64` (kubernetes.io, "Well-Known Labels")."""


@dataclass(frozen=True, slots=True)
class Unfit:
    """An image that does not run on nodes where its pods may land; `all_nodes`: on none of them."""

    all_nodes: bool
    words: str
    hint: str


def candidates(nodes: Iterable[JSON], spec: JSON) -> list[JSON]:
    """The nodes on which a pod may land, by its nodeSelector and tolerations; affinity is not looked at.

    Rules: kubernetes.io, "Assigning Pods to Nodes", "Taints and Tolerations".
    """
    wanted = (spec.get("nodeSelector") or {}).items()
    tolerations = spec.get("tolerations") or ()
    found = []
    for node in nodes:
        own = node.get("spec") or {}
        repels = [each for each in own.get("taints") or () if each.get("effect") != "PreferNoSchedule"]
        tolerated = all(any(_tolerates(each, taint) for each in tolerations) for taint in repels)
        if wanted <= _labels(node).items() and not own.get("unschedulable") and tolerated:
            found.append(node)
    return found


def _labels(node: JSON) -> JSON:
    return node["metadata"].get("labels") or {}


def _tolerates(toleration: JSON, taint: JSON) -> bool:
    if toleration.get("effect") not in {None, "", taint.get("effect")}:
        return False
    if not toleration.get("key"):
        return toleration.get("operator") == "Exists"
    same = toleration["key"] == taint.get("key")
    exists = toleration.get("operator") == "Exists"
    return bool(same and (exists or (toleration.get("value") or "") == (taint.get("value") or "")))


def architectures(nodes: Iterable[JSON]) -> frozenset[str]:
    """The architectures of nodes, as far as they say."""
    return frozenset(str(_labels(node).get(_LABEL, "")) for node in nodes) - {""}


def unfit(image: str, platforms: Iterable[str], nodes: Collection[str]) -> Unfit | None:
    """What is wrong with an image on nodes of these architectures; None if nothing, or if it cannot be known.

    Args:
        image: its name.
        platforms: what it is built for, like `linux/amd64` or `linux/arm/v7`.
        nodes: architectures.
    """
    built = {each.split("/")[1] for each in platforms if each.count("/")}
    others = sorted(set(nodes) - built)
    if not built or not others:
        return None
    words = f"image {image} is built for {', '.join(sorted(built))}, "
    wanted = ", ".join(f"linux/{each}" for each in sorted(nodes))
    hint = f"set build.platforms of the service to [{wanted}]"
    if len(others) == len(set(nodes)):
        return Unfit(True, f"{words}and the nodes are {', '.join(others)}", hint)
    return Unfit(False, f"{words}and some nodes are {', '.join(others)}", f"{hint}, or keep its pods to the others")
