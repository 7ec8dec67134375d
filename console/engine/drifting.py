"""Reads what in the cluster differs from the stack's last release. Changes nothing."""

from __future__ import annotations

from console.engine.operate import gather_operation
from console.engine.ports import World
from console.engine.releases import read_releases
from console.model.drift import Drift, drifts
from console.model.errors import PreflightError
from console.model.operations import RollBack
from console.model.stack import Stack


async def read_drift(stack: Stack, world: World) -> tuple[Drift, ...]:
    """Every field that is not as the last release has it; to go back to that release would overwrite them.

    Raises:
        PreflightError: the stack was not deployed here yet.
        UnreachableError: the API server does not answer.
    """
    releases = await read_releases(world.cluster, stack.name, stack.namespace)
    if not releases:
        hint = f"stack-console deploy {stack.name}"
        raise PreflightError(f"{stack.name} was not deployed on {stack.target.name}", hint=hint)
    gathered = await gather_operation(stack, world, RollBack(releases[0].number))
    written = {manifest.ref: manifest.body for manifest in stack.manifests}
    states = ((state, written.get(state.declared.ref)) for state in gathered.objects)
    found = [each for state, body in states for each in drifts(state, body, world.redactor.text)]
    more = [Drift(ref, "", (), "not there", "there") for ref in gathered.obsolete]
    return (*found, *more)
