"""Who sent this request: bearer tokens, and impersonation by those who may."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from aiohttp import web

from console.sandbox.api.errors import unauthorized
from console.sandbox.api.rbac import Attributes, Authorizer
from console.sandbox.api.users import AUTHENTICATED, User
from console.sandbox.pki import ISSUER, Authority, ServiceAccountToken

if TYPE_CHECKING:
    from console.sandbox.api.machinery import Machinery

ANONYMOUS = User("system:anonymous", ("system:unauthenticated",))


class Authenticator:
    """Turns a request's headers into a user.

    Args:
        authority: knows the tokens.
        machinery: knows which service accounts still exist.
    """

    def __init__(self, authority: Authority, machinery: Machinery, authorizer: Authorizer) -> None:
        self._authority = authority
        self._machinery = machinery
        self._authorizer = authorizer

    def user(self, request: web.Request) -> User:
        """The user, or whom the user acts as (`kubectl --as`).

        Raises:
            StatusError: 401 the token is not known, 403 may not act as that user.
        """
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        user = self.by_token(token.strip()) if scheme.lower() == "bearer" else ANONYMOUS
        if user is None:
            raise unauthorized()
        return self._impersonated(user, request)

    def by_token(self, token: str, audiences: Collection[str] = (ISSUER,)) -> User | None:
        """The user of a token, or None: not known, for others, ended, or its service account is gone."""
        if user := self._authority.static_user(token):
            return user
        claims = self._authority.claims(token)
        if not claims or not set(audiences) & set(claims["aud"]):
            return None
        account = ServiceAccountToken.of(claims)
        found = self._machinery.find("serviceaccounts", account.namespace, account.name)
        return account.user if found and found["metadata"]["uid"] == account.uid else None

    def _impersonated(self, user: User, request: web.Request) -> User:
        name = request.headers.get("Impersonate-User")
        if not name:
            return user
        groups = tuple(request.headers.getall("Impersonate-Group", ()))
        self._authorizer.check(user, _impersonation(name))
        for group in groups:
            self._authorizer.check(user, Attributes("impersonate", resource="groups", name=group))
        if not groups and name.startswith("system:serviceaccount:"):
            groups = ("system:serviceaccounts", f"system:serviceaccounts:{name.split(':')[2]}")
        return User(name, tuple(dict.fromkeys((*groups, AUTHENTICATED))))


def _impersonation(name: str) -> Attributes:
    parts = name.split(":")
    if name.startswith("system:serviceaccount:") and len(parts) == 4:
        return Attributes("impersonate", parts[2], resource="serviceaccounts", name=parts[3])
    return Attributes("impersonate", resource="users", name=name)
