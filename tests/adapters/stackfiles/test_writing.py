"""A value in a manifest is replaced where it stands; every other character stays."""

import pytest

from console.adapters.stackfiles.writing import with_value

TEXT = """# what it is
kind: ConfigMap
metadata: {name: a}
---
kind: Deployment
metadata: {name: web}   # by name
spec:
  replicas: 2           # two
  template:
    spec:
      containers:
        - name: other
          image: old:1
        - {name: main, image: "old:1"}
      long: |
        text
"""
IMAGE = ("spec", "template", "spec", "containers", "[main]", "image")


@pytest.mark.parametrize(
    ("path", "was", "now", "old", "new"),
    [
        (("spec", "replicas"), 2, 5, "replicas: 2  ", "replicas: 5  "),
        (IMAGE, "old:1", "new:2", 'image: "old:1"', 'image: "new:2"'),
        (("metadata", "name"), "web", "yes", "{name: web}   # by", "{name: 'yes'}   # by"),
    ],
)
def test_one_value_is_another_and_the_rest_is_as_it_was(path, was, now, old, new):
    assert with_value(TEXT, 5, path, was, now) == TEXT.replace(old, new)


@pytest.mark.parametrize(
    ("path", "was"),
    [
        (("spec", "replicas"), 3),
        (("spec", "nothing"), 1),
        (("spec", "template", "spec", "long"), "text"),
        (("spec", "template"), "x"),
    ],
)
def test_what_is_not_written_there_is_left_alone(path, was):
    assert with_value(TEXT, 5, path, was, "new") is None
