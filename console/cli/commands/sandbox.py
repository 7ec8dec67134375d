"""`sandbox up|status|down|reset`: the embedded cluster."""

from __future__ import annotations

from typing import Any

from console.cli.session import Session
from console.model.errors import RefusedError, UsageError
from console.model.outcome import Outcome

_SHOWN = ("server", "kubeconfig", "registry", "ingress", "nodes", "pod_mode", "not_enforced")


async def run(session: Session) -> Outcome:
    """Carries out the action; what runs afterwards is the result."""
    args = session.args
    if session.settings.read_only and args.action != "status":
        raise RefusedError(f"`sandbox {args.action}` is refused in read-only mode", hint="leave out --read-only")
    status = await session.outside.sandbox(args.action, _options(session))
    session.output.text(_lines(status))
    session.output.result("sandbox", status)
    return Outcome.DONE


def _options(session: Session) -> list[str]:
    args = session.args
    given = {"--pod-mode": args.pod_mode, "--virtual-nodes": args.virtual_nodes}
    options = [word for name, value in given.items() if value is not None for word in (name, str(value))]
    if options and args.action != "up":
        raise UsageError(f"`sandbox {args.action}` takes no {options[0]}", hint="it belongs to `sandbox up`")
    return options


def _lines(status: dict[str, Any]) -> list[str]:
    if not status["running"]:
        return ["not running"]
    shown = [(name, status.get(name)) for name in _SHOWN]
    return [f"{name + ':':14}{_words(value)}" for name, value in shown if value]


def _words(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
