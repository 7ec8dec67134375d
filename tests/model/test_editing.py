"""Edits: what may be written, what looks wrong, and what somebody else wrote meanwhile."""

import base64

import pytest

from console.model.editing import ThreeWay, odd_shapes, refuse_conflicts, refuse_invalid
from console.model.errors import EditConflictError, UsageError
from console.model.operations import Before, Configure
from console.model.plan import ObjectRef
from console.model.redaction import MASK
from console.model.release import Release
from tests.stacks import manifests

WEB = ObjectRef("v1", "ConfigMap", "todo", "web")
LOGIN = ObjectRef("v1", "Secret", "todo", "login")
BEFORE = {"kind": "ConfigMap", "data": {"MODE": "fine"}, "binaryData": {"logo.png": "AAAA"}}


def encoded(text):
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"NO SPACES": "x"}, "'NO SPACES' is no key"),
        ({"..": "x"}, "is no key"),
        ({"a" * 254: "x"}, "is no key"),
        ({"logo.png": "x"}, "logo.png holds bytes"),
        ({"BIG": "x" * (1 << 20)}, "it would hold 1048583 bytes"),
    ],
)
def test_what_the_api_server_would_not_take_is_refused(values, words):
    with pytest.raises(UsageError, match=words):
        refuse_invalid(WEB, BEFORE, values)


def test_every_problem_is_told_at_once():
    with pytest.raises(UsageError, match=r"'a b' is no key.*; logo\.png holds bytes.*immutable"):
        refuse_invalid(WEB, {**BEFORE, "immutable": True}, {"a b": "x", "logo.png": "y"})


def test_as_much_as_may_be_is_taken():
    refuse_invalid(WEB, BEFORE, {"MODE": None, "BIG": "x" * ((1 << 20) - 3)})
    refuse_invalid(LOGIN, {"kind": "Secret"}, {"BIG": encoded("x" * (1 << 20))})


def test_keys_that_somebody_else_changed_meanwhile_are_told_three_ways():
    base, theirs = {"A": "1", "B": "1", "C": "1"}, {"A": "2", "B": "1", "C": "2", "D": "new"}
    with pytest.raises(EditConflictError) as caught:
        refuse_conflicts(WEB, base, theirs, {"A": "3", "B": "3", "D": "mine"})
    assert caught.value.ways == (ThreeWay("A", "1", "2", "3"), ThreeWay("D", None, "new", "mine"))
    assert "somebody else changed A, D" in str(caught.value)


def test_what_comes_to_the_same_is_no_conflict():
    refuse_conflicts(WEB, {"A": "1", "B": "1"}, {"A": "2"}, {"A": "2", "B": None})
    refuse_conflicts(WEB, {"A": "1"}, {"A": "1", "B": "theirs"}, {"A": "2"})


def test_values_of_secrets_are_in_no_conflict():
    with pytest.raises(EditConflictError) as caught:
        refuse_conflicts(LOGIN, {"A": "MQ=="}, {"A": "Mg=="}, {"A": None})
    assert caught.value.ways == (ThreeWay("A", MASK, MASK, None),)


@pytest.mark.parametrize(
    ("earlier", "now", "words"),
    [
        ("60", "soon", "a number"),
        ("true", "enabled", "a truth value"),
        ("http://backend:8000/", "backend", "a URL"),
        ("60", "61.5", ""),
        ("debug", "5", ""),
        ("", "5", ""),
    ],
)
def test_a_value_of_another_shape_is_warned_of_without_telling_it(earlier, now, words):
    told = odd_shapes(WEB, [{"MODE": earlier}, {}], {"MODE": now, "NEW": "x"})
    assert told == ((f"configmap/web MODE has always been {words}, and is none now",) if words else ())
    assert odd_shapes(LOGIN, [{"MODE": encoded(earlier)}], {"MODE": encoded(now)}) == tuple(
        each.replace("configmap/web", "secret/login") for each in told
    )


def test_a_key_that_had_many_shapes_may_have_another():
    assert odd_shapes(WEB, [{"MODE": "60"}, {"MODE": "auto"}], {"MODE": "soon"}) == ()


def test_what_is_never_made_anew_is_told():
    text = """
{apiVersion: v1, kind: ConfigMap, metadata: {name: web}, data: {MODE: fine}}
---
apiVersion: v1
kind: Pod
metadata: {name: once}
spec: {containers: [{name: main, envFrom: [{configMapRef: {name: web}}]}]}
"""
    bodies = tuple(each.body for each in manifests(text))
    release = Release(1, "todo", "test", 0.0, "somebody", "done", {}, bodies, "00" * 32)
    warnings = Configure(WEB, {"MODE": "better"}).warnings(Before((release,), {}, 0.0))
    assert warnings == ("pod/once keeps what it began with",)
