"""The columns of each kind, with the cells of an object (`pkg/printers/internalversion/printers.go`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

from console.sandbox.api import pod_status
from console.sandbox.api.durations import age
from console.sandbox.api.resources import Object
from console.sandbox.api.selectors import Selector
from console.sandbox.api.times import parse

Row = list[Any]
NONE = "<none>"

_NUMBERS = {
    "Allowed Disruptions",
    "Desired",
    "Current",
    "replicasets Ready",
    "daemonsets Ready",
    "daemonsets Up-to-date",
    "daemonsets Available",
}


@cache
def of(resource: str) -> tuple[list[Object], Callable[[Object], Row]]:
    """The column definitions of a kind, and what fills a row. A column after `|` shows only with `-o wide`."""
    names, row = _COLUMNS.get(resource, ("Name,Age", _plain))
    normal, _, wide = names.partition("|")
    if resource == "events":
        return [_column(resource, each.strip("+"), each.startswith("+")) for each in names.split(",")], row
    definitions = [_column(resource, each, False) for each in normal.split(",")]
    return definitions + [_column(resource, each, True) for each in wide.split(",") if each], row


def _column(resource: str, name: str, wide: bool) -> Object:
    number = name in _NUMBERS or f"{resource} {name}" in _NUMBERS
    return {
        "name": name,
        "type": "integer" if number else "string",
        "format": "name" if name == "Name" else "",
        "description": "",
        "priority": int(wide),
    }


def _name(obj: Object) -> str:
    return str(obj["metadata"]["name"])


def _age(obj: Object) -> str:
    return age(obj["metadata"].get("creationTimestamp"))


def _plain(obj: Object) -> Row:
    return [_name(obj), _age(obj)]


def _status(obj: Object) -> Object:
    found: Object = obj.get("status") or {}
    return found


def _spec(obj: Object) -> Object:
    found: Object = obj.get("spec") or {}
    return found


def _template(obj: Object) -> Row:
    containers = _spec(obj).get("template", {}).get("spec", {}).get("containers", ())
    return [",".join(each["name"] for each in containers), ",".join(each.get("image", "") for each in containers)]


def _selector(obj: Object) -> str:
    return str(Selector.of(_spec(obj).get("selector")) or NONE) or NONE


def _deployment(obj: Object) -> Row:
    status, desired = _status(obj), _spec(obj).get("replicas", 0)
    ready = f"{status.get('readyReplicas', 0)}/{desired}"
    counts = [status.get("updatedReplicas", 0), status.get("availableReplicas", 0)]
    return [_name(obj), ready, *counts, _age(obj), *_template(obj), _selector(obj)]


def _replica_set(obj: Object) -> Row:
    status = _status(obj)
    counts = [_spec(obj).get("replicas", 0), status.get("replicas", 0), status.get("readyReplicas", 0)]
    return [_name(obj), *counts, _age(obj), *_template(obj), _selector(obj)]


def _stateful_set(obj: Object) -> Row:
    ready = f"{_status(obj).get('readyReplicas', 0)}/{_spec(obj).get('replicas', 0)}"
    return [_name(obj), ready, _age(obj), *_template(obj)]


def _daemon_set(obj: Object) -> Row:
    names = (
        "desiredNumberScheduled",
        "currentNumberScheduled",
        "numberReady",
        "updatedNumberScheduled",
        "numberAvailable",
    )
    counts = [_status(obj).get(each, 0) for each in names]
    nodes = Selector.labels(_spec(obj).get("template", {}).get("spec", {}).get("nodeSelector") or {})
    return [_name(obj), *counts, str(nodes) or NONE, _age(obj), *_template(obj), _selector(obj)]


def _job(obj: Object) -> Row:
    spec, status = _spec(obj), _status(obj)
    completions = spec.get("completions")
    parallel = spec.get("parallelism", 0)
    wanted = completions if completions is not None else f"1 of {parallel}" if parallel > 1 else 1
    duration = ""
    if status.get("startTime"):
        end = parse(status["completionTime"]) if status.get("completionTime") else None
        duration = age(status["startTime"], end)
    done = f"{status.get('succeeded', 0)}/{wanted}"
    return [_name(obj), _job_status(obj), done, duration, _age(obj), *_template(obj), _selector(obj)]


def _job_status(obj: Object) -> str:
    holds = {each["type"] for each in _status(obj).get("conditions", ()) if each["status"] == "True"}
    if obj["metadata"].get("deletionTimestamp"):
        return "Terminating"
    named = {"Complete": "Complete", "Failed": "Failed", "Suspended": "Suspended", "FailureTarget": "FailureTarget"}
    return next((text for each, text in named.items() if each in holds), "Running")


def _service(obj: Object) -> Row:
    spec = _spec(obj)
    kind = spec.get("type", "ClusterIP")
    address = spec.get("clusterIP") or NONE
    ports = ",".join(_service_port(each) for each in spec.get("ports") or ()) or NONE
    selector = str(Selector.labels(spec.get("selector") or {})) or NONE
    return [_name(obj), kind, address, _external(obj, kind), ports, _age(obj), selector]


def _service_port(port: Object) -> str:
    node = f":{port['nodePort']}" if port.get("nodePort") else ""
    return f"{port['port']}{node}/{port.get('protocol', 'TCP')}"


def _external(obj: Object, kind: str) -> str:
    spec = _spec(obj)
    extra: list[str] = list(spec.get("externalIPs") or ())
    if kind == "ExternalName":
        return str(spec.get("externalName"))
    if kind == "LoadBalancer":
        return ",".join([*_balancers(obj), *extra]) or "<pending>"
    return ",".join(extra) or NONE


def _balancers(obj: Object) -> list[str]:
    points = _status(obj).get("loadBalancer", {}).get("ingress", ())
    return [each.get("ip") or each.get("hostname", "") for each in points]


def _ingress(obj: Object) -> Row:
    spec = _spec(obj)
    hosts = list(dict.fromkeys(each["host"] for each in spec.get("rules", ()) if each.get("host")))
    shown = ",".join(hosts[:3]) + (f" + {len(hosts) - 3} more..." if len(hosts) > 3 else "")
    ports = "80, 443" if spec.get("tls") else "80"
    return [_name(obj), spec.get("ingressClassName") or NONE, shown or "*", ",".join(_balancers(obj)), ports, _age(obj)]


def _ingress_class(obj: Object) -> Row:
    spec = _spec(obj)
    given = spec.get("parameters")
    parameters = ".".join(filter(None, (given["kind"], given.get("apiGroup")))) + f"/{given['name']}" if given else NONE
    return [_name(obj), spec.get("controller", ""), parameters, _age(obj)]


def _more(items: list[str], limit: int = 3) -> str:
    shown = ",".join(items[:limit])
    return (shown + (f" + {len(items) - limit} more..." if len(items) > limit else "")) or NONE


def _endpoints(obj: Object) -> Row:
    found = [
        f"{address['ip']}:{port['port']}" if port else str(address["ip"])
        for subset in obj.get("subsets") or ()
        for port in subset.get("ports") or (None,)
        for address in subset.get("addresses") or ()
    ]
    return [_name(obj), _more(found), _age(obj)]


def _endpoint_slice(obj: Object) -> Row:
    ports = [str(each.get("port", "*")) for each in obj.get("ports") or ()]
    addresses = [address for each in obj.get("endpoints") or () for address in each["addresses"]]
    shown_ports = _more(ports) if ports else "<unset>"
    return [_name(obj), obj.get("addressType"), shown_ports, _more(addresses) if addresses else "<unset>", _age(obj)]


def _node(obj: Object) -> Row:
    status, info = _status(obj), _status(obj).get("nodeInfo", {})
    ready = next((each["status"] for each in status.get("conditions", ()) if each["type"] == "Ready"), None)
    state = {"True": "Ready", None: "Unknown"}.get(ready, "NotReady")
    state += ",SchedulingDisabled" if _spec(obj).get("unschedulable") else ""
    addresses = {each["type"]: each["address"] for each in status.get("addresses", ())}
    wide = [addresses.get(each, NONE) for each in ("InternalIP", "ExternalIP")]
    system = [info.get(each) or "<unknown>" for each in ("osImage", "kernelVersion", "containerRuntimeVersion")]
    return [_name(obj), state, _roles(obj), _age(obj), info.get("kubeletVersion", ""), *wide, *system]


def _roles(obj: Object) -> str:
    prefix = "node-role.kubernetes.io/"
    roles = {each.removeprefix(prefix) for each in obj["metadata"].get("labels", ()) if each.startswith(prefix)}
    return ",".join(sorted(roles)) or NONE


def _event(obj: Object) -> Row:
    about, series = obj.get("involvedObject", {}), obj.get("series") or {}
    first = age(obj.get("firstTimestamp") or obj.get("eventTime"))
    last = (
        age(series.get("lastObservedTime") or obj.get("lastTimestamp")) if series or obj.get("lastTimestamp") else first
    )
    target = "/".join(filter(None, (about.get("kind", "").lower(), about.get("name"))))
    source = obj.get("source") or {}
    reporter = ", ".join(filter(None, (source.get("component"), source.get("host")))) or obj.get(
        "reportingComponent", ""
    )
    count = series.get("count") or obj.get("count") or 1
    head = [last, obj.get("type", ""), obj.get("reason", ""), target, about.get("fieldPath", ""), reporter]
    return [*head, obj.get("message", "").strip(), first, str(count), _name(obj)]


def _secret(obj: Object) -> Row:
    return [_name(obj), obj.get("type", ""), len(obj.get("data") or {}), _age(obj)]


def _config_map(obj: Object) -> Row:
    return [_name(obj), len(obj.get("data") or {}) + len(obj.get("binaryData") or {}), _age(obj)]


def _autoscaler(obj: Object) -> Row:
    spec, target = _spec(obj), _spec(obj).get("scaleTargetRef", {})
    metrics = [_metric(each, obj) for each in spec.get("metrics") or ()]
    shown = ", ".join(metrics[:2]) + (f" + {len(metrics) - 2} more..." if len(metrics) > 2 else "")
    bounds = [str(spec.get("minReplicas", "<unset>")), spec.get("maxReplicas"), _status(obj).get("currentReplicas", 0)]
    return [_name(obj), f"{target.get('kind')}/{target.get('name')}", shown or NONE, *bounds, _age(obj)]


def _metric(metric: Object, obj: Object) -> str:
    if metric.get("type") != "Resource":
        return "<unknown>"
    name, target = metric["resource"]["name"], metric["resource"].get("target", {})
    current: Object = {}
    for each in _status(obj).get("currentMetrics") or ():
        if each.get("resource", {}).get("name") == name:
            current = each["resource"].get("current", {})
    if "averageValue" in target:
        return f"{name}: {current.get('averageValue', '<unknown>')}/{target['averageValue']}"
    now = f"{current['averageUtilization']}%" if "averageUtilization" in current else "<unknown>"
    wanted = f"{target['averageUtilization']}%" if "averageUtilization" in target else "<auto>"
    return f"{name}: {now}/{wanted}"


def _disruption_budget(obj: Object) -> Row:
    spec = _spec(obj)
    bounds = [str(spec.get(each, "N/A")) for each in ("minAvailable", "maxUnavailable")]
    return [_name(obj), *bounds, _status(obj).get("disruptionsAllowed", 0), _age(obj)]


def _binding(obj: Object) -> Row:
    role = obj["roleRef"]
    subjects: dict[str, list[str]] = {"User": [], "Group": [], "ServiceAccount": []}
    for each in obj.get("subjects") or ():
        name = f"{each.get('namespace')}/{each['name']}" if each["kind"] == "ServiceAccount" else each["name"]
        subjects.setdefault(each["kind"], []).append(name)
    return [_name(obj), f"{role['kind']}/{role['name']}", _age(obj), *(", ".join(each) for each in subjects.values())]


def _role(obj: Object) -> Row:
    return [_name(obj), obj["metadata"].get("creationTimestamp")]


def _lease(obj: Object) -> Row:
    return [_name(obj), _spec(obj).get("holderIdentity", ""), _age(obj)]


def _quota(obj: Object) -> Row:
    hard, used = _status(obj).get("hard", {}), _status(obj).get("used", {})

    def show(names: Iterable[str]) -> str:
        return ", ".join(f"{each}: {used.get(each, '0')}/{hard[each]}" for each in sorted(names))

    limits = {each for each in hard if each.startswith("limits.")}
    return [_name(obj), show(set(hard) - limits), show(limits), _age(obj)]


def _limit_range(obj: Object) -> Row:
    return [_name(obj), obj["metadata"].get("creationTimestamp")]


def _network_policy(obj: Object) -> Row:
    return [_name(obj), str(Selector.of(_spec(obj).get("podSelector")) or "") or NONE, _age(obj)]


def _revision(obj: Object) -> Row:
    owner = next((each for each in obj["metadata"].get("ownerReferences", ()) if each.get("controller")), None)
    named = f"{owner['kind'].lower()}.{owner['apiVersion'].partition('/')[0]}/{owner['name']}" if owner else NONE
    return [_name(obj), named, obj.get("revision"), _age(obj)]


_WORKLOAD = "Containers,Images"
_COLUMNS: dict[str, tuple[str, Callable[[Object], Row]]] = {
    "clusterrolebindings": ("Name,Role,Age|Users,Groups,ServiceAccounts", _binding),
    "clusterroles": ("Name,Created At", _role),
    "configmaps": ("Name,Data,Age", _config_map),
    "controllerrevisions": ("Name,Controller,Revision,Age", _revision),
    "daemonsets": (
        f"Name,Desired,Current,Ready,Up-to-date,Available,Node Selector,Age|{_WORKLOAD},Selector",
        _daemon_set,
    ),
    "deployments": (f"Name,Ready,Up-to-date,Available,Age|{_WORKLOAD},Selector", _deployment),
    "endpoints": ("Name,Endpoints,Age", _endpoints),
    "endpointslices": ("Name,AddressType,Ports,Endpoints,Age", _endpoint_slice),
    "events": ("Last Seen,Type,Reason,Object,+Subobject,+Source,Message,+First Seen,+Count,+Name", _event),
    "horizontalpodautoscalers": ("Name,Reference,Targets,MinPods,MaxPods,Replicas,Age", _autoscaler),
    "ingressclasses": ("Name,Controller,Parameters,Age", _ingress_class),
    "ingresses": ("Name,Class,Hosts,Address,Ports,Age", _ingress),
    "jobs": (f"Name,Status,Completions,Duration,Age|{_WORKLOAD},Selector", _job),
    "leases": ("Name,Holder,Age", _lease),
    "limitranges": ("Name,Created At", _limit_range),
    "namespaces": ("Name,Status,Age", lambda obj: [_name(obj), _status(obj).get("phase", ""), _age(obj)]),
    "networkpolicies": ("Name,Pod-Selector,Age", _network_policy),
    "nodes": (
        "Name,Status,Roles,Age,Version|Internal-IP,External-IP,OS-Image,Kernel-Version,Container-Runtime",
        _node,
    ),
    "poddisruptionbudgets": ("Name,Min Available,Max Unavailable,Allowed Disruptions,Age", _disruption_budget),
    "pods": ("Name,Ready,Status,Restarts,Age|IP,Node,Nominated Node,Readiness Gates", pod_status.row),
    "replicasets": (f"Name,Desired,Current,Ready,Age|{_WORKLOAD},Selector", _replica_set),
    "resourcequotas": ("Name,Request,Limit,Age", _quota),
    "rolebindings": ("Name,Role,Age|Users,Groups,ServiceAccounts", _binding),
    "roles": ("Name,Created At", _role),
    "secrets": ("Name,Type,Data,Age", _secret),
    "serviceaccounts": ("Name,Secrets,Age", lambda obj: [_name(obj), len(obj.get("secrets") or ()), _age(obj)]),
    "services": ("Name,Type,Cluster-IP,External-IP,Port(s),Age|Selector", _service),
    "statefulsets": (f"Name,Ready,Age|{_WORKLOAD}", _stateful_set),
}
