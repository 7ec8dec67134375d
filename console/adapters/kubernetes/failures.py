"""What went wrong on the wire, as the one exception tree: what, where, why, and what to do.

Status objects and their reasons follow kubernetes.io, "Kubernetes API Concepts" and apimachinery's `metav1.Status`.
"""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass
from typing import Any, TypeVar

import aiohttp
import msgspec

from console.adapters.errnos import system_words
from console.model.errors import (
    ApplyError,
    BudgetError,
    ConflictError,
    ConsoleError,
    DeniedError,
    FieldConflictError,
    NotFoundError,
    UnreachableError,
)


@dataclass(frozen=True, slots=True)
class Call:
    """A request to the API server, and the words for it.

    `right` names what RBAC must grant ("list pods in todo"), `subject` what it is about ("deployment/backend").
    `attempts` is how often it is sent where the server asks for a pause; 1: that is told at once.
    """

    method: str
    path: str
    right: str
    subject: str
    query: tuple[tuple[str, str], ...] = ()
    body: Any = None
    content_type: str = "application/json"
    attempts: int = 4

    @property
    def only_asks(self) -> bool:
        """True if it changes nothing, so that it may be sent again whatever became of it."""
        return self.method == "GET" or self.dry_run

    @property
    def dry_run(self) -> bool:
        """True if the API server is asked to change nothing."""
        return ("dryRun", "All") in self.query


class Cause(msgspec.Struct, gc=False):
    """One of the causes in a Status: a field and what is wrong with it."""

    reason: str = ""
    message: str = ""
    field: str = ""


class _Details(msgspec.Struct, rename="camel"):
    name: str = ""
    kind: str = ""
    causes: list[Cause] = msgspec.field(default_factory=list)
    retry_after_seconds: int = 0


class Status(msgspec.Struct):
    """The API server's answer when it refuses (metav1.Status). `kind` is empty for another server's words."""

    kind: str = ""
    message: str = ""
    reason: str = ""
    code: int = 0
    details: _Details | None = None

    @property
    def causes(self) -> list[Cause]:
        """The single causes, empty when the server named none."""
        return self.details.causes if self.details else []


T = TypeVar("T")
_STATUS = msgspec.json.Decoder(Status)
_MESSAGE_LIMIT = 2000
_SERVER_REASONS = {"InternalError", "ServiceUnavailable", "Timeout", "ServerTimeout"}


def read_status(body: bytes, code: int) -> Status:
    """The Status in a response's body; of anything else (a proxy's error page) its first words."""
    try:
        return _STATUS.decode(body)
    except msgspec.MsgspecError:
        text = " ".join(body[:_MESSAGE_LIMIT].decode(errors="replace").split())
        return Status(message=text[:200] or f"HTTP {code} without a word", code=code)


def decoded(decoder: msgspec.json.Decoder[T], body: bytes, server: str) -> T:
    """What a body says.

    Raises:
        UnreachableError: it is not what an API server says (cut off, or another server's page).
    """
    try:
        return decoder.decode(body)
    except msgspec.MsgspecError as error:
        hint = "check that the server in the kubeconfig is an API server, and that no proxy answers for it"
        raise UnreachableError("the answer makes no sense", where=server, why=str(error), hint=hint) from error


def refused(call: Call, server: str, status: Status, code: int, pause: float = 0.0) -> ConsoleError:
    """The error for an answer that is not a success; `pause` are the seconds that the server asks to wait."""
    if code == 403 and not _is_admission(status):
        hint = f"ask an administrator for the right to {call.right} on {server}"
        return DeniedError(call.right, why=status.message, hint=hint)
    if code == 401:
        hint = "log in again, or renew the credentials of this context in the kubeconfig"
        return UnreachableError(
            "the API server does not accept the credentials", where=server, why=status.message, hint=hint
        )
    if code == 404:
        return NotFoundError(f"{call.subject} is not there", where=server, why=status.message)
    if code == 409:
        return _conflict(call, status)
    if code == 410:
        hint = "read it again from the start"
        return ConflictError("the version asked for is gone", where=call.subject, why=status.message, hint=hint)
    if code == 429 and any(cause.reason == "DisruptionBudget" for cause in status.causes):
        why = "; ".join(cause.message for cause in status.causes)
        hint = "wait until more of its pods are ready"
        return BudgetError("a disruption budget stands in the way", where=call.subject, why=why, hint=hint)
    if code == 429 or code > 500 or (code == 500 and not _is_about_object(call, status)):
        return _overloaded(server, status, code, pause)
    return _invalid(call, status)


