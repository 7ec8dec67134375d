"""What must never be shown: one streaming matcher that stands before every sink.

Searched are the values of the stack's Secrets, plain and in the encodings in which they travel, and the user info of
URL-shaped ones. Where Secrets may not be read, names of keys and URLs with user info stand in.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Iterator
from urllib.parse import quote, urlsplit

from console.model.stack import JSON

MASK = "•••"
SHORTEST = 8
"""Bytes. Shorter values occur by chance, so they are not searched, and listed instead."""
_MASK = MASK.encode()
_LONGEST_LINE = 8192
_KEYS = rb"(?:[A-Za-z0-9_.-]*(?:password|passwd|secret|token|api[_-]?key|credential)[A-Za-z0-9_.-]*)"
_BY_NAME = re.compile(rb"(?i)(" + _KEYS + rb"[\"']?\s*[=:]\s*[\"']?)([^\s\"',;&]{3,})")
_BY_URL = re.compile(rb"([a-zA-Z][a-zA-Z0-9+.-]*://)[^\s/@\"']+@")


class Redactor:
    """Knows what is sensitive, and masks it.

    Attributes:
        by_pattern: True where the values of Secrets cannot be read: names of keys and URLs are searched instead.
        too_short: the names of values that are too short to be searched.
    """

    def __init__(self) -> None:
        self.by_pattern = False
        self.too_short: list[str] = []
        self._patterns: set[bytes] = set()
        self._prefixes: set[bytes] = set()
        self._longest = 1
        self._search: re.Pattern[bytes] | None = None
        self._overlapping: re.Pattern[bytes] | None = None

    def add(self, name: str, value: str) -> None:
        """Makes a value sensitive from now on, also for streams that are open.

        Args:
            name: what the value is called, like `secret/postgres DATABASE_URL`.
            value: is searched plain, JSON-escaped, URL-encoded and in base64.
        """
        parts = {part for part in _parts(value) if len(part.encode()) >= SHORTEST}
        if len(value.encode()) < SHORTEST and value and name not in self.too_short:
            self.too_short.append(name)
        new = {form for part in parts for form in _forms(part)} - self._patterns
        if new:
            self._patterns |= new
            self._longest = max(map(len, self._patterns))
            self._prefixes |= {form[:end] for form in new for end in range(1, len(form))}
            longest_first = b"|".join(map(re.escape, sorted(self._patterns, key=len, reverse=True)))
            # A look-ahead finds what overlaps, too; the plain search tells quickly that there is nothing.
            self._search, self._overlapping = re.compile(longest_first), re.compile(b"(?=(" + longest_first + b"))")

    def text(self, text: str) -> str:
        """The text with everything sensitive masked."""
        return self.data(text.encode(errors="surrogateescape")).decode(errors="surrogateescape")

    def data(self, data: bytes) -> bytes:
        """The bytes with everything sensitive masked."""
        shown, end = [], 0
        for start, stop in self._found(data):
            shown += [data[end:start], _MASK]
            end = stop
        data = b"".join((*shown, data[end:])) if shown else data
        if self.by_pattern:
            data = _BY_URL.sub(rb"\1" + _MASK + b"@", data)
            data = _BY_NAME.sub(rb"\1" + _MASK, data)
        return data

    def _found(self, data: bytes) -> list[tuple[int, int]]:
        """Where sensitive bytes begin and end; what overlaps is one."""
        if self._search is None or self._overlapping is None or not self._search.search(data):
            return []
        spans: list[tuple[int, int]] = []
        for match in self._overlapping.finditer(data):
            start, stop = match.span(1)
            if spans and start < spans[-1][1]:
                spans[-1] = (spans[-1][0], max(stop, spans[-1][1]))
            else:
                spans.append((start, stop))
        return spans

    def stream(self) -> StreamRedactor:
        """A matcher for one stream, which finds what is split over its chunks."""
        return StreamRedactor(self)

    def cut(self, data: bytes) -> int:
        """Up to where a stream can be shown: what follows may go on as something sensitive."""
        tails = range(min(len(data), self._longest - 1), 0, -1)
        end = len(data) - next((size for size in tails if data[-size:] in self._prefixes), 0)
        if self.by_pattern:
            end = min(end, max(data.rfind(b"\n") + 1, len(data) - _LONGEST_LINE))
        spanning = (start for start, stop in self._found(data) if start < end < stop)
        return next(spanning, end)


class StreamRedactor:
    """Masks a stream chunk by chunk; holds back only what may be the beginning of something sensitive."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._held = b""

    def feed(self, chunk: bytes) -> bytes:
        """What can be shown after this chunk."""
        whole = self._held + chunk
        end = self._redactor.cut(whole)
        self._held = whole[end:]
        return self._redactor.data(whole[:end])

    def flush(self) -> bytes:
        """What was held back, at the end of the stream or when nothing more comes for a while."""
        rest, self._held = self._held, b""
        return self._redactor.data(rest)


def _parts(value: str) -> Iterator[str]:
    """The value, its long lines, and of a URL the user info and the password."""
    yield value
    if "\n" in value:
        yield from (line.strip() for line in value.splitlines() if not line.startswith("-----"))
    try:
        place = urlsplit(value)
    except ValueError:
        return
    if place.scheme and "@" in place.netloc:
        yield place.netloc.rpartition("@")[0]
        yield place.password or ""


def _forms(value: str) -> Iterator[bytes]:
    plain = value.encode()
    yield plain
    yield json.dumps(value)[1:-1].encode()
    yield json.dumps(value, ensure_ascii=False)[1:-1].encode()
    yield quote(value, safe="").encode()
    yield from _base64(plain)


def _base64(plain: bytes) -> Iterator[bytes]:
    """The value as it looks inside of base64, at each of the three alignments, without the characters at the edges."""
    for offset in range(3):
        encoded = b64encode(bytes(offset) + plain)
        begin, end = -(-offset * 8 // 6), (offset + len(plain)) * 8 // 6
        yield encoded[begin:end]
        yield encoded[begin:end].replace(b"+", b"-").replace(b"/", b"_")


def mask_object(body: JSON) -> JSON:
    """A copy of an object in which no value of a Secret stands."""
    if body.get("kind") != "Secret":
        return body
    masked = dict(body)
    for part in ("data", "stringData"):
        if body.get(part):
            masked[part] = dict.fromkeys(body[part], MASK)
    metadata = dict(body.get("metadata") or {})
    annotations = dict(metadata.get("annotations") or {})
    if annotations.pop("kubectl.kubernetes.io/last-applied-configuration", None) is not None:
        masked["metadata"] = metadata | {"annotations": annotations}
    return masked
