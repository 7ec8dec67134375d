"""The words of the command line."""

import pytest

from console.cli.arguments import build_parser, duration, parse
from console.model.errors import UsageError
from console.model.outcome import Outcome


@pytest.mark.parametrize(
    ("words", "command", "stack"),
    [
        ([], "open", None),
        (["todo"], "open", "todo"),
        (["./stacks/todo"], "open", "./stacks/todo"),
        (["plan", "todo"], "plan", "todo"),
        (["--target", "local", "deploy", "todo"], "deploy", "todo"),
        (["--headless", "todo"], "open", "todo"),
        (["status"], "status", None),
        (["history", "todo"], "history", "todo"),
        (["demo"], "demo", None),
    ],
)
def test_the_command_is_found_and_a_stack_alone_opens_the_console(words, command, stack):
    args = parse(words)
    assert (args.command, args.stack) == (command, stack)
    assert args.argv == words


def test_options_may_stand_before_and_after_the_command():
    before = parse(["--read-only", "--timeout", "5m", "plan", "todo"])
    after = parse(["plan", "todo", "--read-only", "--timeout", "5m"])
    assert before.read_only
    assert (before.read_only, before.timeout) == (after.read_only, after.timeout) == (True, 300.0)


@pytest.mark.parametrize(
    ("words", "rate"),
    [
        (["deploy", "todo"], None),
        (["deploy", "todo", "--probe-load"], 0.0),
        (["deploy", "--probe-load", "todo"], 0.0),
        (["--probe-load", "deploy", "todo"], 0.0),
        (["deploy", "todo", "--probe-load", "50"], 50.0),
        (["deploy", "--probe-load", "50", "todo"], 50.0),
        (["restart", "todo", "--probe-load=7.5"], 7.5),
        (["scale", "todo", "--probe-load", "web=3"], 0.0),
        (["start", "todo", "--probe-load"], 0.0),
        (["rollback", "todo", "--probe-load"], 0.0),
    ],
)
def test_the_rate_of_requests_may_be_left_out(words, rate):
    args = parse(words)
    assert (args.stack, args.probe_load) == ("todo", rate)


@pytest.mark.parametrize("rate", ["0", "201", "fast", "1.2.3"])
def test_a_rate_has_bounds(rate):
    with pytest.raises(UsageError, match="no rate between 1 and 200 a second"):
        parse(["deploy", "todo", f"--probe-load={rate}"])


def test_history_diff_takes_a_stack_and_two_releases():
    assert parse(["history", "diff", "todo", "3", "7"]).pair == (3, 7)
    for wrong in (["history", "diff", "todo", "3"], ["history", "diff", "todo", "3", "x"]):
        with pytest.raises(UsageError, match="two releases"):
            parse(wrong)


def test_history_show_takes_a_stack_and_a_run():
    args = parse(["history", "show", "todo", "20261124"])
    assert (args.stack, args.run) == ("todo", "20261124")
    for wrong in (["history", "show", "todo"], ["history", "todo", "hello"], ["history"]):
        with pytest.raises(UsageError):
            parse(wrong)


def test_values_of_a_configuration_are_set_or_go():
    args = parse(["config", "set", "todo", "backend", "MODE=a=b", "EMPTY=", "OLD-", "DASH-ED=x-"])
    assert (args.action, args.stack, args.name) == ("set", "todo", "backend")
    assert args.values == {"MODE": "a=b", "EMPTY": "", "OLD": None, "DASH-ED": "x-"}
    secret = parse(["config", "set", "--secret", "todo", "login", "TOKEN"])
    assert (secret.name, secret.values, secret.removes) == ("login", {"TOKEN": None}, False)
    assert parse(["config", "set", "--secret", "todo", "login", "TOKEN-"]).removes
    assert parse(["config", "show", "todo"]).name == ""


@pytest.mark.parametrize(
    "words",
    [
        ["show", "todo", "backend", "MODE=a"],
        ["edit", "todo"],
        ["edit", "todo", "backend", "--secret"],
        ["set", "todo", "backend"],
        ["set", "todo", "backend", "MODE"],
        ["set", "todo", "backend", "=a"],
        ["set", "--secret", "todo", "login", "TOKEN=hidden"],
        ["set", "--secret", "todo", "login", "TOKEN", "OTHER"],
        ["sideways", "todo"],
    ],
)
def test_wrong_words_of_a_configuration_are_refused_without_the_value(words):
    with pytest.raises(UsageError) as caught:
        parse(["config", *words])
    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("30s", 30), ("5m", 300), ("1h30m", 5400), ("250ms", 0.25), ("1.5h", 5400)]
)
def test_durations(text, seconds):
    assert duration(text) == seconds


@pytest.mark.parametrize(
    "words",
    [
        ["deploy"],
        ["deploy", "todo", "--drift", "sometimes"],
        ["deploy", "todo", "--timeout", "soon"],
        ["deploy", "todo", "--report", "report.doc"],
        ["logs", "todo", "--grep", "("],
        ["deploy", "todo", "--yes-i-mean"],
        ["sandbox", "sideways"],
        ["plan", "todo", "--nonsense"],
    ],
)
def test_wrong_words_are_a_usage_error_with_a_hint(words):
    with pytest.raises(UsageError) as caught:
        parse(words)
    assert caught.value.hint


def test_help_prints_every_exit_code():
    text = build_parser().format_help()
    for outcome in Outcome:
        assert f"{outcome.code:>3}  {outcome.meaning}" in text
