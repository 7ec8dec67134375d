"""Starting, asking, stopping and removing a sandbox."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.sandbox.daemon.conftest import Own


def test_up_twice_is_the_same_sandbox_and_down_keeps_its_objects(own: Own) -> None:
    first = own.up()
    assert own.up() == first == own.run("status")
    own.cluster().create("configmaps", {"metadata": {"name": "kept"}, "data": {"key": "value"}})
    assert own.run("down") == {"running": False, "state": str(own.state), "kept": True}
    assert own.run("down")["running"] is False
    again = own.up()
    assert (again["server"], again["ingress"]) == (first["server"], first["ingress"]), "ports are kept"
    assert again["pid"] != first["pid"]
    assert own.cluster().get("configmaps", "kept")["data"] == {"key": "value"}
    own.run("reset")
    assert not own.state.exists()


def test_a_reset_that_was_broken_off_can_be_repeated(own: Own) -> None:
    own.up()
    own.run("down")
    for path in own.state.iterdir():
        if path.name not in ("store.db", "pods"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    own.run("reset")
    assert not own.state.exists()


def test_two_ups_at_once_start_one_sandbox(own: Own) -> None:
    with ThreadPoolExecutor(3) as pool:
        started = list(pool.map(lambda _: own.up()["pid"], range(3)))
    assert len(set(started)) == 1


def test_secrets_of_the_sandbox_are_for_its_user_only(own: Own) -> None:
    own.up()
    for path in [own.state, *own.state.rglob("*")]:
        assert path.stat().st_mode & 0o077 == 0, path


def test_nothing_runs_where_nothing_was_started(own: Own) -> None:
    assert own.run("status") == {"running": False, "state": str(own.state), "kept": False}
    assert own.run("down")["running"] is False
    assert not own.state.exists(), "asking leaves nothing behind"


def test_a_running_sandbox_does_not_change_its_settings_by_the_way(own: Own) -> None:
    own.up()
    code, message = own.refused("up", "--time-scale", "0.5")
    assert code == 10
    assert "runs already, with time_scale 0.1 instead of 0.5; stop it first with `sandbox down`" in message


def test_a_port_in_use_is_named_with_the_way_out(own: Own) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        code, message = own.refused("up", "--port", port)
    assert code == 10
    assert f"cannot listen on 127.0.0.1:{port} (Address already in use): name another port with --port" in message
    assert own.up("--port", port)["server"].endswith(f":{port}"), "and it can be had once it is free"


def test_a_state_folder_that_cannot_be_written_is_refused(own: Own, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    code, message = Own(tmp_path / "file" / "state").refused("up")
    assert code == 10
    assert "cannot write to the state folder" in message
    assert "name another one with --state" in message


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (("--port", "many"), "port is 'many', must be a number"),
        (("--nodes", "0"), "nodes is 0, must be from 1 to 100"),
        (("--pod-mode", "docker"), "pod_mode is 'docker', must be one of auto, namespaces, plain"),
        (("--no-such-flag",), "unrecognized arguments: --no-such-flag"),
    ],
)
def test_wrong_usage_is_told_as_such(own: Own, flags: tuple[str, ...], says: str) -> None:
    code, message = own.refused("up", *flags)
    assert code == 2
    assert says in message


def test_a_folder_held_by_another_daemon_is_left_alone(own: Own) -> None:
    """Even if the record of who holds it is lost."""
    pid = own.up()["pid"]
    record = own.state / "daemon.json"
    kept = record.read_text()
    record.unlink()
    code, message = own.refused("up")
    assert code == 10
    assert f"another sandbox holds the state folder {own.state}" in message
    os.kill(pid, 0)
    record.write_text(kept)


def test_a_process_that_only_has_the_recorded_pid_is_never_touched(own: Own) -> None:
    """The daemon was killed, and its pid went to somebody else."""
    status = own.up()
    os.kill(status["pid"], signal.SIGKILL)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as stranger:
        record = own.state / "daemon.json"
        record.write_text(json.dumps(json.loads(record.read_text()) | {"pid": stranger.pid}))
        assert own.run("status")["running"] is False
        assert own.run("down")["running"] is False
        assert stranger.poll() is None
        stranger.communicate(b"\n")
    assert stranger.returncode == 0


def test_reset_removes_only_what_is_a_sandbox(own: Own, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "thesis.txt").touch()
    code, message = Own(precious).refused("reset")
    assert code == 10
    assert "does not hold a sandbox: it is left alone" in message
    assert (precious / "thesis.txt").exists()


def test_a_database_that_cannot_be_read_is_told(own: Own) -> None:
    own.state.mkdir()
    (own.state / "store.db").write_text("this is not a database, by far " * 100)
    code, message = own.refused("up")
    assert code == 10
    assert "store.db" in message
    assert "sandbox reset" in message
