"""Which versions of an API server go with this console, and that the definitions are of the version that is said."""

import gzip
import json
from importlib.resources import files

import pytest

from console.model.skew import DEFINITIONS, skew


@pytest.mark.parametrize("version", ["v1.28.0", "v1.34.2", "v1.34.0+sandbox", "1.37", "v1.38.1-gke.5"])
def test_versions_that_go_together_are_no_matter(version):
    assert skew(version) == ""


@pytest.mark.parametrize(
    ("version", "words"),
    [
        ("v1.27.9", "the API server is 1.27, and this console knows 1.28 to 1.38: it may lack"),
        ("v1.39.0", "the API server is 1.39, and this console knows 1.28 to 1.38: fields that are newer"),
        ("v2.0.0", "the API server is 2.0"),
        ("", "tells no version that could be compared (none)"),
    ],
)
def test_versions_that_are_too_far_apart_are_warned_of(version, words):
    assert words in skew(version)


def test_the_definitions_are_of_the_version_that_is_said():
    name = f"kubernetes-{DEFINITIONS[0]}.{DEFINITIONS[1]}.json.gz"
    assert json.loads(gzip.decompress(files("console").joinpath("schema", name).read_bytes()))
