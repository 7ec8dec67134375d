"""Getting a container's image, again and again until it is there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from console.sandbox.kubelet.backoff import BackOff, go_duration
from console.sandbox.kubelet.host import Host
from console.sandbox.kubelet.images import Image, PullError, Reference
from console.sandbox.kubelet.state import ContainerState

Tell = Callable[[str, str, str], None]
_EVENTS = {"InvalidImageName": "InspectFailed"}
"""Reasons of Events where they differ from the container's (`pkg/kubelet/images/image_manager.go`)."""


class Puller:
    """Pulls the image of one container.

    Args:
        host: the node.
        state: says what is wrong while it is.
        tell: records Events.
        changed: is told whenever the state has changed.
    """

    def __init__(self, host: Host, state: ContainerState, tell: Tell, changed: Callable[[], None]) -> None:
        self._host, self._state, self._tell, self._changed = host, state, tell, changed
        self._back_off = BackOff(host.scale)

    async def pull(self) -> Image:
        """The image; returns once it is there."""
        reference = self._state.spec.get("image", "")
        policy = self._state.spec.get("imagePullPolicy", "IfNotPresent")
        while True:
            try:
                return await self._pull(reference, policy)
            except PullError as error:
                await self._failed(reference, error)

    async def _pull(self, reference: str, policy: str) -> Image:
        seen = self._host.seen
        if policy == "Never" or (policy != "Always" and reference in seen):
            image = await self._host.images.pull(reference, policy)
            self._tell("Normal", "Pulled", f'Container image "{reference}" already present on machine')
            return image
        Reference.parse(reference)  # what is no name is not said to be pulled
        loop = asyncio.get_running_loop()
        begun = loop.time()
        self._tell("Normal", "Pulling", f'Pulling image "{reference}"')
        image = await self._host.images.pull(reference, policy)
        seen.add(reference)
        took = go_duration(round(loop.time() - begun, 3))
        pulled = f'Successfully pulled image "{reference}" in {took} ({took} including waiting)'
        self._tell("Normal", "Pulled", pulled)
        return image

    async def _failed(self, reference: str, error: PullError) -> None:
        """Says why, then waits out the back-off; a name or policy that cannot work is looked at again as well."""
        if error.reason == "ErrImagePull":
            self._tell("Warning", "Failed", f'Failed to pull image "{reference}": {error.message}')
        else:
            self._tell("Warning", _EVENTS.get(error.reason, error.reason), error.message)
        self._say(error.reason, error.message)
        seconds = self._back_off.again(asyncio.get_running_loop().time())
        if error.reason == "ErrImagePull":
            pause = self._host.scale
            await asyncio.sleep(pause)
            back_off = f'Back-off pulling image "{reference}"'
            self._tell("Normal", "BackOff", back_off)
            self._say("ImagePullBackOff", f"{back_off}: {error.reason}: {error.message}")
        await asyncio.sleep(seconds)

    def _say(self, reason: str, message: str) -> None:
        self._tell("Warning", "Failed", f"Error: {reason}")
        self._state.wait(reason, message)
        self._changed()
