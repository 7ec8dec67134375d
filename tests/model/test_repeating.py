"""What the console did can be typed, and what was typed can be done in the console."""

import pytest

from console.model.operations import Configure, Restart, RollBack, Scale, Start, Stop
from console.model.plan import ObjectRef
from console.model.repeating import command_of, operation_of, verb_of


@pytest.mark.parametrize(
    ("operation", "line"),
    [
        (Scale({"web": 3, "api": 0}), "stack-console scale todo web=3 api=0 --target dev"),
        (Restart(), "stack-console restart todo --target dev"),
        (Restart(("web",)), "stack-console restart todo web --target dev"),
        (RollBack(7), "stack-console rollback todo --to 7 --target dev"),
        (Stop(), "stack-console stop todo --target dev"),
        (Start(), "stack-console start todo --target dev"),
    ],
)
def test_an_operation_and_its_command_are_the_same_both_ways(operation, line):
    assert command_of(operation, "todo", "dev") == line
    assert operation_of(line) == operation


def test_options_stand_anywhere_and_with_or_without_an_equals_sign():
    line = "/usr/bin/stack-console rollback --target=dev todo --timeout 5m --headless --to=4"
    assert operation_of(line) == RollBack(4)
    for rate in ("--probe-load 50", "--probe-load=50", "--probe-load"):
        assert operation_of(f"stack-console scale {rate} todo web=3") == Scale({"web": 3})


@pytest.mark.parametrize(
    "line", ["", "stack-console deploy todo", "stack-console rollback todo", "stack-console scale todo web", "rm '"]
)
def test_what_is_no_whole_operation_is_none(line):
    assert operation_of(line) is None


def test_the_verb_is_known_of_every_command():
    assert verb_of("stack-console deploy todo --target dev") == "deploy"
    assert verb_of("ls") == ""


def test_values_of_a_configuration_are_in_no_command():
    operation = Configure(ObjectRef("v1", "Secret", "todo", "keys"), {"TOKEN": "hidden"})
    told = command_of(operation, "todo", "dev")
    assert told == "stack-console config set --secret todo keys TOKEN --target dev"
    web = Configure(ObjectRef("v1", "ConfigMap", "todo", "web"), {"MODE": "hidden"})
    assert command_of(web, "todo", "dev") == "stack-console config edit todo configmap/web --target dev"
