"""A target without a builder or registry says what is missing, and in which file to add it."""

from pathlib import Path

import pytest

from console.adapters.images.absent import NoBuilder, NoRegistry
from console.engine.ports import BuildWatcher, BuiltImage
from console.model.errors import BuildError, PushError
from console.model.stack import BuildSource

SOURCE = BuildSource(service="web", name="web", context=Path(), dockerfile=Path("Dockerfile"))


async def test_a_builder_that_is_not_there_refuses_every_build():
    builder = NoBuilder("local", "no container engine was found", "install one")
    for attempt in (builder.tag(SOURCE), builder.build(SOURCE, "t", BuildWatcher(lambda data: None))):
        with pytest.raises(BuildError, match="web cannot be built for target local") as caught:
            await attempt
        assert (caught.value.why, caught.value.hint) == ("no container engine was found", "install one")
    with pytest.raises(BuildError):
        await builder.check([SOURCE])


async def test_a_registry_that_is_not_named_refuses_every_push():
    registry = NoRegistry("local")
    image = BuiltImage("web", "t", "sha256:0", 0, Path())
    for attempt in (registry.has("web", "t"), registry.check_push("web"), registry.push(image, lambda progress: None)):
        with pytest.raises(PushError, match="web has nowhere to be pushed to") as caught:
            await attempt
        assert "targets.local" in caught.value.hint
    with pytest.raises(PushError):
        registry.reference("web", "t")
    await registry.close()
