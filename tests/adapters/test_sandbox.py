"""The embedded cluster from outside: started, asked, ended, as a process."""

from pathlib import Path

import pytest

from console.adapters import sandbox
from console.adapters.kubernetes.connection import open_cluster
from console.model.errors import PreflightError, RefusedError


async def test_up_status_down_and_reset_after_which_it_is_another_cluster(tmp_path):
    state = tmp_path / "state"
    assert not (await sandbox.status(state)).running
    started = await sandbox.up(state)
    try:
        assert started.running
        assert await sandbox.up(state) == await sandbox.status(state) == started
        client = await open_cluster([Path(started.kubeconfig)], "sandbox")
        assert (await client.version()) == started.version
        before = await client.confirm()
        await sandbox.down(state)
        assert not (await sandbox.status(state)).running
        assert state.exists()
        await sandbox.reset(state)
        assert not state.exists()
        await sandbox.up(state)
        with pytest.raises(RefusedError, match="context 'sandbox' was changed since the console started"):
            await client.confirm()
        await client.close()
        other = await open_cluster([Path(started.kubeconfig)], "sandbox")
        assert (await other.confirm()).uid != before.uid
        await other.close()
    finally:
        await sandbox.reset(state)
    assert not state.exists()


async def test_a_sandbox_that_cannot_start_says_why(tmp_path):
    (tmp_path / "state").write_text("a file where a folder should be")
    with pytest.raises(PreflightError, match="`sandbox up` failed") as caught:
        await sandbox.up(tmp_path / "state")
    assert caught.value.why
    assert "Traceback" not in str(caught.value)
