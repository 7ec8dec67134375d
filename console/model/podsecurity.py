"""What the Pod Security Standards ask of a pod: for when the API server itself cannot be asked before.

Rules: kubernetes.io, "Pod Security Standards", levels baseline and restricted, for Linux pods. The server is the judge
wherever it can be; of older versions of the standards only the newest rules are known here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from console.model.stack import JSON

ENFORCE = "pod-security.kubernetes.io/enforce"
"""The label of a namespace whose pods must keep to a level."""
_ADDABLE = frozenset(
    "AUDIT_WRITE CHOWN DAC_OVERRIDE FOWNER FSETID KILL MKNOD NET_BIND_SERVICE SETFCAP SETGID SETPCAP SETUID "  # noqa: SIM905
    "SYS_CHROOT".split()
)
_SYSCTLS = frozenset(
    "kernel.shm_rmid_forced net.ipv4.ip_local_port_range net.ipv4.ip_local_reserved_ports "  # noqa: SIM905
    "net.ipv4.ip_unprivileged_port_start net.ipv4.tcp_syncookies net.ipv4.ping_group_range net.ipv4.tcp_keepalive_time "
    "net.ipv4.tcp_fin_timeout net.ipv4.tcp_keepalive_intvl net.ipv4.tcp_keepalive_probes net.ipv4.tcp_rmem "
    "net.ipv4.tcp_wmem".split()
)
_SELINUX = frozenset({"", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"})
_VOLUMES = frozenset(
    "configMap csi downwardAPI emptyDir ephemeral image persistentVolumeClaim projected secret".split()  # noqa: SIM905
)

Rule = Callable[[JSON, list[JSON]], Iterator[str]]


def violations(spec: JSON, level: str) -> tuple[str, ...]:
    """What a pod spec lacks for a level (`baseline`, `restricted`; nothing for any other), as one would correct it."""
    rules = {"baseline": _BASELINE, "restricted": _BASELINE + _RESTRICTED}.get(level, ())
    containers = [each for key in ("initContainers", "containers") for each in spec.get(key) or ()]
    return tuple(dict.fromkeys(words for rule in rules for words in rule(spec, containers)))


def _own(part: JSON) -> JSON:
    found = part.get("securityContext")
    return found if isinstance(found, dict) else {}


def _namespaces(spec: JSON, containers: list[JSON]) -> Iterator[str]:
    for name in ("hostNetwork", "hostPID", "hostIPC"):
        if spec.get(name):
            yield f"{name} must not be true"


def _privileged(spec: JSON, containers: list[JSON]) -> Iterator[str]:
    for each in containers:
        if _own(each).get("privileged"):
            yield f"container {each['name']} must not set securityContext.privileged"


def _capabilities(spec: JSON, containers: list[JSON]) -> Iterator[str]:
    for each in containers:
        added = sorted(set((_own(each).get("capabilities") or {}).get("add") or ()) - _ADDABLE)
        if added:
            yield f"container {each['name']} must not add capabilities {', '.join(added)}"


def _host_paths(spec: JSON, containers: list[JSON]) -> Iterator[str]:
    for volume in spec.get("volumes") or ():
        if "hostPath" in volume:
            yield f"volume {volume['name']} must not be a hostPath"


def _host_ports(spec: JSON, containers: list[JSON]) -> Iterator[str]:
    for each in containers:
        for port in each.get("ports") or ():
            if port.get("hostPort"):
                yield f"container {each['name']} must not use hostPort {port['hostPort']}"


def _kernel(spec: JSON, containers: list[JSON]) -> Iterator[str]:
    """SELinux, AppArmor, seccomp, /proc and sysctls: nothing that opens them."""
    for where, context in _contexts(spec, containers):
        options = context.get("seLinuxOptions") or {}
        if str(options.get("type") or "") not in _SELINUX or options.get("user") or options.get("role"):
            yield f"{where} must not set seLinuxOptions of its own"
        for name in ("appArmorProfile", "seccompProfile"):
            if (context.get(name) or {}).get("type") == "Unconfined":
                yield f"{where} must not set securityContext.{name}.type Unconfined"
        if context.get("procMount", "Default") != "Default":
            yield f"{where} must not set securityContext.procMount"
    for sysctl in _own(spec).get("sysctls") or ():
        if sysctl["name"] not in _SYSCTLS:
            yield f"sysctl {sysctl['name']} must not be set"


def _contexts(spec: JSON, containers: list[JSON]) -> Iterator[tuple[str, JSON]]:
    yield "the pod", _own(spec)
    for each in containers:
        yield f"container {each['name']}", _own(each)


def _volume_types(spec: JSON, containers: list[JSON]) -> Iterator[str]:
    for volume in spec.get("volumes") or ():
        for kind in sorted(volume.keys() - {"name"} - _VOLUMES - {"hostPath"}):
            yield f"volume {volume['name']} must not be of type {kind}"


def _escalation(spec: JSON, containers: list[JSON]) -> Iterator[str]:
    for each in containers:
        if _own(each).get("allowPrivilegeEscalation") is not False:
            yield f"container {each['name']} must set securityContext.allowPrivilegeEscalation: false"


def _no_root(spec: JSON, containers: list[JSON]) -> Iterator[str]:
    pod = _own(spec)
    if pod.get("runAsUser") == 0:
        yield "the pod must not set securityContext.runAsUser: 0"
    for each in containers:
        own = _own(each)
        if not own.get("runAsNonRoot", pod.get("runAsNonRoot")):
            yield f"pod or container {each['name']} must set securityContext.runAsNonRoot: true"
        if own.get("runAsUser") == 0:
            yield f"container {each['name']} must not set securityContext.runAsUser: 0"


def _seccomp(spec: JSON, containers: list[JSON]) -> Iterator[str]:
    pod = _own(spec).get("seccompProfile") or {}
    for each in containers:
        own = _own(each).get("seccompProfile") or pod
        if own.get("type") not in {"RuntimeDefault", "Localhost", "Unconfined"}:
            yield f"pod or container {each['name']} must set securityContext.seccompProfile.type: RuntimeDefault"


def _all_dropped(spec: JSON, containers: list[JSON]) -> Iterator[str]:
    for each in containers:
        capabilities = _own(each).get("capabilities") or {}
        if "ALL" not in (capabilities.get("drop") or ()):
            yield f"container {each['name']} must set securityContext.capabilities.drop: [ALL]"
        added = sorted((set(capabilities.get("add") or ()) & _ADDABLE) - {"NET_BIND_SERVICE"})
        if added:
            yield f"container {each['name']} must not add capabilities {', '.join(added)}"


_BASELINE: tuple[Rule, ...] = (_namespaces, _privileged, _capabilities, _host_paths, _host_ports, _kernel)
_RESTRICTED: tuple[Rule, ...] = (_volume_types, _escalation, _no_root, _seccomp, _all_dropped)