def _is_about_object(call: Call, status: Status) -> bool:
    """Some refusals come as 500: a failing admission webhook, and a field of the wrong type in server-side apply."""
    told = status.kind == "Status" and call.method != "GET"
    return told and ("webhook" in status.message or status.reason not in _SERVER_REASONS)


def _is_admission(status: Status) -> bool:
    """A policy (quota, pod security, webhook) refused the object; for a missing right it says first whose it is."""
    why = status.message.partition(" is forbidden: ")[2]
    said = "exceeded quota" in status.message or "denied the request" in status.message
    return said or (bool(why) and not why.startswith('User "'))


def _conflict(call: Call, status: Status) -> ConsoleError:
    fields = [
        (cause.field.lstrip("."), cause.message) for cause in status.causes if cause.reason == "FieldManagerConflict"
    ]
    if fields:
        why = "; ".join(f"{field}: {message}" for field, message in fields)
        hint = "keep their value by leaving the field out, or take it over with --drift overwrite"
        conflicts = tuple((field, _manager(message)) for field, message in fields)
        what = "other field managers own what would be changed"
        return FieldConflictError(what, conflicts, where=call.subject, why=why, hint=hint)
    exists = status.reason == "AlreadyExists"
    what = "exists already" if exists else "was changed by somebody else meanwhile"
    return ConflictError(what, where=call.subject, why=status.message, hint="look at it again, then try once more")


def _manager(message: str) -> str:
    """The manager's name out of `conflict with "kubectl-edit" using apps/v1`."""
    parts = message.split('"')
    return parts[1] if len(parts) > 2 else message


def _overloaded(server: str, status: Status, code: int, pause: float) -> ConsoleError:
    if code == 429:
        what, hint = "the API server asks to slow down", "wait a little, then try again"
    else:
        what, hint = f"the API server failed (HTTP {code})", "look at the API server's own logs, or try again"
    error = UnreachableError(what, where=server, why=status.message, hint=hint)
    error.retry_after = pause
    return error


def _invalid(call: Call, status: Status) -> ConsoleError:
    causes = "; ".join(f"{cause.field}: {cause.message}" for cause in status.causes if cause.field)
    hint = "correct the manifest" if causes else ""
    return ApplyError("the API server refused it", where=call.subject, why=causes or status.message, hint=hint)


def broken(error: BaseException, server: str) -> UnreachableError:
    """The error for a request that got no answer: nobody listens, no such name, TLS, a timeout, a reset."""
    what, why, hint = _unanswered(error)
    return UnreachableError(what, where=server, why=why, hint=hint)


def _unanswered(error: BaseException) -> tuple[str, str, str]:
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return (
            "the API server's certificate is not trusted",
            _words(error),
            "check certificate-authority in the kubeconfig",
        )
    if isinstance(error, aiohttp.ClientConnectorSSLError | ssl.SSLError):
        return "TLS with the API server failed", _words(error), "check that the server's address is https and its own"
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return (
            "the API server's name is not known",
            _words(error),
            "check the server in the kubeconfig, and the network or VPN",
        )
    if isinstance(error, asyncio.TimeoutError):
        return "the API server did not answer in time", "", "check the network or VPN, and that the cluster is up"
    if isinstance(error, aiohttp.ClientConnectorError):
        return "the API server cannot be reached", _words(error), "check that the cluster is up, and the network or VPN"
    return "the connection to the API server broke", _words(error), "try again; check the network or VPN"


def _words(error: BaseException) -> str:
    """The operating system's or the TLS library's own words, without aiohttp's wrapping."""
    if isinstance(error, aiohttp.ClientPayloadError):
        return "cut off in the middle of an answer"
    inner = getattr(error, "os_error", None) or getattr(error, "certificate_error", None) or error
    if verification := getattr(inner, "verify_message", ""):
        return str(verification)
    return system_words(inner) if isinstance(inner, OSError) else str(inner) or type(inner).__name__
