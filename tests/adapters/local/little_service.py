"""A small real service to release: started as `little_service.py VERSION PORT`, sick in the way that $SICK says."""

import json
import os
import signal
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

VERSION, PORT, SICK = sys.argv[1], int(sys.argv[2]), os.environ.get("SICK", "")
TOLD = {"PORT", "GREETING"}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        if self.path == "/health" and SICK == "hangs":
            time.sleep(60)
        if self.path.startswith("/slow="):
            time.sleep(float(self.path.partition("=")[2]))
        if self.path == "/say":
            print(f"the password is {os.environ.get('PASSWORD')}.", flush=True)
        if self.path == "/stop-answering":
            os.kill(os.getpid(), signal.SIGSTOP)
        self.answer(500 if self.path == "/fail" or (SICK == "fails" and self.path == "/") else 200)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.answer(200)

    def answer(self, status: int) -> None:
        mine = {name: value for name, value in os.environ.items() if name in TOLD or name.startswith(("HEADWAY_", "PYTEST_"))}
        about = {"version": VERSION, "pid": os.getpid(), "env": mine}
        body = json.dumps(about).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = True


if SICK == "crashes":
    sys.exit("no database today")
if SICK == "deaf":
    time.sleep(600)
server = Server(("127.0.0.1", PORT), Handler)
signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
server.serve_forever(poll_interval=0.02)
