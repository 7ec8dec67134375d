"""The command line: every command and option in one place. Imports nothing heavy: `--version` answers at once."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from console import __version__
from console.model.errors import UsageError
from console.model.load import HIGHEST_RATE, LOWEST_RATE, with_rates
from console.model.outcome import Outcome

COMMANDS = (
    *("open", "plan", "deploy", "status", "logs", "scale", "restart", "stop", "start", "rollback", "drift", "history"),
    *("config", "drill", "verify", "destroy", "sandbox", "demo"),
)
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)?")
_TAKE_A_VALUE = {
    "--target",
    "--output",
    "--report",
    "--yes-i-mean",
    "--timeout",
    "--baseline",
    "--margin",
    "--only",
    "--suite",
}
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, None: 1.0}


def duration(text: str) -> float:
    """Seconds from `90`, `90s`, `5m` or `1h30m`."""
    parts = _DURATION.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise argparse.ArgumentTypeError(f"{text!r} is no duration; write 30s, 5m or 1h30m")
    return sum(float(number) * _SECONDS[unit or None] for number, unit in parts)


def _pattern(text: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except re.error as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no regular expression: {error}") from None


def _report(text: str) -> Path:
    path = Path(text)
    if path.suffix not in {".xml", ".html", ".json"}:
        raise argparse.ArgumentTypeError(f"{text!r} must end in .xml (JUnit), .html or .json")
    return path


class _Parser(argparse.ArgumentParser):
    """Raises instead of printing and exiting, so that every error leaves by the same door."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(message, hint=f"{self.prog} --help tells what can be said")


def _exit_codes() -> str:
    rows = "\n".join(f"  {outcome.code:>3}  {outcome.meaning}" for outcome in Outcome)
    return f"exit codes:\n{rows}"


def _common() -> _Parser:
    common = _Parser(add_help=False)
    group = common.add_argument_group("options that mean the same everywhere")
    group.add_argument("--target", metavar="NAME", help="the target of the stack; default: its default_target")
    group.add_argument("--headless", action="store_true", help="run plainly, never ask")
    group.add_argument("--output", choices=("text", "json", "ndjson"), help="the form of stdout; default: text")
    group.add_argument(
        "--report", metavar="FILE", type=_report, help="also write a report: .xml (JUnit), .html or .json"
    )
    group.add_argument("--yes", action="store_true", help="go ahead with what would otherwise be asked")
    group.add_argument("--yes-i-mean", metavar="NAME", help="the stack's name, for a protected target")
    group.add_argument("--read-only", action="store_true", help="let nothing through that changes the cluster")
    group.add_argument("--timeout", metavar="DURATION", type=duration, help="give up waiting after this long (30s, 5m)")
    group.add_argument("--no-color", action="store_true", help="no colours (also: the NO_COLOR convention)")
    return common


def build_parser() -> argparse.ArgumentParser:
    """The whole command line."""
    common = _common()
    parser = _Parser(
        prog="stack-console",
        description="Deploys a stack to Kubernetes, shows its pods and probes, and says why something is wrong.",
        epilog=f"stack-console [STACK] opens the console.\n\n{_exit_codes()}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"stack-console {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=_Parser)

    def command(name: str, help: str, *, stack: str = "STACK") -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=help, description=help, parents=[common])
        if stack:
            nargs: dict[str, Any] = {"nargs": "?"} if stack.startswith("[") else {}
            made.add_argument(
                "stack", metavar=stack.strip("[]"), help="a folder, a file, or a name under stacks/", **nargs
            )
        return made

    command("open", "open the console (as stack-console [STACK] does)", stack="[STACK]")
    plan = command("plan", "show what a deploy would do, with the diff of every object")
    plan.add_argument("--exit-code", action="store_true", help="answer 3 when there is something to do")
    deploy = command("deploy", "preflight, build, push, apply, wait, verdict")
    deploy.add_argument("--rollback", action="store_true", help="on failure, go back to the last good release")
    deploy.add_argument(
        "--drift", choices=("fail", "keep", "overwrite"), default="fail", help="values changed by others"
    )
    _add_probe_load(deploy)
    status = command("status", "show services, pods, probe results and the release", stack="[STACK]")
    status.add_argument("--watch", action="store_true", help="go on showing what changes")
    _add_operations(command)
    drift = command("drift", "show what in the cluster differs from the last release, by whom and since when")
    drift.add_argument("--exit-code", action="store_true", help="answer 3 when there is any")
    drift.add_argument("--write", action="store_true", help="bring it to the files, after showing the diff")
    _add_config(commands, common)
    _add_logs(command("logs", "follow the logs of many pods, merged"))
    _add_history(commands, common)
    _add_drill(commands, common)
    _add_verify(command("verify", "measure the live stack by its acceptance criteria, and report"))
    command("destroy", "remove what the stack owns, after showing it")
    _add_sandbox(commands, common)
    demo = command("demo", "the reference stack, from nothing to running on the embedded cluster", stack="")
    demo.set_defaults(rollback=False, drift="keep", probe_load=None)
    return parser


