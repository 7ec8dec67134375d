"""What leaves the command line passes the redactor: the list of those who write, which a new one must join."""

import re
from pathlib import Path

import console
from console.cli.session import Session

PACKAGE = Path(console.__file__).parent
WRITES = re.compile(r"\bprint\(|\.write(_text|_bytes|lines)?\(|\bos\.write\(|\bsys\.std(out|err)\b")
WRITERS = {"cli/output.py", "cli/narrate.py", "cli/report.py", "cli/exits.py"}
# They hand the streams to the writers, or ask whether they are a terminal; `--help` is printed by argparse.
HAND_ON = {"cli/main.py", "cli/session.py"}
# They write what is asked, a draft for the user's own editor, the user's own files; Secrets are in none of them.
ASKING = {"cli/asking.py", "cli/editor.py", "cli/commands/drift.py"}


def sources():
    files = [
        *(PACKAGE / "cli").rglob("*.py"),
        PACKAGE / "bootstrap.py",
        PACKAGE / "settings.py",
        PACKAGE / "__main__.py",
    ]
    return {str(file.relative_to(PACKAGE)): file.read_text() for file in files}


def test_only_the_known_writers_write():
    found = {name for name, text in sources().items() if WRITES.search(text)}
    assert found == WRITERS | HAND_ON | ASKING


def test_every_writer_masks_what_it_writes():
    for name in WRITERS:
        text = sources()[name]
        assert "redactor: Redactor" in text, name
        assert "redactor.text(" in text or "redactor.text)" in text, name


def test_those_who_hand_on_streams_write_nothing_themselves():
    for name in HAND_ON:
        assert not re.search(r"\bprint\(|\.write\(|\bos\.write\(", sources()[name])


def test_one_redactor_serves_every_writer_of_a_command():
    assert {"redactor", "output", "narrator"} <= set(Session.__slots__)
