"""What stands where a target has no builder or no registry: says so, plainly, as soon as one is needed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence

from console.engine.ports import Building, BuildWatcher, BuiltImage, ImagePart, PullAnswer
from console.model.errors import BuildError, PushError
from console.model.run import Progress
from console.model.stack import BuildSource


class NoBuilder:
    """The `ImageBuilder` of a target for which nothing on this machine can build.

    Args:
        target: the target's name.
        why: what is missing.
        hint: what to do about it.
    """

    def __init__(self, target: str, why: str, hint: str) -> None:
        self._target = target
        self._why = why
        self._hint = hint

    async def check(self, sources: Sequence[BuildSource]) -> Building:
        """Raises BuildError."""
        raise BuildError(f"nothing can be built for target {self._target}", why=self._why, hint=self._hint)

    async def platform(self) -> str:
        """Nothing is built for anything."""
        return ""

    async def tag(self, source: BuildSource) -> str:
        """Raises BuildError."""
        raise self._missing(source)

    async def build(self, source: BuildSource, tag: str, watcher: BuildWatcher) -> BuiltImage:
        """Raises BuildError."""
        raise self._missing(source)

    def _missing(self, source: BuildSource) -> BuildError:
        what = f"{source.service} cannot be built for target {self._target}"
        return BuildError(what, why=self._why, hint=self._hint)


class NoRegistry:
    """The `Registry` of a target that names none.

    Args:
        target: the target's name.
    """

    def __init__(self, target: str) -> None:
        self._target = target

    def reference(self, name: str, tag: str) -> str:
        """Raises PushError."""
        raise self._missing(name)

    async def has(self, name: str, tag: str) -> str | None:
        """Raises PushError."""
        raise self._missing(name)

    async def push(self, image: BuiltImage, progress: Callable[[Progress], None]) -> str:
        """Raises PushError."""
        raise self._missing(image.name)

    async def check_push(self, name: str) -> None:
        """Raises PushError."""
        raise self._missing(name)

    async def try_pull(self, name: str, docker_config: str = "") -> PullAnswer:
        """Raises PushError."""
        raise self._missing(name)

    async def contents(self, reference: str, most: int) -> AsyncIterator[ImagePart]:
        """Raises PushError."""
        raise self._missing(reference)
        yield

    def reached_from(self, address: str) -> bool:
        """True: that there is none is told elsewhere."""
        return True

    async def close(self) -> None:
        """Nothing is open."""

    def _missing(self, name: str) -> PushError:
        what = f"{name} has nowhere to be pushed to"
        hint = f"add `registry: HOST[/PATH]` to targets.{self._target} in stack.yaml"
        return PushError(what, why=f"target {self._target} names no registry", hint=hint)
