"""A diff shows what somebody meant, in few words, and never a secret."""

import base64
import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.model.diff import field_changes, object_differences
from console.model.fields import conflict_text, covers, differences, leaves, lookup, path_text

CONTAINER = {
    "name": "web",
    "image": "web:1",
    "ports": [{"containerPort": 8000, "protocol": "TCP", "name": "http"}],
    "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
    "args": ["serve", "--fast"],
}


def _object(**container):
    spec = {"containers": [copy.deepcopy(CONTAINER) | container]}
    template = {"metadata": {"labels": {"app": "web"}}, "spec": spec}
    meta = {"name": "web", "namespace": "todo"}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": {"template": template}}


def _config(**data):
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "web", "namespace": "todo"}, "data": data}


def _secret(**data):
    plain = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
    return _config() | {"kind": "Secret", "data": plain}


def _told(declared, live, result=None, *, sensitive=False, redact=lambda text: text):
    found = object_differences(declared, live, declared if result is None else result)
    changes = (change for each in found for change in field_changes(each, sensitive, redact))
    return [(change.path, str(change.kind), change.before, change.after) for change in changes]


IN_POD = "spec.template.spec.containers[web]"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"image": "web:2"}, (f"{IN_POD}.image", "update", "web:1", "web:2")),
        ({"env": [{"name": "B", "value": "2"}]}, (f"{IN_POD}.env[A]", "delete", '{"name": "A", "value": "1"}', "")),
        ({"args": ["serve"]}, (f"{IN_POD}.args", "update", '["serve", "--fast"]', '["serve"]')),
        (
            {"ports": [{"containerPort": 8000, "protocol": "TCP", "name": "web"}]},
            (f"{IN_POD}.ports[8000/TCP].name", "update", "http", "web"),
        ),
        (
            {"env": [{"name": "B", "value": "2"}, {"name": "A", "value": "1"}]},
            (f"{IN_POD}.env[order]", "update", '["[A]", "[B]"]', '["[B]", "[A]"]'),
        ),
    ],
)
def test_list_items_are_named_by_what_identifies_them(change, told):
    assert _told(_object(**change), _object()) == [told]


def test_what_the_api_server_keeps_for_itself_is_not_shown():
    live = _object()
    live["metadata"] |= {"resourceVersion": "1", "generation": 2, "uid": "x", "creationTimestamp": "now"}
    live["metadata"] |= {"managedFields": [{}], "annotations": {"stack-console/release": "7"}}
    live["status"] = {"replicas": 1}
    result = copy.deepcopy(live)
    result["metadata"] |= {"resourceVersion": "2", "generation": 3, "managedFields": []}
    del result["metadata"]["annotations"], result["status"]
    assert _told(_object(), live, result) == []


def test_defaults_of_the_api_server_are_not_shown_but_what_falls_back_to_one_is():
    declared = _object(env=[*CONTAINER["env"], {"name": "C", "value": "3"}])
    result = copy.deepcopy(declared)
    result["spec"]["template"]["spec"]["containers"][0] |= {"terminationMessagePath": "/dev/termination-log"}
    result["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] = 30
    live = _object()
    live["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] = 60
    assert _told(declared, live, result) == [
        (f"{IN_POD}.env[C].name", "create", "", "C"),
        (f"{IN_POD}.env[C].value", "create", "", '"3"'),
        ("spec.template.spec.terminationGracePeriodSeconds", "update", "60", "30"),
    ]


def test_a_new_object_shows_what_is_declared_without_its_name():
    assert _told(_config(A="1"), None) == [("data.A", "create", "", '"1"')]


def test_without_a_dry_run_declared_fields_are_compared_and_quantities_by_what_they_stand_for():
    live = _object(resources={"limits": {"cpu": "500m", "memory": "1Gi"}}, terminationMessagePath="/x")
    declared = _object(image="web:2", resources={"limits": {"cpu": 0.5, "memory": "1024Mi"}})
    found = [path_text(each.path) for each in object_differences(declared, live, None)]
    assert found == [f"{IN_POD}.image"]


def test_text_of_several_lines_is_compared_line_by_line():
    before, after = "one\ntwo\nthree\nfour\n", "one\n2\nthree\nfour\nfive\n"
    assert _told(_config(text=after), _config(text=before)) == [
        ("data.text:2", "update", "two", "2"),
        ("data.text:5", "create", "", "five"),
    ]


def test_values_of_secrets_are_masked_and_it_is_said_that_they_changed():
    declared, live = _secret(A="new-value", B="same", C="c"), _secret(A="old-value", B="same", D="d")
    told = _told(declared, live, sensitive=True)
    assert sorted(told) == [
        ("data.A", "update", "•••", "••• (changed)"),
        ("data.C", "create", "", "•••"),
        ("data.D", "delete", "•••", ""),
    ]
    plain = _config() | {"kind": "Secret", "stringData": {"A": "old-value"}}
    assert _told(plain, _secret(A="old-value"), _secret(A="old-value"), sensitive=True) == []


def test_values_are_redacted_before_they_are_shortened():
    def redact(text):
        return text.replace("s3cret" * 40, "•••")

    told = _told(_config(A="x" * 500, B="s3cret" * 40, C="a\n" + "s3cret" * 40), _config(A="1"), redact=redact)
    assert [len(after) for path, _, _, after in told if path == "data.A"] == [120]
    assert {path: after for path, _, _, after in told if path != "data.A"} == {"data.B": "•••", "data.C": "a\n•••"}


def test_a_change_that_is_masked_on_both_sides_is_still_a_change():
    hidden = ("one-secret", "two-secret")

    def redact(text):
        for value in hidden:
            text = text.replace(value, "•••")
        return text

    assert _told(_config(A=hidden[0]), _config(A=hidden[1]), redact=redact) == [
        ("data.A", "update", "•••", "••• (changed)")
    ]


@pytest.mark.parametrize(
    ("value", "shown"),
    [("8", '"8"'), ("yes", '"yes"'), ("", '""'), ("http://web:8000", "http://web:8000"), ("a: b", '"a: b"')],
)
def test_text_is_written_as_yaml_would_need_it(value, shown):
    assert _told(_config(A=value), None) == [("data.A", "create", "", shown)]


def test_a_conflict_is_told_in_the_same_words_as_a_diff():
    field = 'spec.template.spec.containers[name="web"].ports[containerPort=8000,protocol="TCP"].name'
    assert conflict_text(field) == f"{IN_POD}.ports[8000/TCP].name"
    assert covers(f"{IN_POD}.env", f"{IN_POD}.env[A].value")
    assert not covers("spec.replicas", "spec.replicasMore")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(min_size=1, max_size=4), inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(st.sampled_from(["env", "ports", "a", "b"]), JSON, max_size=4), JSON)
def test_there_is_a_difference_exactly_where_values_differ(before, other):
    assert list(differences(before, copy.deepcopy(before))) == []
    changed = {**before, "env": other}
    assert bool(list(differences(before, changed))) == (before != changed)
    for path, value in leaves(before):
        assert lookup(before, path) == value
