"""A small service for a cluster: the standard library, a health path, and an end that loses no request."""

import json
import os
import signal
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 5

    def do_GET(self) -> None:
        if self.path in {"/health", "/ready"}:
            self._answer(200, {"status": "ok"})
        elif self.path == "/":
            who = {"version": os.environ.get("GREET_VERSION", "unreleased"), "environment": os.environ.get("ENVIRONMENT", "none")}
            self._answer(200, {"greeting": os.environ.get("GREETING", "hello"), **who})
        else:
            self._answer(404, {"error": f"there is no {self.path}"})

    def _answer(self, status: int, body: dict[str, str]) -> None:
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        """A line per probe would be all that there is to read."""


class Server(ThreadingHTTPServer):
    daemon_threads = False  # whoever is being answered is answered to the end
    request_queue_size = 128


def main() -> None:
    server = Server(("0.0.0.0", int(os.environ.get("PORT", "8080"))), Handler)
    # From a thread of its own: shutdown waits for the loop that the signal interrupts.
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    with server:
        server.serve_forever(poll_interval=0.1)


if __name__ == "__main__":
    main()
