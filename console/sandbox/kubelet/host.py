"""What all pods of a node have in common."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from console.sandbox.api.machinery import Machinery
from console.sandbox.api.resources import Object
from console.sandbox.kubelet.images import Images
from console.sandbox.kubelet.modes import Mode
from console.sandbox.kubelet.probes import Probes
from console.sandbox.kubelet.tally import Tally
from console.sandbox.network.addresses import AddressPool

ADDRESS = "127.0.0.1"
"""The nodes' own address: all of them are this machine."""


@dataclass(frozen=True, slots=True)
class Host:
    """A node, for its pods.

    Attributes:
        name: of the node.
        pods: the folder that holds a folder for each pod, by uid.
        scale: multiplies probe periods, initial delays and back-off steps.
        allocatable: what the node has for pods.
        path: where programs are looked for, this interpreter as `python` first.
        seen: the images that were pulled here.
    """

    name: str
    machinery: Machinery
    addresses: AddressPool
    pods: Path
    scale: float
    mode: Mode
    images: Images
    probes: Probes
    allocatable: Object
    path: str
    tally: Tally = field(default_factory=Tally)
    seen: set[str] = field(default_factory=set)

    def event(self, pod: Object, type_: str, reason: str, message: str, container: str = "") -> None:
        """Records an Event about a pod, or one of its containers (`spec.containers{main}`)."""
        about = pod | ({"fieldPath": container} if container else {})
        self.machinery.event(about, type=type_, reason=reason, message=message, source=f"kubelet, {self.name}")
