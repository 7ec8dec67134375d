"""The embedded cluster from outside: started, asked, ended, as a process."""

from pathlib import Path

import pytest

from console.adapters import sandbox
from console.adapters.kubernetes.client import KubernetesCluster
from console.adapters.kubernetes.connection import open_transport
from console.model.errors import PreflightError


async def test_up_status_down_and_reset(tmp_path):
    state = tmp_path / "state"
    assert not (await sandbox.status(state)).running
    started = await sandbox.up(state)
    try:
        assert started.running
        assert await sandbox.up(state) == await sandbox.status(state) == started
        client = KubernetesCluster(await open_transport([Path(started.kubeconfig)], "sandbox"), "sandbox")
        assert (await client.version()) == started.version
        await client.close()
        await sandbox.down(state)
        assert not (await sandbox.status(state)).running
        assert state.exists()
    finally:
        await sandbox.reset(state)
    assert not state.exists()


async def test_a_sandbox_that_cannot_start_says_why(tmp_path):
    (tmp_path / "state").write_text("a file where a folder should be")
    with pytest.raises(PreflightError, match="`sandbox up` failed") as caught:
        await sandbox.up(tmp_path / "state")
    assert caught.value.why
    assert "Traceback" not in str(caught.value)
