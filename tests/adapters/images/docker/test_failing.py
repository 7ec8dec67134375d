"""A failed build leads to the line of the Dockerfile, the command and its last output."""

import pytest

from console.adapters.images.docker.failing import explain, full_name
from console.adapters.images.docker.solve import Failure
from console.model.stack import BuildSource

DOCKERFILE = """\
# syntax=docker/dockerfile:1
ARG VERSION=1
FROM python:3.11 AS Base
WORKDIR /app
RUN make all

FROM base AS run
ENV A=b
COPY x /x
RUN echo one && \\
    # a comment
    echo two
FROM ghcr.io/acme/nginx@sha256:00
RUN <<EOF
RUN nothing
EOF
ADD y /y
"""


@pytest.fixture
def source(tmp_path):
    dockerfile = tmp_path / "Dockerfile"
    dockerfile.write_text(DOCKERFILE)
    return BuildSource(service="web", name="shop-web", context=tmp_path, dockerfile=dockerfile)


def line(source, name, error="exit code: 3"):
    where = explain(source, Failure(name, error)).where
    return int(where.removeprefix(f"{source.dockerfile}:"))


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("[base 1/3] FROM docker.io/library/python:3.11", 3),
        ("[base 2/3] WORKDIR /app", 4),
        ("[base 3/3] RUN make all", 5),
        ("[run 1/2] COPY x /x", 9),
        ("[run 2/2] RUN echo one &&     echo two", 10),
        ("[stage-2 2/3] RUN <<EOF (RUN nothing)", 14),
        ("[stage-2 3/3] ADD y /y", 17),
        ("[linux/arm64 base 3/3] RUN make all", 5),
        ("[linux/amd64->arm64 base 3/3] RUN make all", 5),
        ("[3/3] ADD y /y", 17),
        ("[internal] load metadata for docker.io/library/python:3.11", 3),
        ("Step 1/9 : ARG VERSION=1", 2),
        ("Step 4/9 : RUN make all", 5),
    ],
)
def test_a_part_is_found_in_the_dockerfile(source, name, number):
    assert line(source, name) == number


@pytest.mark.parametrize("name", ["exporting to image", "[base 9/9] RUN x", "[other 1/3] RUN x", "Step 99/99 : RUN x"])
def test_what_is_no_instruction_has_no_line(source, name):
    assert explain(source, Failure(name, "broken")).where == str(source.dockerfile)


def test_a_command_that_failed_is_told_with_its_code_and_its_last_words(source):
    error = 'ERROR: process "/bin/sh -c make all" did not complete successfully: exit code: 2'
    told = explain(source, Failure("[base 3/3] RUN make all", error, "\n".join(map(str, range(40))) + "\nno rule\n"))
    assert told.what == "the build of web failed"
    assert told.why.startswith("`RUN make all` ended with exit code 2:\n    29\n")
    assert told.why.endswith("\n    no rule")
    assert "step's log" in told.hint


@pytest.mark.parametrize(
    "error",
    [
        "ERROR: failed to build: failed to solve: rpc error: code = Unknown desc = failed to solve with frontend "
        "dockerfile.v0: failed to create LLB definition: dockerfile parse error line 5: unknown instruction: RUNN",
        "ERROR: failed to solve: dockerfile parse error on line 5: unknown instruction: RUNN",
        "dockerfile parse error line 5: unknown instruction: RUNN",
    ],
)
def test_a_wrong_dockerfile_is_told_with_its_line(source, error):
    told = explain(source, Failure("", error))
    assert (told.where, told.why) == (f"{source.dockerfile}:5", "unknown instruction: RUNN")


@pytest.mark.parametrize(
    ("name", "error", "tail", "hint"),
    [
        ("[base 3/3] RUN make all", "exit code: 1", "dd: No space left on device", "docker system prune"),
        ("exporting to image", "write /var/lib: no space left on device", "", "docker system prune"),
        ("[internal] load metadata for docker.io/library/python:3.11", "no such host", "", "base image"),
        ("resolve image config for docker-image://docker.io/docker/dockerfile:1", "no such host", "", "# syntax="),
        ("[run 1/2] COPY x /x", '"/x" not found: not found', "", ".dockerignore"),
        ("exporting to image", "whatever", "", "stack.yaml"),
    ],
)
def test_a_hint_says_what_to_do(source, name, error, tail, hint):
    assert hint in explain(source, Failure(name, error, tail)).hint


def test_a_dockerfile_that_is_gone_by_now_does_not_hide_the_error(source):
    source.dockerfile.unlink()
    told = explain(source, Failure("[base 3/3] RUN make all", "exit code: 2"))
    assert told.why == "`[base 3/3] RUN make all` ended with exit code 2 without a word"


@pytest.mark.parametrize(
    ("short", "full"),
    [
        ("busybox", "docker.io/library/busybox:latest"),
        ("acme/web:1", "docker.io/acme/web:1"),
        ("localhost/web", "localhost/web:latest"),
        ("127.0.0.1:5000/web@sha256:00", "127.0.0.1:5000/web:latest"),
    ],
)
def test_names_of_images_are_completed_as_docker_does(short, full):
    assert full_name(short) == full
