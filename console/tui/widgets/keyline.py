"""The line at the bottom: the keys that work here and now, as many as fit. They can be clicked."""

from __future__ import annotations

from collections.abc import Iterator

from textual.binding import ActiveBinding
from textual.events import Click
from textual.strip import Strip
from textual.widget import Widget

from console.tui.present.lines import Line, Tone, plain
from console.tui.widgets.paint import paint_of

_ALWAYS = (("?", "Help", "app.help"), (":", "Go to", "app.command_palette"))


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
        """What fits, each part with its action; help always does."""
        room = self.size.width - sum(len(key) + len(label) + 3 for key, label, _ in _ALWAYS)
        for key, label, action in self._offered():
            part = _part(key, label)
            room -= len(plain(part))
            if room < 0:
                break
            yield action, part
        for key, label, action in _ALWAYS:
            yield action, _part(key, label)

    def _offered(self) -> Iterator[tuple[str, str, str]]:
        seen = set()
        for active in self.screen.active_bindings.values():
            binding = active.binding
            if binding.show and active.enabled and binding.action not in seen:
                seen.add(binding.action)
                if f"app.{binding.action}" not in {action for *_, action in _ALWAYS}:
                    yield (binding.key_display or binding.key).split(",")[0], binding.description, _qualified(active)

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
    return action if "." in action else f"screen.{action}"
