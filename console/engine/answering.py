"""What an answer says of a request: whether it failed, why, and whose address a proxy did not reach. Pure."""

from __future__ import annotations

import re
from http import HTTPStatus

from console.engine.ports import Answer

_FAILED = frozenset({404, 429})
_IP = re.compile(r"(?<![\w.:])(\d{1,3}(?:\.\d{1,3}){3}(?!\.?\w)|\[[0-9a-fA-F:]+\])(?::\d+)?")
_REASONS = {
    "connection refused": "connection refused",
    "connection reset": "connection reset",
    "without an answer": "the connection was closed without an answer",
    "eof": "the connection was closed without an answer",
    "no endpoints available": "no endpoints: no pod is ready",
    "timeout": "the pod did not answer in time",
}


def reason_of(answer: Answer) -> str:
    """Why a request failed, empty if it did not."""
    if answer.status is not None and answer.status < 500 and answer.status not in _FAILED:
        return ""
    if answer.status is None:
        known = (words for sign, words in _REASONS.items() if sign in answer.text.lower())
        return next(known, " ".join(_IP.sub("a pod", answer.text).split())[:120])
    try:
        return f"{answer.status} {HTTPStatus(answer.status).phrase}"
    except ValueError:
        return str(answer.status)


def addresses_in(text: str) -> list[str]:
    """The IP addresses that stand in a text, in their order: `dial tcp 10.0.0.7:8000: connect: connection refused`."""
    return [found[1].strip("[]") for found in _IP.finditer(text)]
