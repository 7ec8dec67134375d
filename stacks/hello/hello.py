"""Says hello over HTTP, and ends as a pod should: answers what it has accepted, then exits with 0."""

import os
import signal
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Hello(BaseHTTPRequestHandler):
    """Answers every GET with the greeting of the environment and the pod's name."""

    def do_GET(self) -> None:
        """Says hello; /health says ok, and stays out of the log."""
        healthy = self.path == "/health"
        text = "ok\n" if healthy else f"{os.environ.get('GREETING', 'Hello')} from {os.environ.get('HOSTNAME', 'me')}\n"
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Logs all but probes."""
        if self.path != "/health":
            super().log_request(code, size)


class Server(ThreadingHTTPServer):
    """Waits for the requests that it has accepted."""

    daemon_threads = False


server = Server((os.environ.get("HOST", ""), int(os.environ.get("PORT", "8000"))), Hello)
# From a thread of its own: shutdown() waits for the loop that the signal has interrupted.
signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
server.serve_forever()
server.server_close()
