"""A push by the engine: how far it is, and why it was refused."""

import pytest

from console.adapters.images.docker.endpoint import EngineError
from console.adapters.images.docker.push import Pushing, _refused
from console.model.run import Progress


def message(layer, current, total):
    return {"status": "Pushing", "id": layer, "progressDetail": {"current": current, "total": total}}


def test_bytes_are_counted_over_all_layers_that_are_sent():
    sent = []
    pushing = Pushing(sent.append)
    for each in (
        {"status": "The push refers to repository [r/web]"},
        {"status": "Preparing", "id": "a", "progressDetail": {}},
        {"status": "Layer already exists", "id": "b", "progressDetail": {}},
        message("a", 50, 100),
        message("c", 10, 40),
        message("a", 120, 100),
        {"status": "Pushed", "id": "a", "progressDetail": {}},
        {"status": "Pushed", "id": "c", "progressDetail": {}},
        {"status": "1: digest: sha256:00 size: 5"},
        {"progressDetail": {}, "aux": {"Tag": "1", "Digest": "sha256:00", "Size": 5}},
    ):
        pushing.take(each)
    assert [(told.done, told.total) for told in sent] == [(50, 100), (60, 140), (130, 160), (130, 160), (160, 160)]
    assert sent[0] == Progress(50, 100, "bytes")
    assert pushing.digest == "sha256:00"


@pytest.mark.parametrize(
    ("words", "why", "hint"),
    [
        ("no basic auth credentials", "wants a login", "docker login ghcr.io"),
        ("unauthorized: authentication required", "wants a login", "docker login"),
        ("denied: requested access to the resource is denied", "does not allow it", "right to push"),
        ("received unexpected HTTP status: 500 Internal Server Error", "failed (HTTP 500)", "disk is full"),
        ("Get http://x/v2/: dial tcp 127.0.0.1:1: connect: connection refused", "connection refused", "registry is up"),
    ],
)
def test_a_refused_push_is_told_like_any_other_refusal(words, why, hint):
    error = _refused("web", "ghcr.io/acme/web", EngineError(words))
    assert error.what == "web cannot be pushed"
    assert why in error.why
    assert words in error.why
    assert hint in error.hint