def _add_operations(command: Callable[..., argparse.ArgumentParser]) -> None:
    scale = command("scale", "give services other numbers of pods, and wait for them")
    scale.add_argument("wanted", metavar="SERVICE=N", nargs="+", type=_wanted, help="the service and its pods")
    restart = command("restart", "make every pod anew, one service behind what it comes after")
    restart.add_argument("services", metavar="SERVICE", nargs="*", help="only these services")
    stop = command("stop", "no pods any more, until `start`")
    start = command("start", "as many pods as there were before `stop`")
    rollback = command("rollback", "bring the whole stack back to an earlier release")
    rollback.add_argument("--to", metavar="RELEASE", type=int, help="its number; default: the last good one before")
    for each in (scale, restart, stop, start, rollback):
        each.add_argument("--no-wait", dest="wait", action="store_false", help="do not wait for the outcome")
    for each in (scale, restart, start, rollback):
        _add_probe_load(each)


def _add_probe_load(command: argparse.ArgumentParser) -> None:
    text = "send requests to the stack meanwhile, so many a second (20), and fail if one fails"
    command.add_argument("--probe-load", metavar="RATE", nargs="?", type=_rate, const=0.0, help=text)


def _rate(text: str) -> float:
    """Requests a second; 0 where none are named: as many as the stack's file says."""
    try:
        rate = float(text or "0")
    except ValueError:
        rate = -1.0
    if text and not LOWEST_RATE <= rate <= HIGHEST_RATE:
        raise argparse.ArgumentTypeError(f"{text!r} is no rate between {LOWEST_RATE:g} and {HIGHEST_RATE:g} a second")
    return rate


def _wanted(text: str) -> tuple[str, int]:
    service, equals, count = text.partition("=")
    if not service or not equals or not re.fullmatch(r"-?\d+", count):
        raise argparse.ArgumentTypeError(f"{text!r} is no SERVICE=N")
    return service, int(count)


def _add_config(commands: Any, common: argparse.ArgumentParser) -> None:
    text = "ConfigMaps and Secrets: who reads them, what changed, and other values, seen to arrive at the pods"
    config = commands.add_parser("config", help=text, description=text, parents=[common])
    config.add_argument("action", choices=("show", "diff", "edit", "set"))
    config.add_argument("stack", metavar="STACK", help="a folder, a file, or a name under stacks/")
    config.add_argument("name", metavar="SERVICE", nargs="?", default="", help="or configmap/NAME, secret/NAME")
    config.add_argument("pairs", metavar="KEY=VALUE", nargs="*", help="a value to set; KEY- removes a key")
    config.add_argument("--secret", action="store_true", help="the value of one KEY of a Secret, from stdin")
    config.add_argument("--no-wait", dest="wait", action="store_false", help="do not wait for the outcome")
    _add_probe_load(config)


def _add_logs(logs: argparse.ArgumentParser) -> None:
    logs.add_argument("services", metavar="SERVICE", nargs="*", help="only these services")
    logs.add_argument("--since", metavar="DURATION", type=duration, help="only what is newer (30s, 5m, 1h)")
    logs.add_argument("--tail", metavar="LINES", type=int, help="only the last lines of each pod")
    logs.add_argument("--grep", metavar="REGEX", type=_pattern, help="only lines that match")
    logs.add_argument("--previous", action="store_true", help="of the containers before their last restart")
    logs.add_argument("--no-follow", dest="follow", action="store_false", help="end at the newest line")


def _add_history(commands: Any, common: argparse.ArgumentParser) -> None:
    text = "show runs, releases and verdicts; `show STACK RUN` gives evidence, `diff STACK A B` compares releases"
    history = commands.add_parser("history", help=text, description=text, parents=[common])
    history.add_argument("words", metavar="[show|diff] STACK [RUN|A B]", nargs="+")


def _add_drill(commands: Any, common: argparse.ArgumentParser) -> None:
    text = "failures that are caused on purpose, measured, and undone"
    drill = commands.add_parser("drill", help=text, description=text, parents=[common])
    drill.add_argument("action", choices=("list", "run", "undo"))
    drill.add_argument("stack", metavar="STACK", help="a folder, a file, or a name under stacks/")
    drill.add_argument("kind", metavar="KIND", nargs="?", default="", help="which failure; `list` tells them")
    drill.add_argument("service", metavar="SERVICE", nargs="?", default="", help="the service that it harms")
    drill.add_argument("pairs", metavar="OPTION=VALUE", nargs="*", help="what else is said about it")
    drill.add_argument("--suite", metavar="NAME", help="all drills of this suite of the stack's file")


