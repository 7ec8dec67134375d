"""Every key of every screen, in one table. Bindings, the footer, the help and the command palette are made from it.

Moving about and acting on an object is k9s'; acting on the stack is a capital letter.
"""

from __future__ import annotations

from dataclasses import dataclass

from textual.binding import Binding, BindingType


@dataclass(frozen=True, slots=True)
class Key:
    """One key at one place.

    Attributes:
        places: where it works: the app, "rows" and "grid" (what has the focus), or a screen.
        keys: as Textual names them, separated by commas; the first is shown.
        action: what it does, as Textual names actions.
        label: the word in the footer; empty keeps it out of there.
        help: a sentence for the help screen and the palette.
        shown: how people write the key.
        offered: whether the command palette offers it.
    """

    places: tuple[str, ...]
    keys: str
    action: str
    label: str
    help: str
    shown: str = ""
    offered: bool = True

    @property
    def title(self) -> str:
        """What it does, in a word or two."""
        return self.label or self.action.rpartition(".")[2].replace("_", " ").capitalize()

    @property
    def name(self) -> str:
        """The key as people write it."""
        return self.shown or self.keys.partition(",")[0]


_PANELS = ("scale", "restart", "config")
_LEAVES = ("plan", "run", "logs", "pod", "history", "text", *_PANELS)
_EVERYWHERE = ("home", *_LEAVES)

