"""The command palette: every action that works here, every service, every pod."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, cast

from textual.command import DiscoveryHit, Hit, Hits, Provider

from console.tui.bindings import keys_of
from console.tui.screens.base import ConsoleScreen
from console.tui.screens.home import HomeScreen

if TYPE_CHECKING:
    from console.tui.app import ConsoleApp

_MOST = 60
Command = tuple[str, str, Callable[[], object]]
"""The words that are matched, the words below them, and what happens."""


class ConsoleCommands(Provider):
    """Actions from the table of keys; services and pods from the newest view."""

    @property
    def _console(self) -> ConsoleApp:
        return cast("ConsoleApp", self.app)

    async def discover(self) -> Hits:
        """What is offered before anything was typed."""
        for words, help, act in [*self._actions(), *self._services()]:
            yield DiscoveryHit(words, act, help=help)

    async def search(self, query: str) -> Hits:
        """What matches."""
        matcher = self.matcher(query)
        for words, help, act in [*self._actions(), *self._services(), *self._pods(query)]:
            score = matcher.match(words)
            if score > 0:
                yield Hit(score, matcher.highlight(words), act, help=help)

    def _actions(self) -> Iterator[Command]:
        screen = self.screen
        place = screen.place if isinstance(screen, ConsoleScreen) else ""
        for key in (*keys_of(place), *keys_of("app")):
            name = key.action if "." in key.action else f"{'app' if 'app' in key.places else 'screen'}.{key.action}"
            if key.offered and self._works(key.action):
                yield key.title, f"{key.help}  ({key.name})", partial(self._act, name)

    def _works(self, action: str) -> bool:
        return self.screen.check_action(action.partition("(")[0], ()) is True

    async def _act(self, action: str) -> None:
        await self.app.run_action(action, default_namespace=self.screen)

    def _services(self) -> Iterator[Command]:
        view = self._console.bridge.view
        for service in view.services if view else ():
            words = f"{service.ready} of {service.desired} ready, {service.state}"
            yield f"service {service.name}", f"Its pods: {words}", partial(self._show_service, service.name)
            yield f"logs {service.name}", "Follow its logs", partial(self._console.open_logs, (service.name,))

    def _show_service(self, name: str) -> None:
        app = self._console
        while not isinstance(app.screen, HomeScreen) and len(app.screen_stack) > 2:
            app.pop_screen()
        if isinstance(app.screen, HomeScreen):
            app.screen.show_service(name)

    def _pods(self, query: str) -> Iterator[Command]:
        """Of many pods only those that contain what was typed: matching letter by letter is for few."""
        view = self._console.bridge.view
        wanted = query.lower().removeprefix("pod ").strip()
        found = (pod for pod in (view.pods.values() if view else ()) if wanted in pod.name)
        for _, pod in zip(range(_MOST), found, strict=False):
            yield f"pod {pod.name}", f"Open it; service {pod.service}", partial(self._console.open_pod, pod.uid)
