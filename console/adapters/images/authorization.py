"""What a registry that wants a login gets: Basic, or a token from the service that it names.

Rules: distribution.github.io/distribution, "Token authentication" and "OAuth2 token authentication".
"""

from __future__ import annotations

import re
from http import HTTPStatus

import aiohttp
import msgspec

from console.adapters.images.credentials import Login
from console.model.errors import PushError

_CHALLENGE = re.compile(r"(Basic|Bearer)\b([^,]*(?:,\s*\w+=\"[^\"]*\")*)", re.IGNORECASE)
_PARAMETER = re.compile(r'(\w+)="([^"]*)"')
_CLIENT = "stack-console"


class LoginError(PushError):
    """The token service does not accept the login."""


async def authorization(session: aiohttp.ClientSession, challenge: str, login: Login | None, host: str) -> str | None:
    """The `Authorization` header that answers a `WWW-Authenticate`; None where only a login could.

    Raises:
        LoginError: the token service refuses the login.
        aiohttp.ClientError: it does not answer.
    """
    schemes = {found[1].lower(): dict(_PARAMETER.findall(found[2])) for found in _CHALLENGE.finditer(challenge)}
    if "bearer" in schemes:
        return f"Bearer {await _token(session, schemes['bearer'], login, host)}"
    if "basic" in schemes and login and not login.identity:
        return login.basic()
    return None


async def _token(session: aiohttp.ClientSession, wanted: dict[str, str], login: Login | None, host: str) -> str:
    realm = wanted.get("realm", "")
    asked = {name: wanted[name] for name in ("service", "scope") if wanted.get(name)}
    if login and login.identity:
        form = {**asked, "grant_type": "refresh_token", "refresh_token": login.identity, "client_id": _CLIENT}
        request = session.post(realm, data=form)
    else:
        request = session.get(realm, params=asked, headers={"Authorization": login.basic()} if login else {})
    async with request as answer:
        body = await answer.read()
    if answer.status >= 400:
        raise _refused(realm, answer.status, login, host)
    try:
        found = msgspec.json.decode(body, type=dict[str, object])
        return str(found.get("token") or found["access_token"])
    except (msgspec.MsgspecError, KeyError) as error:
        raise PushError(f"{host} gave no token", where=realm, why="its token service answers what is none") from error


def _refused(realm: str, status: int, login: Login | None, host: str) -> LoginError:
    hint = f"log in with `docker login {host}`" + (" again" if login else "")
    who = f"{login.user or 'the identity token'} " if login else "an unknown user "
    words = HTTPStatus(status).phrase.lower() if status in set(HTTPStatus) else "refused"
    why = f"its token service does not accept {who}(HTTP {status}, {words})"
    return LoginError(f"{host} does not let us in", where=realm, why=why, hint=hint)
