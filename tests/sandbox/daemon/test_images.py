"""What was pushed is kept, whatever happens to the daemon."""

from __future__ import annotations

import os
import signal

from tests.oci import RegistryClient, digest, file, layer
from tests.sandbox.daemon.conftest import Own


def test_what_was_pushed_outlives_a_kill_at_any_moment(own: Own) -> None:
    status = own.up()
    registry = RegistryClient(status["registry"])
    found = registry.push("app", "1", layer(file("a", "1")))
    upload, data = registry.start("app"), os.urandom(2 << 20)
    registry.ask("PATCH", upload, data)
    os.kill(status["pid"], signal.SIGKILL)
    again = own.up()
    assert again["registry"] == status["registry"]
    assert registry.ask("HEAD", "/v2/app/manifests/1").headers["Docker-Content-Digest"] == found
    assert registry.ask("GET", upload).code == "BLOB_UPLOAD_UNKNOWN"
    assert not list(own.state.rglob("uploads/*"))
    assert registry.push_blob("app", data) == digest(data)
