"""Waits for what this run sent of a service, or for what there is of one that was not ready before."""

from __future__ import annotations

from console.engine.waiting import expected_of, wait_ready
from console.engine.work import Work
from console.model.plan import ObjectRef, Step
from console.model.stack import JSON, SERVICE_LABEL

_TIMEOUT = 180.0
"""Seconds, for a step that says nothing itself."""


async def wait_for(work: Work, step: Step, service: str) -> str:
    """Waits until a service is ready; how it stands then, in words.

    Raises:
        RolloutError: it does not become ready.
        UnreachableError: the cluster is out of sight.
    """
    return await wait_ready(
        work.store,
        service,
        expected_of(_bodies(work, service).items()),
        work.options.timeout or step.timeout or _TIMEOUT,
        lambda diagnoses: work.course.waiting(step, diagnoses),
        work.course.progress(step),
    )


def _bodies(work: Work, service: str) -> dict[ObjectRef, JSON]:
    """The objects of a service as the API server gave them last."""
    before = {state.declared.ref: state.live for state in work.gathered.objects if state.live}
    live = {**before, **work.live}
    return {ref: body for ref, body in live.items() if _service(body) == service and ref not in work.removed}


def _service(body: JSON) -> str:
    return str((body["metadata"].get("labels") or {}).get(SERVICE_LABEL, ""))
