"""Every check there is, in the order of the report."""

from __future__ import annotations

from console.model.verify.check import Check

DEPLOY_TIME = Check(
    "deploy-time",
    "SC-001",
    "the whole stack is deployed in time",
    "s",
    "the newest run in the journal that deployed every service and was well",
)
READY_TIME = Check(
    "ready-time",
    "SC-001",
    "pods serve soon after their start",
    "s",
    "from the start of the containers to the condition Ready, of the quickest pod of each service; the slowest service",
)
PROBES_DECLARED = Check(
    "probes-declared",
    "SC-006",
    "every container declares a startup, readiness and liveness probe",
    "probes missing",
    "the live workloads",
)
PROBE_RESULTS = Check(
    "probe-results",
    "SC-006",
    "every probe of every pod passes",
    "probes failing",
    "the last result of each probe: counters of the kubelets, events, container status",
)
SECRETS = Check(
    "secrets",
    "SC-007",
    "no value of a Secret stands anywhere else",
    "places",
    "searched plain, escaped for JSON and URLs, in base64 at every alignment, and split over lines",
)
RESOURCES = Check(
    "resources",
    "resources",
    "every container has requests and limits",
    "containers unbounded",
    "requests of CPU and memory and a limit of memory, in the live workloads",
)
STATELESS = Check(
    "stateless",
    "statelessness",
    "no pod keeps state of its own",
    "places",
    "the root file system is read-only; volumes hold configuration, or scratch space below /tmp, /run, /var/cache",
)
SHUTDOWN_DECLARED = Check(
    "shutdown-declared",
    "shutdown",
    "pods have time to end what they began",
    "workloads in haste",
    "terminationGracePeriodSeconds of the live workloads against what their preStop hooks take of it",
)
AUTOSCALER = Check(
    "autoscaler",
    "scaling",
    "autoscalers are active and have their figures",
    "autoscalers idle",
    "conditions and current metrics of each HorizontalPodAutoscaler",
)
INGRESS = Check(
    "ingress",
    "ingress",
    "every address of the stack answers",
    "addresses silent",
    "one GET to each path of each Ingress",
)
KINDS = Check(
    "kinds",
    "plain Kubernetes",
    "only built-in kinds, and no mesh",
    "foreign objects",
    "kinds of the objects of the newest release; containers and annotations of the live pods",
)
DATABASE = Check(
    "database",
    "external database",
    "the database is outside of the cluster",
    "databases inside",
    "images and claims of the live workloads, and the externals of the stack",
)
SCALE = Check(
    "scale",
    "SC-002",
    "scaled up and back under load without a failed request",
    "failed requests",
    "scale to the most and back, with requests meanwhile; every pod is waited for",
    disturbs=True,
)
RESTART = Check(
    "restart",
    "SC-003",
    "what was written outlasts restarts",
    "records lost",
    "records are written, each service and then everything is restarted, the records are read",
    disturbs=True,
)
CONFIG = Check(
    "config",
    "SC-004",
    "a changed configuration is effective in time",
    "s",
    "a key is changed, and every pod is asked for it",
    disturbs=True,
)
SHUTDOWN = Check(
    "shutdown",
    "shutdown",
    "a pod that is deleted ends cleanly",
    "things wrong",
    "a pod of each service is deleted under load: exit code 0 in its grace period, no failed request if others serve",
    disturbs=True,
)
POOLING = Check(
    "pooling",
    "pooling",
    "connections to the database stay within the pools",
    "connections",
    "PostgreSQL is asked for the sessions of the stack while requests are sent",
    disturbs=True,
)
CATALOGUE = (
    *(DEPLOY_TIME, READY_TIME, PROBES_DECLARED, PROBE_RESULTS, SECRETS, RESOURCES, STATELESS, SHUTDOWN_DECLARED),
    *(AUTOSCALER, INGRESS, KINDS, DATABASE, SCALE, RESTART, CONFIG, SHUTDOWN, POOLING),
)
"""All of them; those that disturb come last, in the order in which they are made."""
