"""Reads plain English sentences about tasks, by rules: the same words always mean the same. No model, no network."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

State = Literal["all", "open", "done"]


@dataclass(frozen=True)
class Target:
    """Which tasks are meant: by number, by words of the title, or all of a state."""

    numbers: tuple[int, ...] = ()
    words: str = ""
    every: State | None = None


@dataclass(frozen=True)
class Add:
    """Add a task."""

    title: str


@dataclass(frozen=True)
class Show:
    """List tasks."""

    state: State


@dataclass(frozen=True)
class Change:
    """Complete, reopen or delete tasks."""

    verb: Literal["complete", "reopen", "delete"]
    target: Target


@dataclass(frozen=True)
class Rename:
    """Give a task another title."""

    target: Target
    title: str


@dataclass(frozen=True)
class Help:
    """Greetings, and questions what one can say."""


@dataclass(frozen=True)
class Unknown:
    """Words that no rule understands."""

    text: str


Wish = Add | Show | Change | Rename | Help | Unknown

_COMPLETE = (
    r"(?:complete|finish|close|tick off|tick|check off|check|mark|done with"
    r"|i(?:'ve| have)? (?:did|done|finished|completed))"
)
_REOPEN = r"(?:re-?open|uncheck|untick|un-?do)"
_DELETE = r"(?:delete|remove|drop|forget|cancel|get rid of)"
_ADD = (
    r"(?:add|create|new|make|remember|note|remind me|don't forget|do not forget"
    r"|i (?:must|need to|have to|should|want to))"
)
_SHOW = r"(?:show|list|display|print|what|which|how many|give me|tell me|do i have|is there|are there)"
_RENAME = r"(?:rename|change|edit)"
_POLITE = re.compile(
    r"^(?:(?:please|ok|okay|and|also|then|now|hey|so|just)\b[ ,]*|(?:can|could|would|will) you (?:please )?)+", re.I
)
_THANKS = re.compile(r"(?:[\s.!]|,? (?:please|thanks|thank you))+$", re.I)
_VERBS = rf"(?:please |also )*(?:{_ADD}|{_COMPLETE}|{_REOPEN}|{_DELETE}|{_RENAME}|{_SHOW})\b"
# A sentence ends at a line's end, `;`, `.` `!` `?`, or where a comma, "and" or "then" is followed by another verb.
_BETWEEN = re.compile(rf"[\n;]+|(?<=[.!?])\s+|(?:,\s*|\s+)(?:and then|and|then)\s+(?={_VERBS})|,\s*(?={_VERBS})", re.I)
_QUOTED = re.compile(r"[\"“”]([^\"“”]+)[\"“”]")
_NUMBERS = re.compile(r"^(?:tasks?|numbers?|and|[\s,&#]|\d)*\d$", re.I)
_EVERY = re.compile(
    r"^(?:everything"
    r"|(?:all|every)(?: of)?(?: the| my)?(?: (open|done|finished|completed))?(?: (?:tasks?|ones?|of them))?)$",
    re.I,
)


def read_wishes(text: str) -> list[Wish]:
    """What a text asks for, in order. Words in quotes are kept together; what is not understood is there as Unknown."""
    quotes: list[str] = []

    def lift(match: re.Match[str]) -> str:
        quotes.append(match[1].strip())
        return f"\x01{len(quotes) - 1}\x02"

    lifted = _QUOTED.sub(lift, text.replace("\u2019", "'"))
    clauses = (_THANKS.sub("", _POLITE.sub("", part.strip())) for part in _BETWEEN.split(lifted) if part)
    return [_read(clause, lambda words: _put_back(words, quotes)) for clause in clauses if clause.strip("?,. ")]


def _put_back(words: str, quotes: list[str]) -> str:
    return re.sub("\x01(\\d+)\x02", lambda match: quotes[int(match[1])], words).strip()


def _read(clause: str, plain: Callable[[str], str]) -> Wish:
    for pattern, make in _RULES:
        if match := pattern.match(clause):
            groups = [plain(group or "") for group in match.groups()]
            if wish := make(groups):
                return wish
    return Unknown(plain(clause))


def _rule(
    pattern: str, make: Callable[[list[str]], Wish | None]
) -> tuple[re.Pattern[str], Callable[[list[str]], Wish | None]]:
    return re.compile(rf"^{pattern}$", re.IGNORECASE), make


def _add(groups: list[str]) -> Wish | None:
    return Add(groups[0]) if groups[0] else None


def _change(verb: Literal["complete", "reopen", "delete"]) -> Callable[[list[str]], Wish | None]:
    def make(groups: list[str]) -> Wish | None:
        target = _target(groups[0], "done" if verb == "reopen" else "all" if verb == "delete" else "open")
        return Change(verb, target) if target else None

    return make


def _rename(groups: list[str]) -> Wish | None:
    target = _target(groups[0], None)
    return Rename(target, groups[1]) if target and groups[1] else None


def _show(groups: list[str]) -> Wish:
    words = set(re.findall(r"\w+", groups[0].lower()))
    if words & {"done", "finished", "completed", "complete", "closed"}:
        return Show("done")
    if words & {"all", "everything", "every"}:
        return Show("all")
    return Show("open")


def _target(words: str, every: State | None) -> Target | None:
    """Reads "3", "task 3 and 4", "all done tasks" or words of a title; None for nothing, or all where one is needed."""
    words = re.sub(r"^(?:the|my)\s+", "", words.strip(" ?,."), flags=re.IGNORECASE)
    if not words:
        return None
    if _NUMBERS.match(words):
        return Target(numbers=tuple(dict.fromkeys(int(number) for number in re.findall(r"\d+", words))))
    if match := _EVERY.match(words):
        named = (match[1] or "").lower()
        return Target(every="open" if named == "open" else "done" if named else every) if every else None
    return Target(words=re.sub(r"^tasks?\s+|\s+tasks?$", "", words, flags=re.IGNORECASE))


_RULES = [
    _rule(
        r"(?:help|hi|hello|hey|what can (?:you|i) (?:do|say|ask)|how does this work)(?: there)?\??", lambda _: Help()
    ),
    _rule(r"(?:put|add) (.+?) (?:on|onto|to) (?:my|the) (?:to-?do )?(?:list|tasks)", _add),
    _rule(r"(?:add|create|make|new)(?: (?:a|an|another))?(?: new)? task(?: called| named| to)?[: ]+(.+)", _add),
    _rule(r"(?:remind me|don't forget|do not forget|remember|note)(?: to)?[: ]+(.+)", _add),
    _rule(r"i (?:must|need to|have to|should|want to) (.+)", _add),
    _rule(rf"{_RENAME} (.+?) (?:to|into|as|:) (.+)", _rename),
    _rule(rf"{_REOPEN} (.+)", _change("reopen")),
    _rule(r"mark (.+?) (?:as )?(?:open|not done|undone|todo)", _change("reopen")),
    _rule(rf"{_COMPLETE} (.+?)(?: (?:as|is|are))? (?:done|complete|completed|finished|off)", _change("complete")),
    _rule(rf"{_COMPLETE} (.+)", _change("complete")),
    _rule(rf"{_DELETE} (.+?)(?: from (?:my|the) (?:to-?do )?list)?", _change("delete")),
    _rule(r"(.+?) (?:is|are) (?:done|complete|completed|finished)", _change("complete")),
    _rule(r"(?:add|create|new)[: ]+(.+)", _add),
    _rule(rf"((?:{_SHOW}|what's|whats)\b.*)", _show),
    _rule(r"((?:all |open |done |finished |completed |my |the )*(?:tasks?|to-?dos?|list)\??)", _show),
]
