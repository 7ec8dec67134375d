"""Why a build failed, in words that lead to the line: of the Dockerfile, the command, its last output."""

from __future__ import annotations

import re

from console.adapters.images.docker.solve import Failure
from console.adapters.images.dockerfile import Instruction, layer, read_instructions
from console.model.errors import BuildError
from console.model.stack import BuildSource

_LAYER = re.compile(r"\[(?:(?P<stage>\S+) +)?(?P<number>\d+)/(?P<total>\d+)\] ")
_PLATFORM = re.compile(r"\[linux/[\w/]+(?:->\w+)? ")
_CODE = re.compile(r"(?:exit code: |non-zero code: )(\d+)")
_PARSE = re.compile(r"dockerfile parse error (?:on )?line (\d+): (.*)", re.IGNORECASE | re.DOTALL)
_METADATA = re.compile(r"(?:load metadata for|resolve image config for) (?:docker-image://)?(\S+)")
_WRAPPING = re.compile(
    r"^(?:ERROR: |failed to build: |failed to solve(?: with frontend [\w.]+)?: |failed to create LLB definition: "
    r"|rpc error: code = \w+ desc = )+"
)
_LAST_LINES = 12
_FULL = ("no space left on device", "disk quota exceeded")


def explain(source: BuildSource, failure: Failure) -> BuildError:
    """The error for people, of a failure that either builder told; blocks on the disk."""
    try:
        instructions = read_instructions(source.dockerfile)
    except OSError:
        instructions = []
    what = f"the build of {source.service} failed"
    error = _WRAPPING.sub("", failure.error.strip())
    if parse := _PARSE.search(error):
        where, why = f"{source.dockerfile}:{parse[1]}", parse[2].strip()
        return BuildError(what, where=where, why=why, hint="correct this line of the Dockerfile")
    found = _instruction(failure.name, instructions, source.target)
    where = f"{source.dockerfile}:{found.line}" if found else str(source.dockerfile)
    name = found.text if found else failure.name
    why = f"`{name}` " if name else ""
    return BuildError(what, where=where, why=why + _words(error, failure.tail), hint=_hint(error, failure, found))


def refused(source: BuildSource, error: str, hint: str) -> BuildError:
    """The error of an engine that does not build at all."""
    return BuildError(f"{source.service} cannot be built", why=error, hint=hint)


def _instruction(name: str, instructions: list[Instruction], target: str) -> Instruction | None:
    """The instruction that a part is made of, by BuildKit's name for it or the classic builder's `Step 2/5 : ...`."""
    if step := re.match(r"Step (\d+)/\d+ : ", name):
        number = int(step[1])
        return instructions[number - 1] if number <= len(instructions) else None
    if metadata := _METADATA.search(name):
        bases = (each for each in instructions if each.base and full_name(each.base) == full_name(metadata[1]))
        return next(bases, None)
    if numbered := _LAYER.match(_PLATFORM.sub("[", name)):
        stage = numbered["stage"] or target.lower()
        return layer(instructions, stage, int(numbered["number"]), int(numbered["total"]))
    return None


def _words(error: str, tail: str) -> str:
    last = [line.rstrip() for line in tail.strip().splitlines()][-_LAST_LINES:]
    output = ":\n    " + "\n    ".join(last) if last else " without a word"
    if code := _CODE.search(error):
        return f"ended with exit code {code[1]}{output}"
    return f"failed: {error}"


def _hint(error: str, failure: Failure, found: Instruction | None) -> str:
    said = f"{error} {failure.tail}".lower()
    if any(words in said for words in _FULL):
        return "the engine's disk is full: `docker system df` says what takes it, `docker system prune` frees some"
    if failure.name.startswith("resolve image config"):
        return "the `# syntax=` line names an image with the Dockerfile's language: leave it out, or let it be pulled"
    if found and found.base:
        return "name a base image that the engine has or can pull; `docker login` where it is private"
    if _CODE.search(error):
        return "the whole output is in the step's log"
    if "not found" in said:
        return "it must lie in build.context, and not be ignored by .dockerignore"
    return "correct the Dockerfile, or build in stack.yaml"


def full_name(image: str) -> str:
    """An image's name with all that Docker adds to it: `docker.io/library/busybox:latest`."""
    name = image.partition("@")[0]
    first, slash, _ = name.partition("/")
    if not slash:
        name = f"docker.io/library/{name}"
    elif not ("." in first or ":" in first or first == "localhost"):
        name = f"docker.io/{name}"
    return name if ":" in name.rpartition("/")[2] else f"{name}:latest"
