"""Rollouts by the dozen under requests: no client sees a failed one."""

import threading
import time
import urllib.error
import urllib.request

import pytest

PAUSE = 0.02


class Client(threading.Thread):
    """Asks an address again and again, each time on a connection of its own; keeps whatever was no 200."""

    def __init__(self, address):
        super().__init__()
        self.address, self.asked, self.failed = address, 0, []
        self._over = threading.Event()

    def run(self):
        while not self._over.wait(PAUSE):
            self.asked += 1
            try:
                with urllib.request.urlopen(self.address, timeout=10) as answer:
                    answer.read()
            except (OSError, urllib.error.HTTPError) as error:
                self.failed.append((time.strftime("%H:%M:%S"), repr(error)))

    def end(self):
        self._over.set()
        self.join()


@pytest.fixture
def client(stack):
    document = stack.json("deploy", "{}", "--headless")
    made = Client(document["verdict"]["addresses"][0])
    made.start()
    yield made
    made.end()


@pytest.mark.soak
def test_fifty_rollouts_fail_no_request(stack, client):
    for number in range(50):
        stack.edit("hello.yaml", "GREETING: ", f"GREETING: {number}")
        done = stack.run("deploy", "{}", "--headless")
        assert done.returncode == 0, done.stderr
    client.end()
    print(f"{client.asked} requests, {len(client.failed)} failed")
    assert client.asked > 1000
    assert client.failed == []
