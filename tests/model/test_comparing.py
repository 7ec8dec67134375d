"""Two releases are compared object by object, and no value of a Secret is shown."""

from console.model.comparing import release_changes
from console.model.plan import ChangeKind
from console.model.release import Release


def release(number, *objects):
    return Release(number, "todo", "dev", 0.0, "anna", "done", {}, objects, "k")


def body(kind, name, **content):
    meta = {"name": name, "namespace": "todo", "labels": {"stack-console/service": "web"}}
    return {"apiVersion": "v1", "kind": kind, "metadata": meta, **content}


def compared(before, after):
    return release_changes(release(1, *before), release(2, *after), lambda text: text.replace("word", "*"))


def test_what_came_went_and_differs_is_told_field_by_field():
    changes = compared(
        [body("ConfigMap", "a", data={"X": "1", "Y": "2"}), body("ConfigMap", "old")],
        [body("ConfigMap", "a", data={"X": "1", "Y": "3"}), body("ConfigMap", "new", data={"Z": "0"})],
    )
    assert [(str(each.ref), each.kind, each.service) for each in changes] == [
        ("configmap/a", ChangeKind.UPDATE, "web"),
        ("configmap/new", ChangeKind.CREATE, "web"),
        ("configmap/old", ChangeKind.DELETE, "web"),
    ]
    assert [(each.path, each.before, each.after) for each in changes[0].fields] == [("data.Y", '"2"', '"3"')]


def test_the_same_release_differs_in_nothing_and_numbers_are_no_difference():
    objects = [body("ConfigMap", "a", data={"X": "1"})]
    numbered = [body("ConfigMap", "a", data={"X": "1"})]
    numbered[0]["metadata"] |= {"annotations": {"stack-console/release": "2"}}
    assert compared(objects, objects) == compared(objects, numbered) == ()


def test_values_of_secrets_are_masked_and_others_redacted():
    changes = compared(
        [body("Secret", "s", data={"K": "b2xk"}), body("ConfigMap", "a", data={"X": "pass"})],
        [body("Secret", "s", data={"K": "bmV3"}), body("ConfigMap", "a", data={"X": "password"})],
    )
    told = str(changes)
    assert "b2xk" not in told
    assert "bmV3" not in told
    assert "password" not in told
    assert "pass*" in told
