"""Broken stack files and manifests as a command tells them: exit code 2, place, words; never a traceback."""

from __future__ import annotations

import json

import pytest

from console.bootstrap import main
from tests.adapters.stackfiles.conftest import Shop
from tests.adapters.stackfiles.test_broken import BROKEN


@pytest.fixture
def shop(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STACK_CONSOLE_STATE", str(tmp_path / "state"))
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    return Shop(tmp_path)


@pytest.mark.parametrize(("file", "before", "after", "line", "column", "says"), BROKEN)
def test_a_command_says_what_is_wrong_line_and_column(shop, capsys, file, before, after, line, column, says):
    shop.edit(file, before, after)
    assert main(["plan", "stack.yaml", "--output", "json"]) == 2
    told = capsys.readouterr()
    place = f"{file}:{line}:{column}: "
    assert any(place in each and says in each for each in told.err.splitlines()), told.err
    assert "Traceback" not in told.err
    document = json.loads(told.out)
    assert document["exit_code"] == 2
    places = {(problem["file"], problem["line"], problem["column"]) for problem in document["problems"]}
    assert (file, line, column) in places