KEYS = (
    # Acting on the stack.
    Key(("home", "history", "pod"), "D", "app.deploy", "Deploy", "Show what a deploy would do; Enter there runs it"),
    Key(("home", "pod"), "S", "app.scale", "Scale", "Other numbers of pods: previewed, waited for, undone"),
    Key(("home", "pod"), "R", "app.restart", "Restart", "New pods for services: previewed, waited for"),
    Key(("home", "pod"), "U", "app.roll_back", "Roll back", "Back to the release before; the plan is shown first"),
    Key(("home", "pod"), "C", "app.configuration", "Config", "ConfigMaps and Secrets: who reads them, other values"),
    Key(("home",), "X", "app.stop_or_start", "", "Stop everything, so that there are no pods, or start it again"),
    Key(("home",), "A", "app.finish", "", "Show the plan that finishes what was interrupted"),
    Key(("home", "pod", "run"), "H", "app.history", "History", "Releases and runs of this stack, and their evidence"),
    # Acting on what is selected.
    Key(("home",), "enter", "open", "Open", "Open the pod, or keep to the service's pods", "Enter"),
    Key(("home", "pod"), "l", "logs", "Logs", "Follow the logs of what is selected"),
    Key(("home", "pod"), "p", "previous_logs", "", "The logs from before the last restart"),
    Key(("home",), "d", "describe", "Describe", "The pod in full: containers, probes, conditions, events"),
    Key(("home", "pod"), "y", "yaml", "YAML", "The object as the cluster has it"),
    Key(("pod",), "n", "probe_now", "Probe now", "Ask the selected probe's endpoint now"),
    Key(("plan",), "enter", "run", "Run", "Carry out this plan", "Enter"),
    Key(("plan",), "b", "rollback", "Roll back", "Whether to roll back by itself if the run fails"),
    Key(("plan",), "m", "measure", "Measure", "Whether requests are sent to the stack meanwhile, and counted"),
    Key(("plan",), "r", "again", "Plan again", "Make the plan anew"),
    Key(("run",), "ctrl+c", "cancel", "Cancel", "End the run cleanly", "^c"),
    Key(("run",), "p", "pause", "Pause", "Hold before the next service, or go on; what has begun goes on to its end"),
    Key(("run",), "f", "follow", "Follow", "Select whichever step is running"),
    Key(("run",), "u", "undo", "Undo", "Show what would take this back; Enter there does it"),
    Key(("scale",), "0,1,2,3,4,5,6,7,8,9", "number", "", "Type how many pods are wanted", "0-9", offered=False),
    Key(("scale",), "plus,equals_sign", "more(1)", "More", "One pod more", "+", offered=False),
    Key(("scale",), "minus", "more(-1)", "Fewer", "One pod fewer", "-", offered=False),
    Key(("scale",), "backspace", "rub_out", "", "Take the number back", "Backspace", offered=False),
    Key(("restart",), "space", "choose", "Choose", "Choose the service, or leave it out", "Space"),
    Key(("restart",), "a", "all", "All", "All services, or none"),
    Key(("config",), "e", "edit", "Edit", "Edit the value; that of a Secret is typed without being shown"),
    Key(("config",), "ctrl+d", "take_away", "Delete", "Take the key away", "^d"),
    Key(("config",), "backspace", "revert", "", "The value as it was", "Backspace"),
    Key(("edit",), "ctrl+s", "keep", "Keep", "Keep what was typed", "^s", offered=False),
    Key(("edit",), "escape", "leave", "Leave it", "Leave it as it is", "Esc", offered=False),
    Key(_PANELS, "enter", "preview", "Preview", "Show what it would do; Enter there does it", "Enter"),
    Key(("logs",), "f,space", "follow", "Follow", "Follow the end, or pause"),
    Key(("logs",), "p", "previous", "Previous", "The logs from before the last restart, or the current ones"),
    Key(("logs",), "w", "wrap", "Wrap", "Break long lines, or cut them"),
    Key(("logs",), "t", "time", "Time", "Jump to a time of day"),
    Key(("logs",), "ctrl+s", "save", "Save", "Save what is shown to a file", "^s"),
    Key(("logs",), "left", "shift(-8)", "", "Shift long lines to the right", "←", offered=False),
    Key(("logs",), "right", "shift(8)", "", "Shift long lines to the left", "→", offered=False),
    Key(("history",), "enter", "open", "Open", "The evidence of the run, or the parts of the release", "Enter"),
    Key(("history",), "U", "go_back", "Roll back", "Show what going back to the release would do"),
    Key(("history",), "d", "compare", "Diff", "What lies between the release and the marked one, else the one before"),
    Key(("history",), "space", "mark", "Mark", "Mark the release that others are compared with", "Space"),
    Key(("history",), "w", "drift", "Drift", "What in the cluster differs from the last release, by whom, since when"),
    Key(("stacks",), "enter", "open", "Open", "Open the stack", "Enter", offered=False),
    Key(("home",), "r", "reconnect", "Try again", "Connect again now"),
    Key(("home", "logs", "text"), "slash", "filter", "Filter", "Show only what a regular expression finds", "/"),
    Key(("home", *_LEAVES), "c", "copy", "Copy", "Copy what is selected"),
    # Moving about.
    Key(("rows",), "j,down", "step(1)", "", "Down", "j", offered=False),
    Key(("rows",), "k,up", "step(-1)", "", "Up", "k", offered=False),
    Key(("rows",), "g,home", "far(-1)", "", "To the first", "g", offered=False),
    Key(("rows",), "G,end", "far(1)", "", "To the last", "G", offered=False),
    Key(("rows",), "pagedown,ctrl+f", "leaf(1.0)", "", "A page down", "PgDn", offered=False),
    Key(("rows",), "pageup,ctrl+b", "leaf(-1.0)", "", "A page up", "PgUp", offered=False),
    Key(_EVERYWHERE, "tab", "app.focus_next", "", "To the next pane", "Tab", offered=False),
    Key(_EVERYWHERE, "shift+tab", "app.focus_previous", "", "To the pane before", "S-Tab", offered=False),
    Key(("home",), "escape", "back", "", "Clear filter and choice of service", "Esc", offered=False),
    Key(_LEAVES, "escape,q", "back", "Back", "Back to where you came from", "Esc", offered=False),
    Key(("prompt",), "escape", "give_up", "Give up", "Show everything again", "Esc", offered=False),
    Key(("help",), "escape,q,question_mark", "dismiss", "Close", "Close", "Esc", offered=False),
    # Everywhere.
    Key(("app",), "colon,ctrl+p", "command_palette", "Go to", "Find every action, service and pod", ":", offered=False),
    Key(("app",), "question_mark", "help", "Help", "The keys that work here", "?", offered=False),
    Key(("app",), "T", "theme", "", "Light or dark"),
    Key(("home", "stacks"), "q", "app.leave", "Quit", "Leave the console"),
    Key(("app",), "ctrl+q,ctrl+c", "leave", "", "Leave the console", "^q", offered=False),
)


def keys_of(place: str) -> list[Key]:
    """The keys that work at a place, in the table's order."""
    return [key for key in KEYS if place in key.places]


def bindings(place: str) -> list[BindingType]:
    """The bindings of a screen, a widget or the app."""
    return [
        Binding(key.keys, key.action, key.label, show=bool(key.label), key_display=key.name, tooltip=key.help)
        for key in keys_of(place)
    ]
