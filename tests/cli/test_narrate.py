"""stderr: one line a fact, redacted, never a cursor movement; GitHub's commands where they count."""

import io
import re

import pytest

from console.cli.narrate import Narrator
from console.cli.style import PLAIN, Style
from console.model.errors import LockedError, Problem, StackFileError
from tests.cli.conftest import SECRET


def test_a_line_has_the_elapsed_seconds_the_service_and_the_words(narrator):
    narrator.say("2/3 ready", about="backend")
    assert re.fullmatch(r" +\d+\.\ds  backend       2/3 ready\n", narrator.stream.getvalue())


def test_every_line_of_a_text_is_prefixed(narrator):
    narrator.say("one\ntwo", about="backend")
    assert [line.split()[1] for line in narrator.stream.getvalue().splitlines()] == ["backend", "backend"]


def test_an_error_is_told_with_its_exit_code_and_hint(narrator):
    narrator.error(LockedError("todo is held", why="by ci-7 for 3 s", hint="wait, or ask ci-7"))
    assert narrator.stream.getvalue() == "locked (exit 17): todo is held: by ci-7 for 3 s\n  wait, or ask ci-7\n"


def test_every_problem_of_the_stack_file_is_told(narrator):
    problems = [Problem("stack.yaml", line, 3, "unknown key") for line in (9, 4)]
    narrator.error(StackFileError(problems))
    lines = narrator.stream.getvalue().splitlines()
    assert "stack.yaml:4:3: unknown key" in lines[0]
    assert "stack.yaml:9:3: unknown key" in lines[1]


def test_colours_only_where_they_are_wanted(redactor):
    for color in (False, True):
        narrator = Narrator(io.StringIO(), redactor, Style(color))
        narrator.say("broken", level="error")
        assert ("\x1b[31m" in narrator.stream.getvalue()) is color


@pytest.mark.parametrize("write", ["say", "block", "group", "annotate", "error", "bug"])
def test_every_way_to_write_is_redacted(redactor, write):
    narrator = Narrator(io.StringIO(), redactor, PLAIN, github=True)
    arguments = {
        "say": (SECRET,),
        "block": ([SECRET],),
        "group": (SECRET, [SECRET]),
        "annotate": ("error", SECRET, SECRET),
        "error": (LockedError(SECRET, why=SECRET, hint=SECRET),),
        "bug": (RuntimeError(SECRET), None),
    }
    getattr(narrator, write)(*arguments[write])
    assert narrator.stream.getvalue()
    assert "s3cr3t-pa55word" not in narrator.stream.getvalue()


def test_on_github_a_group_folds_and_an_annotation_is_escaped(redactor):
    narrator = Narrator(io.StringIO(), redactor, PLAIN, github=True)
    narrator.group("build backend", ["::error::from a build", "##[error]too"])
    narrator.annotate("error", "backend: crash-loop, again", "50 %\nof the pods")
    lines = narrator.stream.getvalue().splitlines()
    assert lines[0] == "::group::build backend"
    assert not any(line.startswith("::error::from") or "##[" in line for line in lines)
    assert lines[3] == "::endgroup::"
    assert lines[4] == "::error title=backend%3A crash-loop%2C again::50 %25%0Aof the pods"


def test_elsewhere_there_are_no_annotations(narrator):
    narrator.annotate("error", "backend", "broken")
    assert not narrator.stream.getvalue()
