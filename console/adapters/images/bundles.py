"""Builds the embedded cluster's images without a container engine: a bundle is the tree that `prepare` makes.

Bundles are kept by their tag, the digest of all that goes into them, in one cache for every checkout of this user.
"""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
import platform
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from threading import Event
from typing import Any

from console.adapters.images.commands import run_command
from console.adapters.images.context import Entry, read_context
from console.adapters.images.dockerfile import stop_signal
from console.adapters.images.layout import StoppedError, read_manifest, write_layout
from console.adapters.images.tags import content_tag
from console.engine.ports import Building, BuildWatcher, BuiltImage
from console.model.errors import BuildError
from console.model.stack import BuildSource

_FORMAT = 1
_UNUSED_FOR = 30 * 86400.0
_LOCK_POLL = 0.2
# What every program needs, and how package managers find their index. All else stays out: it may be secret.
_PASSED = (
    *("HOME", "LANG", "LC_ALL", "LC_CTYPE", "TMPDIR", "TZ", "XDG_CACHE_HOME"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"),
    *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"),
    *("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_CONFIG_FILE", "PIP_CERT", "PIP_FIND_LINKS", "PIP_NO_INDEX"),
    *("PIP_CACHE_DIR", "UV_INDEX_URL", "UV_DEFAULT_INDEX", "UV_CACHE_DIR"),
    *("NPM_CONFIG_REGISTRY", "npm_config_registry"),
)


class BundleBuilder:
    """The `ImageBuilder` of the embedded cluster.

    Args:
        cache: where bundles are kept; shared between checkouts and consoles.
        hashes: where digests of files are kept between runs.
        environment: the console's environment; `prepare` sees a few variables of it, never all.
    """

    def __init__(self, cache: Path, hashes: Path | None, environment: Mapping[str, str]) -> None:
        self._cache = cache
        self._hashes = hashes
        self._environment = environment

    async def check(self, sources: Sequence[BuildSource]) -> Building:
        """What builds: this machine itself, so that there is always something that can."""
        return Building(f"bundles, by the commands of `prepare` under Python {platform.python_version()}")

    async def platform(self) -> str:
        """No matter: the embedded cluster runs on this machine."""
        return ""

    async def tag(self, source: BuildSource) -> str:
        """The digest of all that goes into the bundle. Raises BuildError if the context cannot be read."""
        return await asyncio.to_thread(self._digest, source)

    def _digest(self, source: BuildSource) -> str:
        how = {
            "format": _FORMAT,
            "prepare": source.prepare,
            "command": source.command,
            "environment": source.environment,
            "passed": source.passed,
            "python": f"{platform.python_implementation()} {platform.python_version()} {platform.machine()}",
        }
        return content_tag(source, self._hashes, how)

    async def build(self, source: BuildSource, tag: str, watcher: BuildWatcher) -> BuiltImage:
        """Runs `prepare` and packs what it made, or finds it in the cache. Raises BuildError."""
        try:
            await asyncio.to_thread(self._cache.mkdir, parents=True, exist_ok=True, mode=0o700)
            async with _lock(self._cache / f"{tag}.lock"):
                if not await asyncio.to_thread(_complete, self._cache / tag):
                    await self._make(source, tag, watcher.output)
                return await asyncio.to_thread(self._take, source.name, tag)
        except OSError as error:
            raise _disk(source, error) from error

    async def _make(self, source: BuildSource, tag: str, output: Callable[[bytes], None]) -> None:
        work = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix=f"{tag}.", dir=self._cache))
        try:
            tree = work / "tree"
            copy = work / "context" if source.prepare else tree
            await asyncio.to_thread(_copy_context, source, copy)
            if source.prepare:
                tree.mkdir()
                environment = self._prepare_environment(source, tree)
                for command in source.prepare:
                    output(f"$ {command}\n".encode())
                    await run_command(command, copy, environment, output, source.service)
            await _pack(work / "image", tree, _config(source))
            (work / "image").rename(self._cache / tag)
        finally:
            await asyncio.to_thread(shutil.rmtree, work, ignore_errors=True)

    def _prepare_environment(self, source: BuildSource, tree: Path) -> dict[str, str]:
        names = (*_PASSED, *source.passed)
        passed = {name: self._environment[name] for name in names if name in self._environment}
        # This Python's folder first: the bundle is made with the interpreter that will run it.
        path = os.pathsep.join((str(Path(sys.prefix) / "bin"), self._environment.get("PATH", os.defpath)))
        own = {"PATH": path, "BUNDLE_ROOT": str(tree), "PYTHONUNBUFFERED": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
        return {**passed, **source.args, **own}

    def _take(self, name: str, tag: str) -> BuiltImage:
        folder = self._cache / tag
        os.utime(folder)
        self._drop_unused()
        manifest, blobs = read_manifest(folder)
        return BuiltImage(name, tag, manifest.digest, sum(blob.size for blob in blobs), folder)

    def _drop_unused(self) -> None:
        """Removes what was not used for a month."""
        oldest = time.time() - _UNUSED_FOR
        for path in self._cache.iterdir():
            with suppress(OSError):
                if path.stat().st_mtime < oldest:
                    shutil.rmtree(path) if path.is_dir() else path.unlink()


def _complete(folder: Path) -> bool:
    """Whether the cache holds this bundle; what a full disk or a stray hand left incomplete is removed."""
    try:
        read_manifest(folder)
    except (OSError, ValueError, KeyError, IndexError, TypeError):
        shutil.rmtree(folder, ignore_errors=True)
        return False
    return True


def _copy_context(source: BuildSource, copy: Path) -> None:
    copy.mkdir()
    for entry in read_context(source.context, source.dockerfile):
        _copy_entry(entry, copy / entry.path)


def _copy_entry(entry: Entry, to: Path) -> None:
    if entry.is_folder:
        to.mkdir(parents=True, exist_ok=True)
    else:
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(entry.source, to, follow_symlinks=False)


def _config(source: BuildSource) -> dict[str, Any]:
    """The config of the image (OCI Image Configuration, `config`)."""
    config: dict[str, Any] = {"Env": [f"{name}={value}" for name, value in source.environment.items()]}
    if source.command:
        config["Cmd"] = list(source.command)
    if named := stop_signal(source.dockerfile, source.target):
        config["StopSignal"] = named if not named.isdigit() else signal.Signals(int(named)).name
    return config


async def _pack(folder: Path, tree: Path, config: dict[str, Any]) -> None:
    stop = Event()
    writing = asyncio.ensure_future(asyncio.to_thread(write_layout, folder, tree, config, stop))
    try:
        await asyncio.shield(writing)
    except asyncio.CancelledError:
        stop.set()
        with suppress(StoppedError):
            await writing
        raise


@asynccontextmanager
async def _lock(file: Path) -> AsyncIterator[None]:
    """One build of a tag at a time, over all consoles of this user. The system lets go of it if we are killed."""
    with file.open("w") as handle:
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                # The system offers no waiting that a task could be cancelled out of.
                await asyncio.sleep(_LOCK_POLL)
        os.utime(file)
        yield


def _disk(source: BuildSource, error: OSError) -> BuildError:
    full = error.errno in {errno.ENOSPC, errno.EDQUOT}
    hint = "free some space, then try again" if full else "check the folder's owner and rights"
    where, why = str(error.filename or ""), error.strerror or str(error)
    return BuildError(f"the bundle of {source.service} cannot be written", where=where, why=why, hint=hint)
