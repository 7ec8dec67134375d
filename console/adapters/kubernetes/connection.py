"""From a kubeconfig and a named context to a client that stays with that one server.

Never the current context: a target names its own (kubernetes.io, "Organizing Cluster Access Using kubeconfig Files").
The official client takes a third of a second to import, so it is imported when a connection is made, in a thread.
"""

from __future__ import annotations

import asyncio
import difflib
import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from console.adapters.kubernetes.transport import Transport
from console.model.errors import PreflightError, UsageError

if TYPE_CHECKING:
    from kubernetes.aio.client import Configuration
    from kubernetes.aio.config.kube_config import KubeConfigLoader


@dataclass(frozen=True, slots=True)
class Context:
    """A context of a kubeconfig: which server, as whom, in which namespace by default.

    `acts_as` are the headers of impersonation that the user asks for (`as` and `as-groups` in the kubeconfig).
    """

    name: str
    server: str
    user: str
    namespace: str
    acts_as: tuple[tuple[str, str], ...] = ()


def kubeconfig_files(environment: Mapping[str, str], explicit: Path | None = None) -> tuple[Path, ...]:
    """The kubeconfig files that count: the explicit one, else those of `KUBECONFIG`, else `~/.kube/config`."""
    if explicit is not None:
        return (explicit.expanduser(),)
    named = [part for part in environment.get("KUBECONFIG", "").split(os.pathsep) if part]
    home = Path(environment.get("HOME") or Path.home())
    return tuple(Path(part).expanduser() for part in named) or (home / ".kube" / "config",)


async def list_contexts(files: Sequence[Path]) -> tuple[Context, ...]:
    """Every context of those files, in their order; a missing file has none.

    Raises:
        PreflightError: a file is not a kubeconfig.
    """
    merged = await asyncio.to_thread(_merge, files)
    clusters = {entry["name"]: entry.get("cluster") or {} for entry in merged["clusters"]}
    users = {entry["name"]: entry.get("user") or {} for entry in merged["users"]}
    return tuple(_context(entry, clusters, users) for entry in merged["contexts"])


async def open_transport(files: Sequence[Path], context: str, *, read_only: bool = False) -> Transport:
    """A transport to the server of that context, pinned: later changes of the files do not move it.

    Raises:
        UsageError: the files have no such context; the nearest names are given.
        PreflightError: a file is not a kubeconfig, or its credentials cannot be had.
    """
    known = {each.name: each for each in await list_contexts(files)}
    if context not in known:
        raise _unknown(context, files, list(known))
    loader, configuration = await asyncio.to_thread(_load, files, context)
    await _authenticate(loader, configuration, context)
    server = known[context].server
    acts_as = known[context].acts_as
    if len(dict(acts_as)) < len(acts_as):
        hint = "leave one group in as-groups; the client sends a header of a name only once"
        raise PreflightError(f"context {context!r} acts as more than one group", hint=hint)
    if not configuration.host or not server:
        raise PreflightError(f"context {context!r} names no server", hint="add the cluster's server to the kubeconfig")
    if _is_loopback(server):
        # kubectl never sends loopback through a proxy of the environment; aiohttp would.
        configuration.client_session_kwargs = {"trust_env": False}
    return Transport(
        await asyncio.to_thread(_client, configuration, known[context]),
        server,
        read_only=read_only,
        renew=lambda: _authenticate(loader, configuration, context),
    )


def _merge(files: Sequence[Path]) -> dict[str, Any]:
    import yaml

    merged: dict[str, list[dict[str, Any]]] = {"clusters": [], "contexts": [], "users": []}
    for file in files:
        try:
            content = yaml.safe_load(file.read_text()) if file.exists() else {}
            for part, entries in merged.items():
                entries += [entry for entry in content.get(part) or () if not _has(entries, entry["name"])]
        except (OSError, UnicodeDecodeError, yaml.YAMLError, AttributeError, TypeError, KeyError) as error:
            why = (
                "it is no YAML"
                if isinstance(error, yaml.YAMLError | UnicodeDecodeError)
                else "its shape is not a kubeconfig's"
            )
            why = error.strerror or why if isinstance(error, OSError) else why
            hint = "repair the file, or name another one in KUBECONFIG"
            raise PreflightError("the kubeconfig cannot be read", where=str(file), why=why, hint=hint) from error
    return merged


