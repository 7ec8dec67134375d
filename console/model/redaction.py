"""What must never be shown: one streaming matcher that stands before every sink.

Searched are the values of the stack's Secrets, plain and in the encodings in which they travel, and the user info of
URL-shaped ones. Where Secrets may not be read, names of keys and URLs with user info stand in.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Iterable, Iterator
from urllib.parse import quote, urlsplit

from console.model.stack import JSON

MASK = "•••"
SHORTEST = 8
"""Bytes. Shorter values occur by chance, so they are not searched, and listed instead."""
_MASK = MASK.encode()
_LONGEST_LINE = 8192
_WORDS = (b"password", b"passwd", b"secret", b"token", b"api_key", b"api-key", b"apikey", b"credential")
_BY_NAME = re.compile(
    rb"(?i)((?:password|passwd|secret|token|api[_-]?key|credential)[a-z0-9_.-]*[\"']?\s*[=:]\s*[\"']?)([^\s\"',;&]{3,})"
)
_BY_SCHEME = re.compile(rb"(?i)(\bbearer\s+)[a-z0-9._~+/-]{8,}=*")
_BY_URL = re.compile(rb"(://)[^\s/@\"']+@")
# What stands for a pattern is its rarest byte with the two that follow: so most text is passed over at full speed.
_COMMON = b" eta0o1i2n3s4r5h6l7d8c9u.m:f-p/g,w_=y\"b'v[]{}()k\n\tTASECRINODMLPFGUBHVWx"
_RARITY = {byte: rank for rank, byte in enumerate(reversed(_COMMON), 1)}
_KEY = 3
_HEAD = 4


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
        self._at: dict[bytes, list[tuple[int, bytes]]] = {}
        self._search: re.Pattern[bytes] | None = None
        self._heads: dict[bytes, list[bytes]] = {}
        self._starts: set[bytes] = set()
        self._longest = 1
        self._of_lines: list[bytes] = []

    def add(self, name: str, value: str) -> None:
        """Makes a value sensitive from now on, also for streams that are open.

        Args:
            name: what the value is called, like `secret/postgres DATABASE_URL`.
            value: is searched plain, JSON-escaped, URL-encoded and in base64.
        """
        if 0 < len(value.encode()) < SHORTEST and name not in self.too_short:
            self.too_short.append(name)
        new = {form for form in _forms(value) if len(form) >= SHORTEST} - self._patterns
        if new:
            self._patterns |= new
            for form in new:
                self._learn(form)
            self._search = _compile(self._at)

    def _learn(self, form: bytes) -> None:
        offset = min(range(len(form) - _KEY + 1), key=lambda at: _RARITY.get(form[at], 0))
        self._at.setdefault(form[offset : offset + _KEY], []).append((offset, form))
        if b"\n" in form:
            self._of_lines.append(form)
            return
        self._heads.setdefault(form[:_HEAD], []).append(form)
        self._starts |= {form[:size] for size in range(1, _HEAD)}
        self._longest = max(self._longest, len(form))

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
        return _by_pattern(data) if self.by_pattern else data

    def finds(self, data: bytes) -> bool:
        """Whether any of the values that were added stands in the data."""
        return bool(self._found(data))

    def _found(self, data: bytes) -> list[tuple[int, int]]:
        """Where sensitive bytes begin and end; what overlaps is one."""
        if self._search is None:
            return []
        found = []
        for match in self._search.finditer(data):
            at = match.start()
            for offset, form in self._at[data[at : at + _KEY]]:
                if offset <= at and data.startswith(form, at - offset):
                    found.append((at - offset, at - offset + len(form)))
        spans: list[tuple[int, int]] = []
        for start, stop in sorted(found):
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
        end = self._begun(data)
        if self.by_pattern:
            end = min(end, max(data.rfind(b"\n") + 1, len(data) - _LONGEST_LINE))
        spanning = (start for start, stop in self._found(data) if start < end < stop) if end < len(data) else ()
        return next(iter(spanning), end)

    def _begun(self, data: bytes) -> int:
        """Where the first pattern begins that the data breaks off in; the data's length if there is none."""
        return min([self._begun_line(data), *(_breaks_off(data, form) for form in self._of_lines)])

    def _begun_line(self, data: bytes) -> int:
        """Among patterns of one line, which the end of a line ends."""
        for at in range(max(data.rfind(b"\n") + 1, len(data) - self._longest + 1), len(data)):
            rest = data[at:]
            if len(rest) < _HEAD:
                if rest in self._starts:
                    return at
            elif any(form.startswith(rest) for form in self._heads.get(rest[:_HEAD], ())):
                return at
        return len(data)


def _by_pattern(data: bytes) -> bytes:
    """Masks by names of keys and by URLs; most data has none of the words, which is seen at once."""
    lower = data.lower()
    if b"://" in lower:
        data = _BY_URL.sub(rb"\1" + _MASK + b"@", data)
    if b"bearer" in lower:
        data = _BY_SCHEME.sub(rb"\1" + _MASK, data)
    return _BY_NAME.sub(rb"\1" + _MASK, data) if any(word in lower for word in _WORDS) else data


def _compile(keys: Iterable[bytes]) -> re.Pattern[bytes]:
    """Finds where one of these begins; each match is one byte long, so that none hides another."""
    firsts: dict[int, dict[int, set[int]]] = {}
    for first, second, third in keys:
        firsts.setdefault(first, {}).setdefault(second, set()).add(third)
    return re.compile(
        b"|".join(
            _one_of([first])
            + b"(?="
            + b"|".join(_one_of([second]) + _one_of(thirds) for second, thirds in then.items())
            + b")"
            for first, then in firsts.items()
        )
    )


def _breaks_off(data: bytes, form: bytes) -> int:
    """Where the form begins of which the data has the start only, at its end; the data's length if it has not."""
    at = data.find(form[:1], max(0, len(data) - len(form) + 1))
    while at >= 0:
        if form.startswith(data[at:]):
            return at
        at = data.find(form[:1], at + 1)
    return len(data)


def _one_of(choice: Iterable[int]) -> bytes:
    return b"[" + b"".join(b"\\x%02x" % byte for byte in sorted(choice)) + b"]"


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


def _forms(value: str) -> Iterator[bytes]:
    """What is searched for a value. The lines of a long one may come one by one; only the whole travels encoded."""
    for part in (value, *_user_info(value)):
        yield part.encode()
        yield json.dumps(part)[1:-1].encode()
        yield json.dumps(part, ensure_ascii=False)[1:-1].encode()
        yield quote(part, safe="").encode()
        yield from _base64(part.encode())
    if "\n" in value:
        yield from (line.strip().encode() for line in value.splitlines() if not line.startswith("-----"))


def _user_info(value: str) -> Iterator[str]:
    """Of a URL, who asks: `user:password`, and the password alone."""
    try:
        place = urlsplit(value)
    except ValueError:
        return
    if place.scheme and "@" in place.netloc:
        yield place.netloc.rpartition("@")[0]
        yield place.password or ""


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
