"""A service that costs next to nothing, so that a measurement of what is in front of it does not measure the service."""

import asyncio
import os
import signal
from pathlib import Path

GOOD, BAD = (b"HTTP/1.1 %b\r\ncontent-type: text/plain\r\ncontent-length: 3\r\n" % status for status in (b"200 OK", b"500 Dead"))
DEAD = Path("dead").exists()
"""What users ask is answered 500; health stays good."""


class Served(asyncio.Protocol):
    """One connection; requests with or without a body, one after another."""

    def __init__(self, open_: "set[Served]") -> None:
        self._open, self._seen, self.leaving = open_, b"", False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self._open.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - as asyncio has it
        self._open.discard(self)

    def data_received(self, data: bytes) -> None:
        self._seen += data
        while (end := self._seen.find(b"\r\n\r\n")) >= 0:
            head = self._seen[:end].lower()
            _, there, length = head.partition(b"\r\ncontent-length:")
            whole = end + 4 + (int(length.split(b"\r\n", 1)[0]) if there else 0)
            if len(self._seen) < whole:
                return
            self._seen = self._seen[whole:]
            answer = BAD if DEAD and b" /health " not in head and b" /ready " not in head else GOOD
            self.transport.write(answer + (b"connection: close\r\n" if self.leaving else b"") + b"\r\nok\n")
            if self.leaving:
                self.transport.close()


async def main() -> None:
    """Serve until told to end; then answer what is under way, tell each connection that it was the last, and go."""
    served: set[Served] = set()
    loop, told = asyncio.get_running_loop(), asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, told.set)
    server = await loop.create_server(lambda: Served(served), "127.0.0.1", int(os.environ["PORT"]), backlog=512)
    await told.wait()
    server.close()
    for one in served:
        one.leaving = True
    await asyncio.sleep(0.5)


asyncio.run(main())