def _has(entries: list[dict[str, Any]], name: str) -> bool:
    return any(entry["name"] == name for entry in entries)


def _context(entry: dict[str, Any], clusters: Mapping[str, Any], users: Mapping[str, Any]) -> Context:
    inner = entry.get("context") or {}
    server = str(clusters.get(inner.get("cluster", ""), {}).get("server", "")).rstrip("/")
    user = str(inner.get("user", ""))
    namespace = str(inner.get("namespace", "")) or "default"
    return Context(entry["name"], server, user, namespace, _impersonation(users.get(user, {})))


def _impersonation(user: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """The headers that make us less than we are (kubernetes.io, "User impersonation"); the client leaves them out."""
    name = (("Impersonate-User", str(user["as"])),) if user.get("as") else ()
    return (*name, *(("Impersonate-Group", str(group)) for group in user.get("as-groups") or ()))


def _unknown(context: str, files: Sequence[Path], known: list[str]) -> UsageError:
    nearest = difflib.get_close_matches(context, known, n=3, cutoff=0.5)
    if nearest:
        hint = "did you mean " + " or ".join(repr(name) for name in nearest) + "?"
    elif known:
        hint = "there are: " + ", ".join(known)
    else:
        hint = "no kubeconfig with a context was found; set KUBECONFIG, or use the target kind sandbox"
    return UsageError(f"no context named {context!r}", where=", ".join(map(str, files)), hint=hint)


def _load(files: Sequence[Path], context: str) -> tuple[KubeConfigLoader, Configuration]:
    from kubernetes.aio.client import Configuration
    from kubernetes.aio.config.kube_config import KubeConfigLoader, KubeConfigMerger

    merger = KubeConfigMerger(os.pathsep.join(map(str, files)))
    try:
        loader = KubeConfigLoader(config_dict=merger.config, active_context=context, config_base_path=None)
    except _config_errors() as error:
        raise _unusable(context, error) from error
    return loader, Configuration(retries=None)


def _client(configuration: Configuration, context: Context) -> Any:
    from kubernetes.aio.client import ApiClient
    from kubernetes.aio.config.kube_config import _cleanup_temp_files

    try:
        client = ApiClient(configuration)
        for name, value in context.acts_as:
            client.set_default_header(name, value)
        return client
    except _config_errors() as error:
        raise _unusable(context.name, error) from error
    finally:
        # The certificate and key are in the TLS context now; their copies must not outlive a kill -9.
        _cleanup_temp_files()


async def _authenticate(loader: KubeConfigLoader, configuration: Configuration, context: str) -> None:
    """Loads the credentials (again), and says why when an exec plugin gives none: the client only logs it."""
    logger = logging.getLogger("kubernetes.aio.config.kube_config")
    words = _Words()
    logger.addHandler(words)
    propagate, logger.propagate = logger.propagate, False
    try:
        await loader.load_and_set(configuration)
    except _config_errors() as error:
        raise _unusable(context, error) from error
    finally:
        logger.propagate = propagate
        logger.removeHandler(words)
    if words.said:
        hint = "run the plugin's own login command, or install the plugin"
        raise PreflightError(f"no credentials for context {context!r}", why=words.said[-1], hint=hint)


class _Words(logging.Handler):
    """Keeps what the client says as an error, instead of letting it write over the screen."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(record.getMessage())


def _config_errors() -> tuple[type[Exception], ...]:
    from kubernetes.aio.config import ConfigException

    return (ConfigException, OSError, KeyError, TypeError, ValueError, AttributeError)


def _unusable(context: str, error: Exception) -> PreflightError:
    why = str(error) or type(error).__name__
    hint = "repair the context, its cluster or its user in the kubeconfig"
    return PreflightError(f"context {context!r} of the kubeconfig cannot be used", why=why, hint=hint)


def _is_loopback(server: str) -> bool:
    host = urlsplit(server).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
