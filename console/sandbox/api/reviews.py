"""Questions about rights and identity: access reviews, rules reviews, token reviews, who am I."""

from __future__ import annotations

from console.sandbox.api import decoding
from console.sandbox.api.authentication import Authenticator
from console.sandbox.api.context import Context
from console.sandbox.api.errors import bad_request, invalid, method_not_allowed, not_valid
from console.sandbox.api.rbac import Attributes, Authorizer
from console.sandbox.api.resources import Object, Resource
from console.sandbox.api.users import User
from console.sandbox.pki import ISSUER


class Reviews:
    """Answers the kinds that are created to ask something and are not stored."""

    def __init__(self, authorizer: Authorizer, authenticator: Authenticator) -> None:
        self._authorizer = authorizer
        self._authenticator = authenticator

    async def answer(self, context: Context, kind: Resource) -> Object:
        """The review with its `status` filled in.

        Raises:
            StatusError: 400 not such a review, 405 not a creation.
        """
        if context.info.verb != "create":
            raise method_not_allowed()
        body = await context.body()
        review, _ = decoding.decode(kind, {} if body is None else body)
        review.setdefault("metadata", {})
        spec = review.get("spec") or {}
        if kind.kind == "SelfSubjectReview":
            return review | {"status": {"userInfo": _user_info(context.user)}}
        if kind.kind == "TokenReview":
            return review | {"status": self._token(spec.get("token", ""), spec.get("audiences") or [ISSUER])}
        if kind.kind == "SelfSubjectRulesReview":
            return review | {"status": self._rules(context.user, spec.get("namespace", ""))}
        user = context.user if kind.kind == "SelfSubjectAccessReview" else _subject(spec)
        return review | {"status": self._access(user, spec)}

    def _access(self, user: User, spec: Object) -> Object:
        allowed = self._authorizer.allowed(user, _attributes(spec))
        return {"allowed": allowed} | ({} if allowed else {"reason": ""})

    def _token(self, token: str, audiences: list[str]) -> Object:
        user = self._authenticator.by_token(token, audiences)
        if user is None:
            return {"authenticated": False, "error": "invalid bearer token"}
        return {"authenticated": True, "user": _user_info(user), "audiences": audiences}

    def _rules(self, user: User, namespace: str) -> Object:
        rules = list(self._authorizer.rules(user, namespace))
        if self._authorizer.allowed(user, Attributes("*", resource="*", group="*")):
            anything = {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}
            rules.append(anything | {"nonResourceURLs": ["*"]})
        return {
            "resourceRules": [
                {key: each[key] for key in ("verbs", "apiGroups", "resources", "resourceNames") if key in each}
                for each in rules
                if each.get("resources")
            ],
            "nonResourceRules": [
                {"verbs": each["verbs"], "nonResourceURLs": each["nonResourceURLs"]}
                for each in rules
                if each.get("nonResourceURLs")
            ],
            "incomplete": False,
        }


def _attributes(spec: Object) -> Attributes:
    resource, path = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
    if bool(resource) == bool(path):
        why = "exactly one of nonResourceAttributes or resourceAttributes must be specified"
        named = Resource("", "", "authorization.k8s.io")
        raise not_valid(named, "", [invalid("spec.resourceAttributes", resource, why)])
    if path:
        return Attributes(path.get("verb", ""), path=path.get("path", ""))
    names = ("verb", "namespace", "group", "resource", "subresource", "name")
    return Attributes(**{name: (resource or {}).get(name, "") for name in names})


def _subject(spec: Object) -> User:
    if not spec.get("user") and not spec.get("groups"):
        raise bad_request('spec.user: Invalid value: "": at least one of user or group must be specified')
    return User(spec.get("user", ""), tuple(spec.get("groups") or ()))


def _user_info(user: User) -> Object:
    info: Object = {"username": user.name, "groups": list(user.groups)}
    return info | ({"uid": user.uid} if user.uid else {})
