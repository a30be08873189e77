"""The little service of the cluster's images (tests/cluster/images/little) for this machine: the same variables, the same words.

`python3 little.py NAME` is what `behaviour/NAME.json` beside it says: VERSION, FAIL, SLOW, HANG, CRASH, UNREADY, as described there.
"""

import json
import os
import signal
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path

STARTED = time.monotonic()
ASKED = count(1)
told = json.loads((Path(__file__).parent / "behaviour" / f"{sys.argv[1]}.json").read_text())


def hits(number: int, percent: int) -> bool:
    """Spread evenly, not by chance: 10 percent is every tenth request."""
    return number * percent // 100 != (number - 1) * percent // 100


def late() -> bool:
    return "UNREADY" in told and time.monotonic() - STARTED > told["UNREADY"]


class Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path in {"/ready", "/health"}:
            return self._say(503, "not ready any more") if late() else self._say(200, "")
        number = next(ASKED)
        if hits(number, told.get("HANG", 0)):
            self.connection.settimeout(60.0)
            self.rfile.read(1)  # until the proxy gives up
            self.close_connection = True
            return None
        time.sleep(told.get("SLOW", 0) / 1000)
        return self._say(500, "KeyError: 'basket'") if hits(number, told.get("FAIL", 0)) else self._say(200, told["VERSION"])

    def _say(self, status: int, text: str) -> None:
        body = f"{text}\n".encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_: object) -> None:
        """The proxy hung up."""


def crash() -> None:
    sys.stdout.write("panic: no DATABASE\n")
    sys.stdout.flush()
    os._exit(3)


def main() -> None:
    sys.stdout.write(f"little {told['VERSION']} starts\n")
    sys.stdout.flush()
    if "CRASH" in told:
        if not told["CRASH"]:
            crash()
        threading.Timer(told["CRASH"], crash).start()
    server = Server(("127.0.0.1", int(os.environ["PORT"])), Answer)
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    server.serve_forever(0.1)


if __name__ == "__main__":
    main()
