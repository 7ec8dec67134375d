"""The line at the bottom: the keys that work here and now, as many as fit. They can be clicked."""

from __future__ import annotations

from collections.abc import Iterator

from textual.app import App
from textual.binding import ActiveBinding
from textual.events import Click
from textual.strip import Strip
from textual.widget import Widget

from console.tui.present.lines import Line, Tone, plain
from console.tui.widgets.paint import paint_of

_ALWAYS = (("?", "Help", "app.help"), (":", "Go to", "app.command_palette"))
_BACK = "screen.back"


class KeyLine(Widget):
    """Draws the screen's active bindings that have a label."""

    DEFAULT_CSS = """
    KeyLine { height: 1; width: 1fr; dock: bottom; background: $panel; color: $foreground; }
    """

    def on_mount(self) -> None:
        """Draws again when other keys work."""
        self.screen.bindings_updated_signal.subscribe(self, lambda _: self.refresh())

    def render_line(self, y: int) -> Strip:
        """The line."""
        spans = tuple(span for _, part in self._parts() for span in part)
        return paint_of(self.app).strip(spans, self.size.width, self.rich_style)

    def _parts(self) -> Iterator[tuple[str, Line]]:
        """What fits, each part with its action; the way back and help always do."""
        offered = list(self._offered())
        back = [each for each in offered if each[2] == _BACK]
        last = [(action, _part(key, label)) for key, label, action in (*back, *_ALWAYS)]
        room = self.size.width - sum(len(plain(part)) for _, part in last)
        for key, label, action in offered:
            part = _part(key, label)
            if action != _BACK and (room := room - len(plain(part))) >= 0:
                yield action, part
        yield from last

    def _offered(self) -> Iterator[tuple[str, str, str]]:
        seen = {action for *_, action in _ALWAYS}
        for active in self.screen.active_bindings.values():
            binding, action = active.binding, _qualified(active)
            if binding.show and active.enabled and action not in seen:
                seen.add(action)
                yield binding.key_display or binding.key, binding.description, action

    async def on_click(self, event: Click) -> None:
        """A click on a key presses it."""
        position = 0
        for action, part in self._parts():
            position += len(plain(part))
            if event.x < position:
                await self.app.run_action(action, default_namespace=self.screen)
                return


def _part(key: str, label: str) -> Line:
    return (f" {key}", Tone.ACCENT), (f" {label} ", Tone.PLAIN)


def _qualified(active: ActiveBinding) -> str:
    action = active.binding.action
    if "." in action:
        return action
    return f"{'app' if isinstance(active.node, App) else 'screen'}.{action}"
