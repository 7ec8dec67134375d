"""Values as YAML that people edit: what is written comes back, and what is wrong is told with its place."""

import pytest

from console.adapters.stackfiles.valuefile import read_values, values_text
from console.model.errors import UsageError

VALUES = {
    "MODE": "fine",
    "PORT": "80",
    "FLAG": "true",
    "EMPTY": "",
    "LONG": "x" * 300 + " " + "y" * 300,
    "app.conf": "[server]\nport = 80\n\n  indented: yes\n",
    "no-newline": "a\nb",
    "odd": " leading: # and\ttabs",
    "words": "umlaut ä, 'quotes' and \"more\"",
    "spaces": "trailing \nlines\n\n",
}


def test_what_is_written_comes_back():
    assert read_values(values_text(VALUES)) == VALUES
    assert read_values(values_text({})) == {}


def test_texts_of_several_lines_are_lines():
    assert "app.conf: |\n  [server]\n  port = 80\n" in values_text(VALUES)


def test_numbers_and_truth_values_are_text():
    assert read_values("# a comment\nPORT: 80\nFLAG: yes\nNOTHING:\n") == {"PORT": "80", "FLAG": "yes", "NOTHING": ""}


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("A: 1\nB: [2", "line 2, column 6"),
        ("A: 1\nB: {c: 2}", "line 2, column 4"),
        ("A: 1\nA: 2", "line 2, column 1"),
        ("- A", "line 1, column 1"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(text, where):
    with pytest.raises(UsageError) as caught:
        read_values(text)
    assert caught.value.where == where
