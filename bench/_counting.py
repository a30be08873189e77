"""A proxy before the API server that counts what a client asks of it: calls, bytes there and back, by verb and resource."""

import json
import ssl
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import httpx2

PASSED_ON = ("accept", "content-type", "user-agent", "accept-encoding")
VERBS = {"GET": "get", "PATCH": "apply", "PUT": "replace", "POST": "create", "DELETE": "delete"}


@dataclass
class Counted:
    """Since the last `clear`. Bytes are of bodies as they were sent, compressed or not, without the headers."""

    calls: Counter[str] = field(default_factory=Counter)
    sent: Counter[str] = field(default_factory=Counter)
    came: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, what: str, sent: int, came: int) -> None:
        with self.lock:
            self.calls[what] += 1
            self.sent[what] += sent
            self.came[what] += came

    def clear(self) -> None:
        with self.lock:
            for each in (self.calls, self.sent, self.came):
                each.clear()

    def whole(self) -> tuple[int, int, int]:
        """Calls, bytes sent, bytes that came."""
        with self.lock:
            return self.calls.total(), self.sent.total(), self.came.total()


@contextmanager
def counting(kubeconfig: Path, folder: Path) -> Iterator[tuple[Counted, Path]]:
    """What is counted, and a kubeconfig that leads through it."""
    told = json.loads(kubeconfig.read_text())
    cluster, user = told["clusters"][0]["cluster"], told["users"][0]["user"]
    counted = Counted()
    trusted = ssl.create_default_context(cafile=cluster["certificate-authority"])
    upstream = httpx2.Client(base_url=cluster["server"], verify=trusted, headers={"authorization": f"Bearer {user['token']}"}, timeout=30)

    class Passing(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _pass(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name: value for name, value in self.headers.items() if name.lower() in PASSED_ON}
            with upstream.stream(self.command, self.path, content=body, headers=headers) as answer:
                came = b"".join(answer.iter_raw())
                counted.note(named(self.command, self.path), len(body), len(came))
                self.send_response(answer.status_code)
                for name in ("content-type", "content-encoding", "retry-after"):
                    if name in answer.headers:
                        self.send_header(name, answer.headers[name])
                self.send_header("content-length", str(len(came)))
                self.end_headers()
                self.wfile.write(came)

        do_GET = do_PATCH = do_PUT = do_POST = do_DELETE = _pass  # noqa: N815 - as http.server has it

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Passing)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    whole = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "counted", "cluster": {"server": f"http://127.0.0.1:{server.server_port}"}}],
        "users": [{"name": "nobody", "user": {}}],
        "contexts": [{"name": "counted", "context": {"cluster": "counted", "user": "nobody"}}],
        "current-context": "counted",
    }
    made = folder / "counted.kubeconfig"
    made.write_text(json.dumps(whole))
    try:
        yield counted, made
    finally:
        server.shutdown()
        server.server_close()
        upstream.close()


def named(method: str, path: str) -> str:
    """`list pods`, `get deployments`, `apply httproutes`."""
    words = urlsplit(path).path.strip("/").split("/")
    inside = words[words.index("namespaces") + 2 :] if "namespaces" in words[:-2] else words[-1:]
    resource, one = inside[0], inside[1:]
    verb = "list" if method == "GET" and not one else VERBS[method]
    return f"{verb} {'/'.join((resource, *one[1:]))}"
