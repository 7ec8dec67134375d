"""From a container's spec and image to the process that is started, and to commands that run beside it."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path

from console.sandbox.api import quantity
from console.sandbox.api.resources import Object
from console.sandbox.kubelet import commands, environment
from console.sandbox.kubelet.host import Host
from console.sandbox.kubelet.images import Image
from console.sandbox.kubelet.jail import NOT_STARTED
from console.sandbox.kubelet.modes import Fitted, Launch, Mount
from console.sandbox.kubelet.process import Order
from console.sandbox.kubelet.references import MissingError, References
from console.sandbox.kubelet.trees import lock_of
from console.sandbox.kubelet.volumes import Volumes

_MESSAGE_LIMIT = 4096


class Launcher:
    """Prepares one container's process, anew for every start.

    Args:
        host: the node.
        pod: the pod's object as it was bound.
        container: its spec.
        volumes: of the pod.
        references: of the pod.
        own: the pod's folder.
    """

    def __init__(
        self, host: Host, pod: Object, container: Object, volumes: Volumes, references: References, own: Path
    ) -> None:
        self._host, self._pod, self._container = host, pod, container
        self._volumes, self._references, self._own = volumes, references, own
        self.records: Path = own / "containers" / container["name"]
        self.logs: Path = own / "logs" / container["name"]
        self.fitted: Fitted | None = None
        self.image: Image | None = None

    def prepare(self, image: Image) -> Order:
        """What to run.

        Raises:
            MissingError: a ConfigMap, Secret or key is not there.
        """
        self.image = image
        self._clear()
        values = {"POD_IP": self._references.field("status.podIP"), "BUNDLE_ROOT": str(image.root)}
        known = environment.of_container(self._container, self._base(image, values), self._references)
        words = environment.command(self._container, image.config, known, values)
        if not words:
            raise MissingError("no command specified")
        folder = self._container.get("workingDir") or image.config.get("WorkingDir") or _tree(image)
        fitted = self._fit(image, words, known, folder)
        group = f"sandbox-{secrets.token_hex(8)}"
        hold = str(lock_of(image.root)) if _tree(image) else ""
        return Order(fitted.command, fitted.environment, fitted.folder, self._memory(), group, fitted.entry, hold)

    def _fit(self, image: Image, words: list[str], known: dict[str, str], folder: str, *, runs: bool = False) -> Fitted:
        launch = Launch(
            pod=self._pod,
            container=self._container,
            tree=_tree(image),
            home=self._own / "home",
            records=self.records,
            command=words,
            environment=known,
            folder=folder,
            mounts=self._mounts(known, runs=runs),
        )
        self.fitted = self._host.mode.fit(launch)
        return self.fitted

    def record(self) -> Object:
        """What `recover` needs, to be kept with the process."""
        assert self.fitted
        assert self.image
        image = self.image
        return {
            "mode": self._host.mode.name,
            "image": [str(image.root), image.config, image.id, image.reference],
            "folder": self.fitted.folder,
        }

    def recover(self, record: Object, environment: dict[str, str]) -> None:
        """Takes over a process that runs already, or did: nothing is looked up or pulled again."""
        root, config, id_, reference = record["image"]
        self.image = Image(root=Path(root), config=config, id=id_, reference=reference)
        self._fit(self.image, [], environment, record["folder"], runs=True)

    def _clear(self) -> None:
        for folder in (self.records, self.logs, self._own / "home"):
            folder.mkdir(parents=True, exist_ok=True)
        self._message_file.unlink(missing_ok=True)
        self._message_file.touch()

    def drop_logs(self, last: int) -> None:
        """Removes the logs of starts before `last`; only one previous log is kept."""
        for each in self.logs.glob("*.log*"):
            if int(each.name.partition(".")[0]) < last:
                each.unlink()

    def _base(self, image: Image, values: Mapping[str, str]) -> dict[str, str]:
        spec, metadata = self._pod["spec"], self._pod["metadata"]
        services = self._host.machinery.list("services", metadata["namespace"])
        linked = services if spec.get("enableServiceLinks", True) else []
        kubernetes = self._host.machinery.find("services", "default", "kubernetes")
        basics = {"PATH": self._host.path, "HOSTNAME": spec.get("hostname") or metadata["name"]}
        links = environment.service_links([*linked, *([kubernetes] if kubernetes else [])])
        return basics | environment.of_image(image.config, values) | links

    def _memory(self) -> int:
        limit = ((self._container.get("resources") or {}).get("limits") or {}).get("memory")
        return int(quantity.parse(limit)) if limit else 0

    # -- mounts

    def _mounts(self, known: Mapping[str, str], *, runs: bool) -> list[Mount]:
        found = [Mount(self._message_path, self._message_file)]
        for number, mount in enumerate(self._container.get("volumeMounts") or ()):
            fixed = self._volumes.read_only(mount["name"])
            source = self._volumes.path(mount["name"])
            part = mount.get("subPath") or environment.expand(mount.get("subPathExpr") or "", known)
            if part:
                copy = self.records / f"subpath-{number}"
                source = self._part(source, part, copy if fixed else None, runs=runs)
            found.append(Mount(mount["mountPath"], source, bool(mount.get("readOnly")) or fixed))
        return found

    def _part(self, volume: Path, part: str, copy: Path | None, *, runs: bool) -> Path:
        """A part of a volume; of a ConfigMap or Secret it is a copy, which does not follow its source."""
        if ".." in Path(part).parts:
            mount = f'volumeMount "{volume.name}" of container "{self._container["name"]}"'
            raise MissingError(f"failed to prepare subPath for {mount}")
        if copy is None:
            if not (volume / part).exists():
                (volume / part).mkdir(parents=True)
            return volume / part
        if runs:
            return copy
        shutil.rmtree(copy, ignore_errors=True) if copy.is_dir() else copy.unlink(missing_ok=True)
        source = volume / part
        shutil.copytree(source, copy) if source.is_dir() else shutil.copy2(source, copy)
        return copy

    # -- how it ended

    @property
    def _message_path(self) -> str:
        return self._container.get("terminationMessagePath") or "/dev/termination-log"

    @property
    def _message_file(self) -> Path:
        return self.records / "termination-log"

    def message(self, code: int, tail: str) -> str:
        """What the container left as its last words: the file's, or after a failure the log's end if it asks so."""
        written = self._message_file.read_bytes()[-_MESSAGE_LIMIT:].decode(errors="replace")
        if written or code == 0 or self._container.get("terminationMessagePolicy") != "FallbackToLogsOnError":
            return written
        return "".join(tail.splitlines(keepends=True)[-80:])

    @property
    def stop_signal(self) -> str:
        """The signal that asks the container to end, by name."""
        own = (self._container.get("lifecycle") or {}).get("stopSignal")
        config = self.image.config if self.image else {}
        return str(own or config.get("StopSignal") or "SIGTERM")

    # -- beside it

    async def run(self, pid: int, command: list[str], seconds: float) -> tuple[int | None, str]:
        """Runs a command in the container, for so many seconds at most; see `commands.run`.

        Raises:
            OSError: it cannot be started.
        """
        assert self.fitted
        words = [*self._host.mode.enter(pid, self.fitted.folder), *(self.fitted.rewrite(each) for each in command)]
        folder = "/" if self.fitted.entry else self.fitted.folder
        code, output = await commands.run(words, self.fitted.environment, folder, seconds)
        if self.fitted.entry and output.startswith(NOT_STARTED):
            number = int(output.removeprefix(NOT_STARTED).split()[0])
            raise OSError(number, os.strerror(number), command[0])
        return code, output


def _tree(image: Image) -> str:
    """The image's tree as working directory; empty for an image that has none."""
    return str(image.root) if image.root.is_dir() and any(image.root.iterdir()) else ""
