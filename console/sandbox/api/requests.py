"""What a request asks for: verb, group, resource, namespace, name, subresource, as authorization sees it.

Rules: `k8s.io/apiserver/pkg/endpoints/request/requestinfo.go`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from console.sandbox.api.errors import FieldError, StatusError, bad_request, not_valid, unsupported
from console.sandbox.api.resources import Resource

_VERBS = {"POST": "create", "GET": "get", "HEAD": "get", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
_NAMESPACE_SUBRESOURCES = ("status", "finalize")


@dataclass(frozen=True, slots=True)
class RequestInfo:
    """A request, taken apart.

    Attributes:
        resource: the plural name; empty for a path that names none (`/version`).
        rest: the path behind `.../proxy/`.
    """

    verb: str
    path: str
    group: str = ""
    version: str = ""
    namespace: str = ""
    resource: str = ""
    name: str = ""
    subresource: str = ""
    rest: str = ""

    @property
    def is_resource(self) -> bool:
        """Asks for objects, not for a path of the server."""
        return bool(self.resource)


def parse(method: str, path: str, query: Mapping[str, str]) -> RequestInfo:
    """Takes a method and a path apart."""
    parts = [part for part in path.split("/") if part]
    if parts[:1] == ["api"] and len(parts) > 2:
        group, version, parts = "", parts[1], parts[2:]
    elif parts[:1] == ["apis"] and len(parts) > 3:
        group, version, parts = parts[1], parts[2], parts[3:]
    else:
        return RequestInfo(method.lower(), path)
    namespace = ""
    if parts[0] == "namespaces" and len(parts) > 1:
        namespace = parts[1]
        if len(parts) > 2 and parts[2] not in _NAMESPACE_SUBRESOURCES:
            parts = parts[2:]
    resource, name, subresource, *rest = [*parts, "", "", ""][: max(len(parts), 3)]
    return RequestInfo(
        verb=_verb(method, name, query),
        path=path,
        group=group,
        version=version,
        namespace=namespace,
        resource=resource,
        name=name,
        subresource=subresource,
        rest="/".join(part for part in rest if part) + ("/" if path.endswith("/") and any(rest) else ""),
    )


def _verb(method: str, name: str, query: Mapping[str, str]) -> str:
    verb = _VERBS.get(method, "")
    if verb == "get" and not name:
        return "watch" if flag(query, "watch") else "list"
    return "deletecollection" if verb == "delete" and not name else verb


def flag(query: Mapping[str, str], name: str) -> bool:
    """A boolean of the query: present and not `false` or `0`."""
    return query.get(name, "false").lower() not in ("false", "0", "f", "no")


def number(query: Mapping[str, str], name: str) -> int | None:
    """A whole number of the query, or None.

    Raises:
        StatusError: 400, it is not one.
    """
    text = query.get(name, "")
    if not text:
        return None
    try:
        return int(text)
    except ValueError:
        raise _not_a_number(text) from None


def _not_a_number(text: str) -> StatusError:
    return bad_request(f'strconv.ParseInt: parsing "{text}": invalid syntax')


def dry_run(query: Mapping[str, str], verb: str) -> bool:
    """Whether nothing is to be written.

    Raises:
        StatusError: 422, a directive other than `All`.
    """
    value = query.get("dryRun", "")
    if value not in ("", "All"):
        raise invalid_options(verb, unsupported("dryRun", [value], ("All",)))
    return value == "All"


def invalid_options(verb: str, problem: FieldError) -> StatusError:
    """422: the request's options, not the object, break a rule."""
    names = {"create": "CreateOptions", "update": "UpdateOptions", "patch": "PatchOptions", "list": "ListOptions"}
    options = Resource("options", names.get(verb, "DeleteOptions"), "meta.k8s.io")
    return not_valid(options, "", [problem])
