"""Why a registry does not take an image, in words: what it answered, and what to do."""

from __future__ import annotations

from http import HTTPStatus

import aiohttp
import msgspec

from console.adapters.errnos import system_words
from console.model.errors import PushError


def refused(name: str, prefix: str, status: int, body: bytes) -> PushError:
    """The error for an answer of a registry.

    Args:
        name: of the image.
        prefix: the registry, with the path in it.
        status: of HTTP.
        body: what came with it.
    """
    return why_refused(name, prefix, status, _words(body) or f"HTTP {status}")


def why_refused(name: str, prefix: str, status: int, words: str) -> PushError:
    """The error for a status of HTTP and the registry's own words."""
    what, host = f"{name} cannot be pushed", prefix.partition("/")[0]
    if status == HTTPStatus.UNAUTHORIZED:
        hint = f"log in with `docker login {host}`, or let an administrator allow anonymous pushes"
        return PushError(what, where=prefix, why=f"the registry wants a login: {words}", hint=hint)
    if status == HTTPStatus.FORBIDDEN:
        hint = "ask for the right to push there, or name another registry in stack.yaml"
        return PushError(what, where=prefix, why=f"the registry does not allow it: {words}", hint=hint)
    if status >= 500:
        hint = "look whether the registry's disk is full, and at its own logs"
        return PushError(what, where=prefix, why=f"the registry failed (HTTP {status}): {words}", hint=hint)
    hint = "check the registry's address in stack.yaml, and that it allows pushes"
    return PushError(what, where=prefix, why=f"the registry refused (HTTP {status}): {words}", hint=hint)


def unreachable(prefix: str, error: Exception) -> PushError:
    """The error for a registry that did not answer."""
    if isinstance(error, TimeoutError):
        why = "it did not answer in time"
    elif isinstance(error, aiohttp.ClientConnectorError):
        why = system_words(error.os_error)
    else:
        why = str(error) or type(error).__name__
    hint = "check that the registry is up, and its address in stack.yaml"
    return PushError("the registry cannot be reached", where=prefix, why=why, hint=hint)


def _words(body: bytes) -> str:
    """The messages of an error answer (OCI Distribution Specification, Error Codes)."""
    try:
        errors = msgspec.json.decode(body)["errors"]
        return "; ".join(str(error.get("message") or error.get("code")) for error in errors)
    except (msgspec.MsgspecError, KeyError, TypeError, AttributeError):
        return " ".join(body[:500].decode(errors="replace").split())[:200]
