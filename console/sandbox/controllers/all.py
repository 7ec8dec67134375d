"""Every controller of the cluster."""

from __future__ import annotations

from console.sandbox.api.machinery import Machinery
from console.sandbox.api.ports import Nodes
from console.sandbox.controllers.autoscaler import Autoscalers
from console.sandbox.controllers.daemonset import DaemonSets
from console.sandbox.controllers.deployment import Deployments
from console.sandbox.controllers.disruption import DisruptionBudgets
from console.sandbox.controllers.endpoints import Endpoints
from console.sandbox.controllers.garbage import GarbageCollector
from console.sandbox.controllers.jobs import Jobs
from console.sandbox.controllers.namespaces import Namespaces
from console.sandbox.controllers.nodes import NodeLifecycle
from console.sandbox.controllers.pods import PodCache
from console.sandbox.controllers.replicaset import ReplicaSets
from console.sandbox.controllers.runtime import Controller
from console.sandbox.controllers.scheduler import Scheduler
from console.sandbox.controllers.statefulset import StatefulSets


def controllers(machinery: Machinery, pods: PodCache, nodes: Nodes, time_scale: float) -> list[Controller]:
    """One of each; the caller runs them.

    Args:
        machinery: the cluster.
        pods: its pods.
        nodes: the kubelets, for the autoscalers' figures.
        time_scale: multiplies the autoscalers' periods, and the back-off of Jobs.
    """
    return [
        Endpoints(machinery, pods),
        Scheduler(machinery, pods),
        ReplicaSets(machinery, pods),
        Deployments(machinery, pods),
        StatefulSets(machinery, pods),
        DaemonSets(machinery, pods),
        Jobs(machinery, pods, time_scale),
        GarbageCollector(machinery),
        Namespaces(machinery),
        NodeLifecycle(machinery, pods),
        DisruptionBudgets(machinery, pods),
        Autoscalers(machinery, pods, nodes, time_scale),
    ]
