"""The tag of an image: the digest of all that goes into it, the same for whoever builds it from the same files."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path

import msgspec

from console.adapters.images.context import digest_context, read_context
from console.adapters.images.hashes import FileHashes
from console.model.errors import BuildError
from console.model.stack import BuildSource


def content_tag(source: BuildSource, hashes: Path | None, how: Mapping[str, object]) -> str:
    """The digest of a build's context, Dockerfile and arguments; blocks on the disk.

    What a base image's tag stands for today is no part of it: two machines would never agree. A Dockerfile that names
    its base by digest changes when the base does.

    Args:
        source: what is built.
        hashes: the folder that keeps digests of files between runs; None keeps none.
        how: what else decides about the image, by whoever builds it.

    Raises:
        BuildError: the context or the Dockerfile cannot be read.
    """
    entries = read_context(source.context, source.dockerfile)
    known = FileHashes(hashes, source.context)
    try:
        content = digest_context(entries, known)
        dockerfile = source.dockerfile.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise _unreadable(source, error) from error
    known.save()
    whole = {
        "context": content,
        "dockerfile": dockerfile,
        "args": source.args,
        "target": source.target,
        "platforms": source.platforms,
        **how,
    }
    return blake2b(msgspec.json.encode(whole, order="sorted"), digest_size=16).hexdigest()


def _unreadable(source: BuildSource, error: Exception) -> BuildError:
    where = str(getattr(error, "filename", None) or source.dockerfile)
    why = (error.strerror or "") if isinstance(error, OSError) else "it is no text"
    hint = "correct build.dockerfile or build.context in stack.yaml"
    return BuildError(f"{source.service} cannot be built", where=where, why=why, hint=hint)
