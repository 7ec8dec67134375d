"""A pod's volumes as folders; those made of ConfigMaps, Secrets and fields follow their sources, atomically.

A folder holds `..data -> ..TIME`, and a link for each file into `..data`: one rename changes all of them at once
(`pkg/volume/util/atomic_writer.go`).
"""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

from console.sandbox.api.resources import Object
from console.sandbox.kubelet.references import MissingError, References

Files = dict[str, tuple[bytes, int]]
"""Content and mode by relative path."""
_MODE = 0o644


class MountError(Exception):
    """A volume cannot be mounted; the message is what the Event says."""


class Volumes:
    """The volumes of one pod.

    Args:
        folder: where they are.
        pod: whose they are.
        references: looks up what they are made of.
    """

    def __init__(self, folder: Path, pod: Object, references: References) -> None:
        self._folder = folder
        self._volumes: list[Object] = pod["spec"].get("volumes") or []
        self._references = references

    def mount(self) -> None:
        """Makes every volume, or brings it up to date.

        Raises:
            MountError: one of them cannot be made.
        """
        for volume in self._volumes:
            try:
                self._mount(volume)
            except MissingError as error:
                raise MountError(f'MountVolume.SetUp failed for volume "{volume["name"]}" : {error}') from None

    def _mount(self, volume: Object) -> None:
        folder = self._folder / volume["name"]
        if "hostPath" in volume:
            return
        if "emptyDir" in volume or "ephemeral" in volume:
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(0o777)
            return
        files = self._files(volume)
        if files is None:
            raise MissingError("this kind of volume is not served by the sandbox: use emptyDir, configMap or secret")
        write(folder, files)

    def _files(self, volume: Object) -> Files | None:
        for field in ("configMap", "secret", "downwardAPI"):
            if source := volume.get(field):
                return self._of_source(field, source, source.get("defaultMode", _MODE))
        if projected := volume.get("projected"):
            files: Files = {}
            for source in projected.get("sources") or ():
                for field, each in source.items():
                    files |= self._of_source(field, each, projected.get("defaultMode", _MODE))
            return files
        return None

    def _of_source(self, field: str, source: Object, mode: int) -> Files:
        if field == "downwardAPI":
            return {each["path"]: (self._fact(each), each.get("mode", mode)) for each in source.get("items") or ()}
        if field == "serviceAccountToken":
            return {}
        resource = "configmaps" if field == "configMap" else "secrets"
        name, optional = source.get("secretName") or source.get("name", ""), bool(source.get("optional"))
        data = self._references.data(resource, name, optional=optional)
        items = source.get("items")
        if not items:
            return {key: (value, mode) for key, value in data.items()}
        missing = [each["key"] for each in items if each["key"] not in data]
        if missing and not optional:
            word = "config" if field == "configMap" else "secret"
            raise MissingError(f"references non-existent {word} key: {missing[0]}")
        return {each["path"]: (data[each["key"]], each.get("mode", mode)) for each in items if each["key"] in data}

    def _fact(self, item: Object) -> bytes:
        if reference := item.get("fieldRef"):
            return self._references.field(reference["fieldPath"]).encode()
        return self._references.resource(item["resourceFieldRef"], "").encode()

    @property
    def sources(self) -> set[tuple[str, str]]:
        """The ConfigMaps and Secrets that volumes are made of, as (resource, name)."""
        found = set()
        for volume in self._volumes:
            parts = [volume, *((volume.get("projected") or {}).get("sources") or ())]
            for part in parts:
                if source := part.get("configMap"):
                    found.add(("configmaps", source.get("name", "")))
                if source := part.get("secret"):
                    found.add(("secrets", source.get("secretName") or source.get("name", "")))
        return found

    def path(self, name: str) -> Path:
        """Where a volume is on this machine."""
        volume = next(each for each in self._volumes if each["name"] == name)
        if host := volume.get("hostPath"):
            return Path(host["path"])
        return self._folder / name

    def read_only(self, name: str) -> bool:
        """ConfigMaps, Secrets and the like are read only to containers."""
        volume = next(each for each in self._volumes if each["name"] == name)
        return any(field in volume for field in ("configMap", "secret", "downwardAPI", "projected"))


def write(folder: Path, files: Files) -> None:
    """Makes a folder hold these files and no others, in one step."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o755)
    data = folder / "..data"
    if data.is_symlink() and _read(data) == files:
        return
    version = folder / f"..{time.strftime('%Y_%m_%d_%H_%M_%S')}.{time.time_ns() % 10**9:09d}"
    for path, (content, mode) in files.items():
        place = version / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
        place.chmod(mode)
    version.mkdir(exist_ok=True)
    for each in (version, *(path for path in version.rglob("*") if path.is_dir())):
        each.chmod(0o755)
    old = data.resolve() if data.is_symlink() else None
    partial = folder / "..data_tmp"
    partial.unlink(missing_ok=True)
    partial.symlink_to(version.name)
    partial.replace(data)
    _link(folder, {path.partition("/")[0] for path in files})
    if old:
        shutil.rmtree(old, ignore_errors=True)


def _read(data: Path) -> Files:
    every = (path for path in data.resolve().rglob("*") if path.is_file())
    root = data.resolve()
    return {str(path.relative_to(root)): (path.read_bytes(), path.stat().st_mode & 0o7777) for path in every}


def _link(folder: Path, names: set[str]) -> None:
    for name in names:
        if not (folder / name).is_symlink():
            (folder / name).symlink_to(os.path.join("..data", name))  # noqa: PTH118 - a link, not a path
    for each in folder.iterdir():
        if not each.name.startswith("..") and each.name not in names:
            each.unlink()
