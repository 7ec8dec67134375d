"""What a container's lifecycle asks for after its start and before its end."""

from __future__ import annotations

import asyncio

from console.sandbox.api.resources import Object
from console.sandbox.kubelet.probes import Probes, Target

_LONGEST = 600.0


class HookError(Exception):
    """A hook failed; the message says how."""


async def run(handler: Object, target: Target, probes: Probes) -> None:
    """Runs a hook (LifecycleHandler) to its end.

    Raises:
        HookError: it did not succeed.
    """
    if action := handler.get("exec"):
        try:
            code, output = await target.run(action["command"], _LONGEST)
        except OSError as error:
            raise HookError(f"{' '.join(action['command'])}: {error.strerror}") from None
        if code != 0:
            raise HookError(f"command '{' '.join(action['command'])}' exited with {code}: {output}")
    elif action := handler.get("httpGet"):
        result = await probes.http(action, target, 30.0)
        if result.output.startswith("Get "):
            raise HookError(result.output)
    elif action := handler.get("sleep"):
        await asyncio.sleep(float(action["seconds"]))
