"""The smallest service, as a process: it says hello, and ends with 0 when it is told to."""

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

HELLO = Path(__file__).parents[1] / "hello.py"
# Of this test alone: no other one on this machine can have it.
HOST = f"127.{os.getpid() >> 16 & 127 | 64}.{os.getpid() >> 8 & 255}.{os.getpid() & 255}"


def get(path: str) -> str:
    with urllib.request.urlopen(f"http://{HOST}:8000{path}", timeout=5) as answer:
        text: str = answer.read().decode()
        return text


def test_says_hello_and_ends_with_0() -> None:
    environment = {**os.environ, "HOST": HOST, "GREETING": "Good morning", "HOSTNAME": "pod-1"}
    with subprocess.Popen([sys.executable, str(HELLO)], env=environment, stderr=subprocess.PIPE) as process:
        deadline = time.monotonic() + 10
        while process.poll() is None and time.monotonic() < deadline:
            try:
                assert get("/health") == "ok\n"
                break
            except urllib.error.URLError:
                time.sleep(0.01)
        assert get("/hello") == "Good morning from pod-1\n"
        process.terminate()
        assert process.wait(10) == 0
        assert process.stderr is not None
        assert b"/health" not in process.stderr.read()
