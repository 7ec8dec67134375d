"""The steps that come before objects: externals of our own are started, images are built and pushed."""

from __future__ import annotations

from console.engine.live import Findings, read_live
from console.engine.ports import BuildWatcher
from console.engine.seen import known_secrets, needed_refs
from console.engine.stale import stale
from console.engine.steplog import StepLog
from console.engine.work import Work
from console.model.declare import declare
from console.model.errors import BuildError, PreflightError
from console.model.gathered import Image
from console.model.plan import Step
from console.model.run import Progress

_UNITS = ((1 << 30, "GB"), (1 << 20, "MB"), (1 << 10, "kB"))


async def provision(work: Work, step: Step, log: StepLog) -> str:
    """Starts an external of our own; what is to be sent is made anew, for its URL is part of it.

    Raises:
        PreflightError: it cannot be started.
        StalePlanError: by its URL more changes than was planned.
    """
    name = step.id.partition(":")[2]
    external = next((each for each in work.stack.externals if each.name == name), None)
    if external is None:
        raise PreflightError(f"the stack has no external {name}")
    log.line(f"starts {name} ({external.kind})")
    url = await work.world.externals.provision(name, external.kind)
    work.world.redactor.add(f"secret/{external.secret} {external.key}", url)
    await _declare_anew(work)
    return f"{external.kind} runs"


async def _declare_anew(work: Work) -> None:
    secrets = await known_secrets(work.stack, work.world)
    live = await read_live(work.world.cluster, needed_refs(work.stack), Findings())
    objects = declare(work.stack, work.gathered.images, secrets, work.gathered.checksum_key, live)
    planned = {change.ref for change in work.plan.changes}
    before = work.declared
    moved = [
        str(each.ref)
        for each in objects
        if each.ref in before and each.ref not in planned and each.body != before[each.ref].body
    ]
    if moved:
        raise stale(f"{ref} changes as well" for ref in moved)
    work.declare(objects)


async def build(work: Work, step: Step, log: StepLog) -> str:
    """Builds the image of a service. Raises BuildError."""
    image = _image(work, step)
    watcher = BuildWatcher(log.write, work.course.parts(step))
    built = await work.world.builder.build(image.source, image.tag, watcher)
    work.built[step.service] = built
    return f"built {built.name}:{built.tag[:12]}" + (f", {_size(built.size)}" if built.size else "")


async def push(work: Work, step: Step, log: StepLog) -> str:
    """Pushes the image of a service, if it is not there already; from then on its digest is sent. Raises PushError."""
    image = _image(work, step)
    if digest := await work.world.registry.has(image.source.name, image.tag):
        work.pin(image, digest)
        return "is there already"
    built = work.built[step.service]
    log.line(f"pushes {image.reference}")
    tell, sent = work.course.progress(step), 0.0

    def progress(progress: Progress) -> None:
        nonlocal sent
        sent = progress.done
        tell(progress)

    digest = await work.world.registry.push(built, progress)
    work.pin(image, digest)
    return f"pushed {_size(int(sent))}, {digest[:19]}" if sent else f"pushed {digest[:19]}, its layers were there"


def _image(work: Work, step: Step) -> Image:
    for image in work.gathered.images:
        if image.service == step.service:
            return image
    raise BuildError(f"nothing is built for {step.service}")


def _size(size: int) -> str:
    for factor, unit in _UNITS:
        if size >= factor:
            return f"{size / factor:.1f} {unit}"
    return f"{size} bytes"
