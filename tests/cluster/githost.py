"""A host of repositories as companies have one: git over HTTP, for whoever has the password."""

import base64
import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

from lab.layout import NODE


@contextmanager
def repositories(folder: Path, name: str, password: str) -> Iterator[str]:
    """The repositories in this folder, at an address of the node; `git http-backend` answers, as behind any web server."""
    asked = "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()

    class Host(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(b"")

        def do_POST(self) -> None:
            self._answer(self.rfile.read(int(self.headers["Content-Length"])))

        def _answer(self, body: bytes) -> None:
            if self.headers["Authorization"] != asked:
                self.send_response(401)
                self.send_header("WWW-Authenticate", 'Basic realm="repositories"')
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            head, _, rest = self._backend(body).partition(b"\r\n\r\n")
            fields = dict(line.split(": ", 1) for line in head.decode().splitlines())
            self.send_response(int(fields.pop("Status", "200").split()[0]))
            for field, value in {**fields, "Content-Length": str(len(rest))}.items():
                self.send_header(field, value)
            self.end_headers()
            self.wfile.write(rest)

        def _backend(self, body: bytes) -> bytes:
            url = urlsplit(self.path)
            told = {
                "GIT_PROJECT_ROOT": str(folder),
                "GIT_HTTP_EXPORT_ALL": "1",
                "REQUEST_METHOD": self.command,
                "PATH_INFO": url.path,
                "QUERY_STRING": url.query,
                "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
                "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
                "REMOTE_USER": name,
            }
            return subprocess.run(["git", "http-backend"], input=body, capture_output=True, env=os.environ | told, check=True).stdout

        def log_message(self, format: str, *_: object) -> None:
            pass

    server = ThreadingHTTPServer((NODE, 0), Host)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://{NODE}:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
