"""The classic builder: its steps become parts, and it gets the context as a tar."""

import io
import os
import tarfile

from console.adapters.images.docker.classic import Steps
from console.adapters.images.docker.contexttar import ADDED, context_tar
from console.adapters.images.docker.partlog import PartLog
from console.adapters.images.docker.solve import Failure
from console.engine.ports import BuildWatcher
from console.model.run import PartState
from console.model.stack import BuildSource


class Build:
    def __init__(self):
        self.text, self.parts = b"", []
        self.steps = Steps(PartLog(BuildWatcher(self._output, self.parts.extend)))

    def _output(self, chunk):
        self.text += chunk

    def say(self, *streams, now=100.0):
        for each in streams:
            self.steps.take({"stream": each}, now)


def test_steps_are_parts_with_their_output():
    build = Build()
    build.say("Step 1/2 : FROM debian", "\n", " ---> 6b9b7fcd4b57\n")
    build.say("Step 2/2 : RUN  make", "\n", " ---> Running in 1\n", "\x1b[91mhm\n\x1b[0m", now=101.0)
    build.say("Removing intermediate container 1\n", "Successfully built 9afedfe62395\n")
    build.steps.end(103.5)
    assert build.text.decode().splitlines() == [
        "#1 1/2 FROM debian: done in 1.0 s",
        "#2 2/2 RUN make",
        "#2 hm",
        "#2 2/2 RUN make: done in 2.5 s",
    ]
    assert [part.state for part in build.parts if part.number == 2] == [PartState.RUNNING, PartState.DONE]


def test_what_the_builder_had_already_is_cached():
    build = Build()
    build.say("Step 1/1 : RUN make", "\n", " ---> Using cache\n", " ---> 6b9b7fcd4b57\n")
    build.steps.end(100.0)
    assert build.parts[-1].state is PartState.CACHED


def test_the_step_that_goes_on_has_failed():
    build = Build()
    build.say("Step 1/2 : FROM x", "Step 2/2 : RUN make", "no rule\n")
    error = "The command '/bin/sh -c make' returned a non-zero code: 2"
    assert build.steps.fail(error, 101.0) == Failure("Step 2/2 : RUN make", error, "no rule\n")
    assert build.parts[-1].state is PartState.FAILED


def test_layers_of_a_base_image_are_told_when_they_are_there():
    build = Build()
    build.say("Step 1/1 : FROM x")
    build.steps.take({"status": "Downloading", "id": "a1", "progress": "[=>  ]"}, 100.0)
    build.steps.take({"status": "Pull complete", "id": "a1"}, 100.0)
    assert build.text.decode().splitlines() == ["#1 1/1 FROM x", "#1 a1: Pull complete"]


async def test_the_tar_has_what_dockerignore_lets_through_and_the_dockerfile(tmp_path):
    context = tmp_path / "context"
    (context / "sub").mkdir(parents=True)
    (context / "sub" / "run.sh").write_text("#!/bin/sh\n")
    (context / "sub" / "run.sh").chmod(0o755)
    (context / "big").write_bytes(os.urandom(3_000_001))
    (context / "secret.env").write_text("x")
    (context / ("long" * 60)).write_text("long")
    (context / "link").symlink_to("sub/run.sh")
    (context / ".dockerignore").write_text("*.env\n")
    dockerfile = tmp_path / "web.Dockerfile"
    dockerfile.write_text("FROM scratch\n")
    source = BuildSource(service="web", name="web", context=context, dockerfile=dockerfile)
    name, pieces = await context_tar(source)
    data = b"".join([piece async for piece in pieces])
    assert name == ADDED
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        found = {entry.name: entry for entry in archive}
        assert archive.extractfile("big").read() == (context / "big").read_bytes()
        assert archive.extractfile(ADDED).read() == b"FROM scratch\n"
        assert archive.extractfile(".dockerignore").read().split() == [b"*.env", ADDED.encode()]
    assert found.keys() == {".dockerignore", "big", "link", "long" * 60, "sub", "sub/run.sh", ADDED}
    assert found["sub/run.sh"].mode == 0o755
    assert found["link"].linkname == "sub/run.sh"


async def test_a_dockerfile_that_is_part_of_the_context_is_not_sent_twice(tmp_path):
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    source = BuildSource(service="web", name="web", context=tmp_path, dockerfile=tmp_path / "Dockerfile")
    name, pieces = await context_tar(source)
    data = b"".join([piece async for piece in pieces])
    assert name == "Dockerfile"
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        assert archive.getnames() == ["Dockerfile"]
