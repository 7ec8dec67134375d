"""Runs the console on this terminal: signals, the end of everything that goes on behind, and the exit code."""

from __future__ import annotations

import asyncio
import signal

from console.tui.app import ConsoleApp, FindStacks
from console.tui.connection import Connect


def run_console(
    connect: Connect,
    *,
    stack: str | None = None,
    target: str | None = None,
    find_stacks: FindStacks | None = None,
    plan: bool = False,
) -> int:
    """Runs the console on this terminal until somebody leaves.

    Args:
        connect: makes the engine.
        stack: what was named on the command line.
        target: likewise.
        find_stacks: asked where no stack was named.
        plan: open at the plan of a deploy; the exit code is then that of the verdict.

    Returns:
        The exit code.

    Raises:
        Exception: an error of ours; the terminal is restored by then.
    """
    app = ConsoleApp(connect, stack=stack, target=target, find_stacks=find_stacks, plan=plan)
    return asyncio.run(_run(app, as_verdict=plan))


async def _run(app: ConsoleApp, *, as_verdict: bool) -> int:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, app.exit, 130)
    try:
        code = await app.run_async()
    finally:
        run = app.bridge.view.run if app.bridge.view else None
        await app.close_engine()
    if app.crash is not None:
        raise app.crash
    if code == 0 and as_verdict and run is not None and run.run_id == app.last_run and run.verdict is not None:
        return run.verdict.outcome.code
    return code or 0
