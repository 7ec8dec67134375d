"""`status`: services, pods, probe results and the release; `--watch` goes on with what changes."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from console.cli.report import Case, Report
from console.cli.session import Session
from console.cli.standing import interruption_lines, not_ready, pod_line, service_line, status_lines
from console.model.errors import UsageError
from console.model.outcome import Outcome
from console.model.state import View

if TYPE_CHECKING:
    from console.engine.service import Engine


async def run(session: Session) -> Outcome:
    """Prints how the stack is: 0 if everything is ready, 14 if not, so that a script can wait for it."""
    watch, output = session.args.watch, session.output
    if watch and output.form == "json":
        raise UsageError("`status --watch` has no end, so it is no JSON document", hint="use --output ndjson")
    async with session.engine() as engine:
        await engine.start()
        async with session.time_limit("the cluster was not seen"):
            view = await engine.settled()
        left = await engine.interrupted()
        output.text(status_lines(view, time.time(), output.style))
        output.text(interruption_lines(left, engine.stack.name, output.style))
        output.result("status", _document(view) | {"interrupted": left})
        outcome = Outcome.ROLLOUT if not_ready(view) else Outcome.DONE
        session.report(_report(view, outcome))
        return await _watch(session, engine, view) if watch else outcome


def _document(view: View) -> dict[str, Any]:
    pods = [
        {"pod": pod, "probes": list(_probes(view, uid)), "usage": view.usage.get(uid)} for uid, pod in view.pods.items()
    ]
    names = ("stack", "target", "context", "namespace", "release", "services", "externals", "diagnoses", "health")
    return {name: getattr(view, name) for name in names} | {"ready": not not_ready(view), "pods": pods}


def _probes(view: View, uid: str) -> Any:
    for (container, _), result in view.probes.get(uid, {}).items():
        yield {"container": container, "result": result}


def _report(view: View, outcome: Outcome) -> Report:
    waiting = not_ready(view)
    names = [service.name for service in view.services] + [external.name for external in view.externals]
    cases = tuple(
        Case("status", name, "failed" if name in waiting else "passed", text=waiting.get(name, "")) for name in names
    )
    words = f"not ready: {', '.join(waiting)}" if waiting else "everything is ready"
    return Report("status", f"{view.stack}: {words}", outcome, 0.0, cases, _document(view))


async def _watch(session: Session, engine: Engine, view: View) -> Outcome:
    """One line for every service and pod that changed, until the time is up or somebody ends it."""
    leave = engine.store.subscribe(session.output.fact)
    try:
        async with asyncio.timeout(session.settings.timeout):
            known = _lines(view)
            while not session.output.closed:
                view = await _newer(engine, view.version)
                before, known = known, _lines(view)
                session.output.text(_changes(before, known))
    except TimeoutError:
        pass
    finally:
        leave()
    return Outcome.ROLLOUT if not_ready(view) else Outcome.DONE


async def _newer(engine: Engine, version: int) -> View:
    return await engine.store.wait_until(lambda view: view if view.version > version else None)


def _lines(view: View) -> dict[str, str]:
    """One line a service and a pod, by what it is about; a view itself must not be kept past the next one."""
    services = {each.name: service_line(each) for each in view.services}
    return services | {uid: pod_line(pod) for uid, pod in view.pods.items()}


def _changes(before: dict[str, str], now: dict[str, str]) -> list[str]:
    stamp = time.strftime("%H:%M:%S")
    changed = [line for about, line in now.items() if line != before.get(about)]
    gone = [f"{line}  gone" for about, line in before.items() if about not in now]
    return [f"{stamp}  {line}" for line in (*changed, *gone)]