def _split_drill(args: argparse.Namespace) -> None:
    args.options = tuple(tuple(pair.split("=", 1)) for pair in args.pairs)
    hint = "stack-console drill --help"
    if any(len(pair) != 2 for pair in args.options):
        raise UsageError("options of a drill are written OPTION=VALUE", hint=hint)
    if args.action != "run" and (args.kind or args.suite):
        raise UsageError(f"drill {args.action} takes a stack alone", hint=hint)
    if args.action == "run" and bool(args.suite) is bool(args.service):
        raise UsageError("drill run takes a KIND and a SERVICE, or --suite NAME", hint=hint)
    if args.suite and args.kind:
        raise UsageError("drill run --suite takes a stack alone", hint=hint)


def _add_verify(verify: argparse.ArgumentParser) -> None:
    text = "also make the checks that disturb the stack; each puts back what was"
    verify.add_argument("--disruptive", action="store_true", help=text)
    verify.add_argument("--only", metavar="CHECK", action="append", default=[], help="only this check; can be repeated")
    verify.add_argument("--baseline", metavar="RUN", default="", help="fail on what is worse than in this earlier run")
    text = "by how many percent a figure may be larger than in the baseline; default: 25"
    verify.add_argument("--margin", metavar="PERCENT", type=_percent, help=text)


def _percent(text: str) -> float:
    """A share from a number of percent."""
    if not re.fullmatch(r"\d{1,4}(\.\d+)?%?", text):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of percent")
    return float(text.rstrip("%")) / 100


def _add_sandbox(commands: Any, common: argparse.ArgumentParser) -> None:
    text = "the embedded cluster"
    sandbox = commands.add_parser("sandbox", help=text, description=text, parents=[common])
    sandbox.add_argument("action", choices=("up", "status", "down", "reset"))
    sandbox.add_argument("--pod-mode", choices=("auto", "namespaces", "plain"), help="how pods are isolated")
    sandbox.add_argument("--virtual-nodes", metavar="N", type=int, help="nodes whose pods live by a script")


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """The arguments as a namespace; `command` is "open" where none was named.

    Raises:
        UsageError: the words are wrong.
    """
    args = build_parser().parse_args(_command_first(with_rates(argv)))
    if args.command == "history":
        _split_history(args)
    if args.command == "config":
        _split_config(args)
    if args.command == "drill":
        _split_drill(args)
    if not hasattr(args, "stack"):
        args.stack = None
    args.argv = list(argv)
    return args


def _command_first(argv: Sequence[str]) -> list[str]:
    """The same words with the command in front; `open` where the first word is a stack or there is none."""
    words = list(argv)
    for index, word in enumerate(words):
        if word.startswith("-") or (index and words[index - 1] in _TAKE_A_VALUE):
            continue
        if word in COMMANDS:
            return [words.pop(index), *words]
        break
    return words if {"--version", "--help", "-h"} & set(words) else ["open", *words]


def _split_config(args: argparse.Namespace) -> None:
    if args.action not in {"set", "edit"}:
        needless = args.pairs or args.secret
    else:
        needless = args.action == "edit" and (args.pairs or args.secret)
        if not args.name or (args.action == "set" and not args.pairs):
            raise UsageError(f"config {args.action} says too little", hint="stack-console config --help")
    if needless:
        raise UsageError(f"config {args.action} takes a stack and a service", hint="stack-console config --help")
    pairs = [_value(word, secret=args.secret) for word in args.pairs]
    if args.secret and len(pairs) != 1:
        raise UsageError("--secret takes one KEY; its value comes from stdin")
    args.values = dict(pairs)
    args.removes = args.secret and args.pairs[0].endswith("-")


def _value(word: str, *, secret: bool) -> tuple[str, str | None]:
    key, equals, value = word.partition("=")
    if secret and equals:
        raise UsageError("a value of a Secret is never an argument", hint="name the KEY, and give the value on stdin")
    if not equals and (secret or key.endswith("-")):
        return key.removesuffix("-"), None
    if not key or not equals:
        raise UsageError(f"{word!r} is no KEY=VALUE", hint="KEY- removes a key")
    return key, value


def _split_history(args: argparse.Namespace) -> None:
    words = args.words
    args.run = args.pair = None
    if words[0] == "show":
        if len(words) != 3:
            raise UsageError("history show takes a stack and a run", hint="stack-console history STACK lists the runs")
        args.stack, args.run = words[1], words[2]
    elif words[0] == "diff":
        if len(words) != 4 or not (words[2] + words[3]).isdigit():
            hint = "stack-console history STACK lists the releases"
            raise UsageError("history diff takes a stack and two releases", hint=hint)
        args.stack, args.pair = words[1], (int(words[2]), int(words[3]))
    elif len(words) == 1:
        args.stack = words[0]
    else:
        raise UsageError(f"history takes one stack, not {len(words)}", hint="history show STACK RUN gives the evidence")
