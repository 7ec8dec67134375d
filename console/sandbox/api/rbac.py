"""May this user do this? Roles and bindings, as Kubernetes evaluates them (`plugin/pkg/auth/authorizer/rbac`)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from console.sandbox.api.errors import StatusError, forbidden
from console.sandbox.api.requests import RequestInfo
from console.sandbox.api.resources import RESOURCES, Object, Resource
from console.sandbox.api.selectors import Selector
from console.sandbox.api.users import MASTERS, User

if TYPE_CHECKING:
    from console.sandbox.api.machinery import Machinery

_GRANTING = ("roles", "clusterroles", "rolebindings", "clusterrolebindings")


@dataclass(frozen=True, slots=True)
class Attributes:
    """One action: a verb on a resource, or on a path that is none."""

    verb: str
    namespace: str = ""
    group: str = ""
    resource: str = ""
    subresource: str = ""
    name: str = ""
    path: str = ""

    @classmethod
    def of(cls, info: RequestInfo) -> Attributes:
        """What a request does."""
        if not info.is_resource:
            return cls(info.verb, path=info.path)
        return cls(info.verb, info.namespace, info.group, info.resource, info.subresource, info.name)

    @property
    def target(self) -> str:
        """The resource with its subresource, as rules name it: `pods/log`."""
        return f"{self.resource}/{self.subresource}" if self.subresource else self.resource


class Authorizer:
    """Evaluates the roles and bindings that are in the cluster now.

    Args:
        machinery: where they are.
    """

    def __init__(self, machinery: Machinery) -> None:
        self._machinery = machinery

    def allowed(self, user: User, action: Attributes) -> bool:
        """Whether some rule grants the action. `system:masters` may do everything."""
        if MASTERS in user.groups:
            return True
        return any(_grants(rule, action) for rule in self.rules(user, action.namespace))

    def check(self, user: User, action: Attributes) -> None:
        """Lets the action pass or refuses it.

        Raises:
            StatusError: 403, in Kubernetes' words.
        """
        if not self.allowed(user, action):
            raise _forbidden(user, action)

    def rules(self, user: User, namespace: str) -> Iterator[Object]:
        """Every rule that the user has in a namespace, those for the whole cluster included."""
        for binding in self._machinery.list("clusterrolebindings"):
            if _binds(binding, user, ""):
                yield from self._role_rules(binding["roleRef"], "")
        for binding in self._machinery.list("rolebindings", namespace) if namespace else ():
            if _binds(binding, user, namespace):
                yield from self._role_rules(binding["roleRef"], namespace)

    def check_grant(self, user: User, kind: Resource, obj: Object) -> None:
        """Nobody hands out rights that they do not have, by a role or by a binding to one.

        Raises:
            StatusError: 403, naming the rules that the user lacks.
        """
        if MASTERS in user.groups or kind.name not in _GRANTING:
            return
        namespace = obj["metadata"].get("namespace", "")
        rules = self._role_rules(obj["roleRef"], namespace) if "roleRef" in obj else obj.get("rules") or ()
        lacking = [each for each in rules if not self._holds(user, namespace, each)]
        if lacking:
            shown = "\n".join(_rule_text(each) for each in lacking)
            groups = json.dumps(list(user.groups))
            why = f'user "{user.name}" (groups={groups}) is attempting to grant RBAC permissions not currently held:'
            raise forbidden(kind, obj["metadata"]["name"], f"{why}\n{shown}")

    def _holds(self, user: User, namespace: str, rule: Object) -> bool:
        wanted = [
            Attributes(verb, namespace, group, *_split(resource), name=name)
            for verb in rule.get("verbs") or ()
            for group in rule.get("apiGroups") or ()
            for resource in rule.get("resources") or ()
            for name in rule.get("resourceNames") or ("",)
        ]
        wanted += [Attributes(verb, path=path) for verb in rule["verbs"] for path in rule.get("nonResourceURLs") or ()]
        return all(self.allowed(user, each) for each in wanted)

    def _role_rules(self, reference: Object, namespace: str) -> Iterable[Object]:
        if reference["kind"] == "Role":
            role = self._machinery.find("roles", namespace, reference["name"])
        else:
            role = self._machinery.find("clusterroles", "", reference["name"])
        if role is None:
            return
        yield from role.get("rules") or ()
        for each in (role.get("aggregationRule") or {}).get("clusterRoleSelectors") or ():
            for part in self._machinery.list("clusterroles", labels=Selector.of(each)):
                yield from part.get("rules") or ()


def _split(resource: str) -> tuple[str, str]:
    name, _, subresource = resource.partition("/")
    return name, subresource


def _rule_text(rule: Object) -> str:
    names = ("apiGroups", "resources", "resourceNames", "nonResourceURLs", "verbs")
    parts = [f"{each[0].upper()}{each[1:]}:{json.dumps(rule[each])}" for each in names if rule.get(each)]
    return f"{{{', '.join(parts)}}}".replace("ApiGroups", "APIGroups")


def _binds(binding: Object, user: User, namespace: str) -> bool:
    return any(_is(subject, user, namespace) for subject in binding.get("subjects") or ())


def _is(subject: Object, user: User, namespace: str) -> bool:
    kind, name = subject["kind"], subject["name"]
    if kind == "ServiceAccount":
        return user.name == f"system:serviceaccount:{subject.get('namespace') or namespace}:{name}"
    return name in user.groups if kind == "Group" else bool(name == user.name)


def _grants(rule: Object, action: Attributes) -> bool:
    if not _has(rule.get("verbs"), action.verb):
        return False
    if not action.resource:
        return any(_path(each, action.path) for each in rule.get("nonResourceURLs") or ())
    names = rule.get("resourceNames")
    return (
        _has(rule.get("apiGroups"), action.group)
        and _resource(rule.get("resources") or (), action)
        and (not names or action.name in names)
    )


def _has(given: list[str] | None, wanted: str) -> bool:
    return bool(given) and ("*" in given or wanted in given)  # type: ignore[operator]


def _resource(resources: Iterable[str], action: Attributes) -> bool:
    accepted = {"*", action.target} | ({f"*/{action.subresource}"} if action.subresource else set())
    return any(each in accepted for each in resources)


def _path(pattern: str, path: str) -> bool:
    return pattern == path or (pattern.endswith("*") and path.startswith(pattern[:-1]))


def _forbidden(user: User, action: Attributes) -> StatusError:
    if not action.resource:
        message = f'forbidden: User "{user.name}" cannot {action.verb} path "{action.path}"'
        return StatusError(403, "Forbidden", message, {})
    known = RESOURCES.get(action.resource)
    group = action.group
    qualified = f"{action.resource}.{group}" if group else action.resource
    subject = f'{qualified} "{action.name}"' if action.name else qualified
    namespaced = action.namespace and (known is None or known.namespaced)
    where = f'in the namespace "{action.namespace}"' if namespaced else "at the cluster scope"
    message = (
        f'{subject} is forbidden: User "{user.name}" cannot {action.verb} resource "{action.target}" '
        f'in API group "{group}" {where}'
    )
    details = {"name": action.name, "group": group, "kind": action.resource}
    return StatusError(403, "Forbidden", message, {key: value for key, value in details.items() if value})
