"""The command that repeats an operation, and back: what the console did can be typed, and the other way round."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence

from console.model.load import with_rates
from console.model.operations import Configure, Operation, Restart, RollBack, Scale, Start, Stop

_PROGRAM = "stack-console"
_TAKE_A_VALUE = frozenset({"--target", "--output", "--report", "--yes-i-mean", "--timeout", "--drift"})


def command_of(operation: Operation, stack: str, target: str) -> str:
    """The command line that does it again; of a configuration without its values, which may be secret.

    Args:
        operation: what was done.
        stack: as it was named on the command line.
        target: its name.
    """
    return command(_verb(operation), stack, target, _arguments(operation))


def command(verb: str, stack: str, target: str, arguments: Sequence[str] = (), options: Sequence[str] = ()) -> str:
    """A command on a stack as one line that a shell takes."""
    return shlex.join([_PROGRAM, *verb.split(), stack, *arguments, "--target", target, *options])


def verb_of(line: str) -> str:
    """The command of a command line: "deploy", "scale"; empty if it is none of ours."""
    return next(iter(_words(line)), "")


def operation_of(line: str) -> Operation | None:
    """The operation that a command line asks for; None if it is another command, or does not say it all."""
    verb, *rest = _words(line) or [""]
    try:
        return _PARSERS[verb](_split(rest)) if verb in _PARSERS else None
    except (ValueError, KeyError):
        return None


def _arguments(operation: Operation) -> tuple[str, ...]:
    match operation:
        case Scale():
            return tuple(f"{name}={count}" for name, count in operation.wanted.items())
        case Restart():
            return operation.services
        case RollBack():
            return "--to", str(operation.number)
        case Stop() | Start():
            return ()
    if operation.ref.kind == "Secret":
        return operation.ref.name, next(iter(operation.values))
    return (str(operation.ref),)


def _verb(operation: Operation) -> str:
    """Of an edit, the command that asks for the values."""
    if not isinstance(operation, Configure):
        return operation.kind
    return "config set --secret" if operation.ref.kind == "Secret" else "config edit"


def _words(line: str) -> list[str]:
    try:
        words = shlex.split(line)
    except ValueError:
        return []
    begun = next((index for index, word in enumerate(words) if word.rpartition("/")[2] == _PROGRAM), len(words))
    return words[begun + 1 :]


def _split(words: Sequence[str]) -> tuple[list[str], Mapping[str, str]]:
    """Words behind the stack, and options with a value."""
    plain: list[str] = []
    options: dict[str, str] = {}
    rest = iter(with_rates(words))
    for word in rest:
        name, equals, value = word.partition("=")
        if not word.startswith("-"):
            plain.append(word)
        elif equals:
            options[name] = value
        elif name in _TAKE_A_VALUE or name == "--to":
            options[name] = next(rest, "")
    return plain[1:], options


def _scale(words: tuple[list[str], Mapping[str, str]]) -> Operation:
    pairs = (word.partition("=") for word in words[0])
    return Scale({name: int(count) for name, _, count in pairs})


_PARSERS: Mapping[str, Callable[[tuple[list[str], Mapping[str, str]]], Operation]] = {
    "scale": _scale,
    "restart": lambda words: Restart(tuple(words[0])),
    "rollback": lambda words: RollBack(int(words[1]["--to"])),
    "stop": lambda words: Stop(),
    "start": lambda words: Start(),
}
