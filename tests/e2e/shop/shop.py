"""A shop for tests: keeps records in a store elsewhere, ends cleanly, tells nothing. FAULT makes it do otherwise."""

import base64
import http.client
import http.server
import json
import os
import signal
import threading
from urllib.parse import urlsplit

FAULT, TOKEN = os.environ.get("FAULT", ""), os.environ["API_TOKEN"]
STORE = urlsplit(os.environ["STORE"])
memory: dict[str, bytes] = {}


def stored(method: str, key: str, body: bytes = b"") -> tuple[int, bytes]:
    """Asks the store; or what only this process knows."""
    if FAULT == "memory":
        if method == "PUT":
            memory[key] = body
        found = memory.pop(key, b"") if method == "DELETE" else memory.get(key, b"")
        return (200 if found or method != "GET" else 404), found
    connection = http.client.HTTPConnection(STORE.hostname, STORE.port, timeout=5)
    connection.request(method, f"/{key}", body or None)
    with connection.getresponse() as answer:
        return answer.status, answer.read()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        record = self.path.partition("/records/")[2]
        self.answer(*(stored("GET", record) if record else (200, b"well")))

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.answer(*stored("PUT", self.path.partition("/records/")[2], body))

    def do_DELETE(self) -> None:
        self.answer(*stored("DELETE", self.path.partition("/records/")[2]))

    def answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("X-Pod-Name", os.environ["HOSTNAME"])
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *told: object) -> None:
        pass


server = http.server.ThreadingHTTPServer((os.environ["HOST"], 8000), Handler)
if FAULT == "deaf":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
else:
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
if FAULT == "log":
    print("connecting with", json.dumps({"token": TOKEN}), flush=True)
if FAULT == "log-split":
    encoded = base64.b64encode(f"shop:{TOKEN}".encode()).decode()
    print(*(encoded[at : at + 12] for at in range(0, len(encoded), 12)), sep="\n", flush=True)
server.serve_forever()
