"""Values of Secrets from the environment and from `.env`."""

from __future__ import annotations

from pathlib import Path

import pytest

from console.adapters.stackfiles.environment import EnvironmentSecrets, parse_env
from console.model.errors import UsageError

TEXT = """\
# a comment
PLAIN=postgres://u:p@host/db?x=1#part   # a comment
export EXPORTED = two words
SINGLE='as $it is # here'
DOUBLE="a \\"quote\\"\\nand a line" # more
EMPTY=
TWICE=1
TWICE=2
"""


def test_the_forms_of_an_env_file() -> None:
    assert parse_env(TEXT.replace("\n", "\r\n"), ".env") == {
        "PLAIN": "postgres://u:p@host/db?x=1#part",
        "EXPORTED": "two words",
        "SINGLE": "as $it is # here",
        "DOUBLE": 'a "quote"\nand a line',
        "EMPTY": "",
        "TWICE": "2",
    }


def test_a_line_that_is_wrong_is_named_and_not_shown() -> None:
    with pytest.raises(UsageError) as raised:
        parse_env("A=1\ncorrect-horse\n", "stacks/shop/.env")
    assert str(raised.value).startswith("stacks/shop/.env:2: this line is no KEY=value")
    assert "horse" not in str(raised.value)


def test_the_environment_comes_before_the_file(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("\ufeffA=file\nB=file\n", encoding="utf-8")
    secrets = EnvironmentSecrets(tmp_path / "stack.yaml", {"A": "environment", "B": ""})
    assert [secrets.lookup(key) for key in "ABC"] == ["environment", "file", None]


def test_no_file_is_needed(tmp_path: Path) -> None:
    assert EnvironmentSecrets(tmp_path / "stack.yaml", {"A": "1"}).lookup("A") == "1"
