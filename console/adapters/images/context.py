"""A build context after its .dockerignore, and the digest of what is in it.

Rules of .dockerignore: docs.docker.com, "Build context", .dockerignore files. Patterns start at the context's root, the
last one that matches decides, and a file named after the Dockerfile (`x.Dockerfile.dockerignore`) goes before.
"""

from __future__ import annotations

import os
import posixpath
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

from pathspec import PathSpec

from console.adapters.images.hashes import FileHashes
from console.model.errors import BuildError


@dataclass(frozen=True, slots=True)
class Entry:
    """A file, folder or link of a context: its path from the root with `/`, and what `lstat` says."""

    path: str
    source: Path
    info: os.stat_result

    @property
    def is_link(self) -> bool:
        """True for a symbolic link, which is taken as a link."""
        return stat.S_ISLNK(self.info.st_mode)

    @property
    def is_folder(self) -> bool:
        """True for a folder."""
        return stat.S_ISDIR(self.info.st_mode)


def read_context(root: Path, dockerfile: Path) -> list[Entry]:
    """Everything that belongs to a build context, sorted by path; sockets and devices do not.

    Raises:
        BuildError: the context is not a folder, or a part of it cannot be read.
    """
    if not root.is_dir():
        hint = "correct build.context in stack.yaml"
        raise BuildError("the build context is not a folder", where=str(root), hint=hint)
    try:
        ignored = _ignore_rules(root, dockerfile)
        return sorted(_walk(root, "", ignored), key=lambda entry: entry.path)
    except OSError as error:
        where, why = str(error.filename or root), error.strerror or ""
        hint = "make it readable, or list it in .dockerignore"
        raise BuildError("the build context cannot be read", where=where, why=why, hint=hint) from error


def digest_context(entries: Iterable[Entry], hashes: FileHashes) -> str:
    """The digest of paths, contents, links and execute bits; times and owners do not count."""
    total = blake2b(digest_size=32)
    for entry in entries:
        if entry.is_folder:
            what = "folder"
        elif entry.is_link:
            what = f"link {entry.source.readlink()}"
        else:
            what = f"file {'x' if entry.info.st_mode & 0o111 else '-'} {hashes.of(entry.source, entry.info)}"
        total.update(f"{len(entry.path)} {entry.path} {what}\n".encode(errors="surrogateescape"))
    return total.hexdigest()


def _ignore_rules(root: Path, dockerfile: Path) -> PathSpec[Any]:
    named = dockerfile.with_name(dockerfile.name + ".dockerignore")
    file = named if named.is_file() else root / ".dockerignore"
    lines = file.read_text(encoding="utf-8-sig").splitlines() if file.is_file() else []
    return PathSpec.from_lines("gitignore", filter(None, map(_as_git_pattern, lines)))


def _as_git_pattern(line: str) -> str:
    """A line of .dockerignore as git would write it: rooted, without the trailing slash that git gives a meaning."""
    line = line.strip()
    if not line or line.startswith("#"):
        return ""
    sign, pattern = ("!", line[1:].strip()) if line.startswith("!") else ("", line)
    pattern = "/" + posixpath.normpath(pattern.lstrip("/"))
    # With pathspec a last `*` stands for names only; with Docker also for all that is below them.
    pattern = pattern + "*" if pattern.endswith("/*") else pattern
    return "" if pattern == "/." else sign + pattern


def _walk(folder: Path, prefix: str, ignored: PathSpec[Any]) -> Iterator[Entry]:
    excepts = any(pattern.include is False for pattern in ignored.patterns)
    for found in os.scandir(folder):
        path = prefix + found.name
        info = found.stat(follow_symlinks=False)
        left_out = ignored.match_file(path)
        if stat.S_ISDIR(info.st_mode):
            if not left_out:
                yield Entry(path, Path(found.path), info)
            # An ignored folder may still hold files that a later `!pattern` takes in again.
            if not left_out or excepts:
                yield from _walk(Path(found.path), path + "/", ignored)
        elif not left_out and (stat.S_ISREG(info.st_mode) or stat.S_ISLNK(info.st_mode)):
            yield Entry(path, Path(found.path), info)
