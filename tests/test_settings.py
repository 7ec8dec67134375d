"""Settings: flag > environment > file > default."""

from pathlib import Path

import pytest

from console.model.errors import UsageError
from console.settings import load


@pytest.fixture(autouse=True)
def own_home(tmp_path, monkeypatch):
    for name in ("STATE", "CACHE", "CONFIG"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name.lower()))
    monkeypatch.delenv("NO_COLOR", raising=False)
    return tmp_path


@pytest.fixture
def file(own_home):
    folder = own_home / "config" / "stack-console"
    folder.mkdir(parents=True)
    return folder / "settings.toml"


def test_by_default_state_and_cache_lie_in_the_xdg_folders(own_home):
    settings = load({})
    assert settings.journal == own_home / "state" / "stack-console" / "journal.db"
    assert settings.sandbox == own_home / "state" / "stack-console" / "sandbox"
    assert settings.images == own_home / "cache" / "stack-console" / "images"
    assert (settings.output, settings.read_only, settings.timeout) == ("text", False, None)


def test_a_flag_is_stronger_than_the_environment_and_that_than_the_file(file, monkeypatch):
    file.write_text('output = "ndjson"\ntimeout = 30\nread_only = true\n')
    assert (load({}).output, load({}).timeout, load({}).read_only) == ("ndjson", 30.0, True)
    monkeypatch.setenv("STACK_CONSOLE_OUTPUT", "json")
    assert (load({}).output, load({}).timeout) == ("json", 30.0)
    assert load({"output": "text", "read_only": False, "stack": "todo"}).output == "text"
    assert load({"output": None}).output == "json"


def test_a_flag_that_was_not_given_does_not_hide_the_file(file):
    file.write_text("read_only = true\n")
    assert load({"read_only": False}).read_only


def test_the_no_color_convention_counts(monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    assert load({}).no_color


def test_settings_do_not_change():
    with pytest.raises(AttributeError, match="immutable"):
        load({}).state = Path("/elsewhere")


@pytest.mark.parametrize(
    ("text", "told"),
    [("outptu = 'json'\n", "outptu"), ("timeout = -1\n", "timeout"), ("this is no TOML", "settings.toml")],
)
def test_a_wrong_file_is_told_with_its_name(file, text, told):
    file.write_text(text)
    with pytest.raises(UsageError) as caught:
        load({})
    assert told in str(caught.value)
    assert "settings.toml" in str(caught.value)
