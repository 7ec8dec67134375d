"""Unpacks the layers of an OCI image one upon the other (OCI Image Format Specification 1.1, Image Layer).

A layer comes from whoever may push: nothing of it is written outside of the tree, whatever its names and links say.
Links may point anywhere, as they do in every image, but nothing is written through them. Devices are left out, owners
are not kept, and set-user-id bits are cleared.
"""

from __future__ import annotations

import os
import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path

_HIDDEN, _OPAQUE = ".wh.", ".wh..wh..opq"
_RIGHTS = 0o777


class LayerError(Exception):
    """A layer cannot be unpacked; the message says why."""


def unpack(layer: Path, root: Path) -> None:
    """Unpacks one layer over what earlier ones have left.

    Args:
        layer: a tar, as it is or compressed by gzip, bzip2 or xz.
        root: the tree, an existing folder.

    Raises:
        LayerError: it is no tar, or tries to write outside of the tree.
        OSError: the disk is full.
    """
    try:
        with tarfile.open(layer, "r|*") as archive:
            archive.extraction_filter = lambda member, _: member
            archive.extractall(root, _Layer(root).members(archive))  # noqa: S202 - `_Layer` checks every member
    except (tarfile.TarError, EOFError, KeyError, ValueError) as error:
        raise LayerError(f"{error} (a tar is wanted, as it is or compressed by gzip, bzip2 or xz)") from error


class _Layer:
    """One layer on its way into the tree."""

    def __init__(self, root: Path) -> None:
        self._root = Path(os.path.realpath(root))
        self._written: set[Path] = set()

    def members(self, archive: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
        """What is to be written, each with its way cleared; what the layer removes is removed."""
        for member in archive:
            place = self._place(member.name)
            if place == self._root or not self._is_kept(member, place):
                continue
            if member.islnk():
                self._check_link(member)
            self._make_way(member, place)
            self._written.add(place)
            yield self._plain(member)

    def _place(self, name: str) -> Path:
        """Where a name lies: in a folder of the tree, with no link on the way that leads out of it."""
        parts = Path(name.lstrip("/")).parts
        if ".." in parts:
            raise LayerError(f"{name} lies outside of the image")
        whole = self._root.joinpath(*parts)
        parent = Path(os.path.realpath(whole.parent)) if whole != self._root else whole
        if parent != self._root and self._root not in parent.parents:
            raise LayerError(f"{name} lies outside of the image")
        return parent / whole.name if whole != self._root else whole

    def _is_kept(self, member: tarfile.TarInfo, place: Path) -> bool:
        if place.name == _OPAQUE:
            for each in place.parent.iterdir() if place.parent.is_dir() else ():
                if not any(each == own or each in own.parents for own in self._written):
                    _remove(each)
            return False
        if place.name.startswith(_HIDDEN):
            _remove(place.with_name(place.name.removeprefix(_HIDDEN)))
            return False
        return member.isreg() or member.isdir() or member.issym() or member.islnk()

    def _check_link(self, member: tarfile.TarInfo) -> None:
        """A hard link may only name what the image has."""
        member.linkname = str(self._place(member.linkname).relative_to(self._root))

    def _make_way(self, member: tarfile.TarInfo, place: Path) -> None:
        """Nothing is written through what is there: neither through a link, nor into a file that has other names."""
        if not (member.isdir() and place.is_dir() and not place.is_symlink()):
            _remove(place)

    def _plain(self, member: tarfile.TarInfo) -> tarfile.TarInfo:
        own = 0o700 if member.isdir() else 0o600
        return member.replace(
            name=member.name.lstrip("/"),
            mode=(member.mode & _RIGHTS) | own,
            uid=os.getuid(),
            gid=os.getgid(),
            uname="",
            gname="",
            deep=False,
        )


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
