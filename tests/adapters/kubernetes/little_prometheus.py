"""A Prometheus that is small enough to be read: series with the time of their scrape, one kind of query, its own clock."""

import json
import re
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

NOW = 1_800_000_000.0
_ASKED = re.compile(r'label_replace\((timestamp\()?(\w+)\{(.*?)\}\)?, "headway_part", "(\d+)", "", ""\)')
_ALONE = re.compile(r"(timestamp\()?(\w+)\{(.*)\}\)?")
_MATCHER = re.compile(r'(\w+)(=~|=)"((?:[^"\\]|\\.)*)"')


@dataclass
class Little:
    """What it knows. `broken` is a metric that it does not understand; `answers` replaces everything."""

    url: str = ""
    clock: float = NOW
    series: list[tuple[dict[str, str], float, float]] = field(default_factory=list)
    broken: str = ""
    token: str = ""
    answers: tuple[int, Any] | None = None
    histogram: bool = False
    queries: int = 0

    def has(self, name: str, value: float, age: float = 1.0, /, **labels: str) -> None:
        """One series more, scraped so long ago."""
        self.series.append(({"__name__": name, "instance": "10.0.0.7:8002", "job": "envoy", **labels}, value, self.clock - age))

    def answer(self, query: str) -> tuple[int, Any]:
        asked = _ASKED.findall(query) or [(*found.groups(), "") for found in [_ALONE.fullmatch(query)] if found]
        if self.broken and any(name == self.broken for _, name, _, _ in asked):
            return 400, {"status": "error", "errorType": "bad_data", "error": "parse error: unexpected left brace"}
        result = [one for age, name, matchers, part in asked for one in self._found(bool(age), name, matchers, part)]
        return 200, {"status": "success", "data": {"resultType": "vector", "result": result}}

    def _found(self, age: bool, name: str, matchers: str, part: str) -> Iterator[Mapping[str, Any]]:
        wanted = _MATCHER.findall(matchers)
        for labels, value, scraped in self.series:
            fits = all(re.fullmatch(text if how == "=~" else re.escape(text), labels.get(label, "")) for label, how, text in wanted)
            if labels["__name__"] == name and fits:
                shown = {key: kept for key, kept in labels.items() if not (age and key == "__name__")}
                told = str(scraped if age else value).replace("nan", "NaN")
                yield {"metric": shown | {"headway_part": part}, **({"histogram": []} if self.histogram else {"value": [self.clock, told]})}


@contextmanager
def prometheus(certificate: tuple[str, str] | None = None) -> Iterator[Little]:
    """Serving at `url`, over TLS with a certificate and its key."""
    little = Little()

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            little.queries += 1
            body = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            status, told = little.answers or little.answer(body["query"][0])
            if little.token and self.headers.get("Authorization") != f"Bearer {little.token}":
                status, told = 401, {}
            self.send_response(status)
            self.end_headers()
            self.wfile.write(told if isinstance(told, bytes) else json.dumps(told).encode())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    little.url = f"{'https' if certificate else 'http'}://127.0.0.1:{server.server_port}"
    try:
        yield little
    finally:
        server.shutdown()
        server.server_close()
