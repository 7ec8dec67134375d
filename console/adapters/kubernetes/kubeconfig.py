"""Reads kubeconfig files: several merged into one, and what a context stands for in them.

Rules: kubernetes.io, "Organizing Cluster Access Using kubeconfig Files" and "Accessing the Kubernetes API from a Pod".
Never the current context: a target names its own.
"""

from __future__ import annotations

import base64
import binascii
import difflib
import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from console.model.errors import PreflightError, UsageError
from console.model.identity import ClusterIdentity

IN_CLUSTER = "in-cluster"
"""The context that stands for the service account of the pod in which the console runs."""
SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_CLUSTER_FILES = ("certificate-authority",)
_USER_FILES = ("client-certificate", "client-key", "tokenFile")

Entries = dict[str, list[dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class Context:
    """A context of a kubeconfig: which server, as whom, in which namespace by default.

    `acts_as` are the headers of impersonation that the user asks for (`as` and `as-groups` in the kubeconfig).
    `cluster` and `login` are the entries that it names, with absolute paths; `missing` says which of them is not there.
    """

    name: str
    server: str
    user: str
    namespace: str
    acts_as: tuple[tuple[str, str], ...]
    cluster: Mapping[str, Any]
    login: Mapping[str, Any]
    missing: str = ""

    @property
    def identity(self) -> ClusterIdentity:
        """Which cluster it stands for, as far as the files say. Reads the file of the certificate authority."""
        return ClusterIdentity(self.name, self.server, self.user, _authority(self.cluster))


def kubeconfig_files(environment: Mapping[str, str], explicit: Path | None = None) -> tuple[Path, ...]:
    """The kubeconfig files that count: the explicit one, else those of `KUBECONFIG`, else `~/.kube/config`."""
    if explicit is not None:
        return (explicit.expanduser(),)
    named = [part for part in environment.get("KUBECONFIG", "").split(os.pathsep) if part]
    home = Path(environment.get("HOME") or Path.home())
    return tuple(Path(part).expanduser() for part in named) or (home / ".kube" / "config",)


def read_contexts(files: Sequence[Path], environment: Mapping[str, str] = os.environ) -> tuple[Context, ...]:
    """Every context of those files, in their order, and that of the pod we run in; a missing file has none.

    Args:
        files: kubeconfigs; of several entries of a name the first one counts.
        environment: says in a pod where the API server is.

    Raises:
        PreflightError: a file is not a kubeconfig.
    """
    merged: Entries = {"clusters": [], "contexts": [], "users": []}
    for file in files:
        _add(merged, _read(file))
    _add(merged, _in_cluster(environment, SERVICE_ACCOUNT))
    clusters = {entry["name"]: entry.get("cluster") or {} for entry in merged["clusters"]}
    users = {entry["name"]: entry.get("user") or {} for entry in merged["users"]}
    return tuple(_context(entry, clusters, users) for entry in merged["contexts"])


def find_context(files: Sequence[Path], name: str) -> Context:
    """The context of that name.

    Raises:
        UsageError: the files have none; the nearest names are given.
        PreflightError: a file is not a kubeconfig.
    """
    known = {each.name: each for each in read_contexts(files)}
    if name not in known:
        raise _unknown(name, files, list(known))
    return known[name]


def _add(merged: Entries, more: Entries) -> None:
    for part, entries in merged.items():
        known = {entry["name"] for entry in entries}
        entries += [entry for entry in more[part] if entry["name"] not in known]


def _read(file: Path) -> Entries:
    import yaml

    try:
        content = (yaml.safe_load(file.read_text()) if file.exists() else None) or {}
        entries = {part: [_rooted(entry, file.parent) for entry in content.get(part) or ()] for part in _PARTS}
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise _unreadable(file, "it is no YAML") from error
    except OSError as error:
        raise _unreadable(file, error.strerror or str(error)) from error
    except (AttributeError, TypeError, KeyError) as error:
        raise _unreadable(file, "its shape is not a kubeconfig's") from error
    return entries


_PARTS = ("clusters", "contexts", "users")


def _unreadable(file: Path, why: str) -> PreflightError:
    hint = "repair the file, or name another one in KUBECONFIG"
    return PreflightError("the kubeconfig cannot be read", where=str(file), why=why, hint=hint)


def _rooted(entry: dict[str, Any], folder: Path) -> dict[str, Any]:
    """An entry whose paths do not depend on where it stands: they are relative to its file."""
    cluster, user = dict(entry.get("cluster") or {}), dict(entry.get("user") or {})
    for part, names in ((cluster, _CLUSTER_FILES), (user, _USER_FILES)):
        part |= {name: str(folder / str(part[name])) for name in names if part.get(name)}
    plugin = user.get("exec")
    if plugin and os.sep in str(plugin.get("command", "")):
        user["exec"] = {**plugin, "command": str(folder / plugin["command"])}
    return {"name": entry["name"], "context": dict(entry.get("context") or {}), "cluster": cluster, "user": user}


def _in_cluster(environment: Mapping[str, str], account: Path) -> Entries:
    host, port = environment.get("KUBERNETES_SERVICE_HOST"), environment.get("KUBERNETES_SERVICE_PORT")
    if not host or not port or not (account / "token").is_file():
        return {part: [] for part in _PARTS}
    server = f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"
    namespace = account / "namespace"
    context = {"cluster": IN_CLUSTER, "user": IN_CLUSTER}
    context |= {"namespace": namespace.read_text().strip()} if namespace.is_file() else {}
    cluster = {"server": server, "certificate-authority": str(account / "ca.crt")}
    found = {"contexts": {"context": context}, "clusters": {"cluster": cluster}}
    found["users"] = {"user": {"tokenFile": str(account / "token")}}
    return {part: [{"name": IN_CLUSTER, **entry}] for part, entry in found.items()}


def _context(entry: dict[str, Any], clusters: Mapping[str, Any], users: Mapping[str, Any]) -> Context:
    inner = entry.get("context") or {}
    named, user = str(inner.get("cluster", "")), str(inner.get("user", ""))
    missing = f"cluster {named!r}" if named not in clusters else f"user {user!r}" if user and user not in users else ""
    cluster, login = clusters.get(named, {}), users.get(user, {})
    namespace = str(inner.get("namespace", "")) or "default"
    server = str(cluster.get("server", "")).rstrip("/")
    return Context(entry["name"], server, user, namespace, _impersonation(login), cluster, login, missing)


def _impersonation(user: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """The headers that make us less than we are (kubernetes.io, "User impersonation"); the client leaves them out."""
    name = (("Impersonate-User", str(user["as"])),) if user.get("as") else ()
    return (*name, *(("Impersonate-Group", str(group)) for group in user.get("as-groups") or ()))


def _authority(cluster: Mapping[str, Any]) -> str:
    """The digest of the trusted certificates, wherever they stand; they are no secret."""
    try:
        data = cluster.get("certificate-authority-data")
        if data:
            content = base64.b64decode(data)
        elif file := cluster.get("certificate-authority"):
            content = Path(file).read_bytes()
        else:
            return ""
    except (OSError, binascii.Error, TypeError):
        # The connection itself says what is wrong with them.
        return "unreadable"
    return f"sha256:{hashlib.sha256(content.strip()).hexdigest()}"


def _unknown(context: str, files: Sequence[Path], known: list[str]) -> UsageError:
    nearest = difflib.get_close_matches(context, known, n=3, cutoff=0.5)
    if nearest:
        hint = "did you mean " + " or ".join(repr(name) for name in nearest) + "?"
    elif known:
        hint = "there are: " + ", ".join(known)
    else:
        hint = "no kubeconfig with a context was found; set KUBECONFIG, or use the target kind sandbox"
    return UsageError(f"no context named {context!r}", where=", ".join(map(str, files)), hint=hint)
