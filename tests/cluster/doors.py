"""Doors of the node: what listens on a socket of this machine, or on its loopback, is there for pods."""

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lab.layout import NODE


class Door:
    """An address on the node that leads there: to `host:port`, or to a socket's file. It can be shut, and opened again."""

    def __init__(self, to: str | Path) -> None:
        self._to = to
        self._port = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    @property
    def address(self) -> str:
        return f"{NODE}:{self._port}"

    def open(self) -> None:
        coming = asyncio.start_server(lambda *ends: _carry(*ends, self._to), NODE, self._port)
        self._server = asyncio.run_coroutine_threadsafe(coming, self._loop).result()
        self._port = self._server.sockets[0].getsockname()[1]

    def shut(self) -> None:
        """Whoever stands in it is thrown out."""
        asyncio.run_coroutine_threadsafe(_end(self._server), self._loop).result()

    def gone(self) -> None:
        self.shut()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


@contextmanager
def door(to: str | Path) -> Iterator[Door]:
    """An open one."""
    made = Door(to)
    made.open()
    try:
        yield made
    finally:
        made.gone()


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, to: str | Path) -> None:
    try:
        if isinstance(to, Path):
            there = await asyncio.open_unix_connection(str(to))
        else:
            host, _, port = to.rpartition(":")
            there = await asyncio.open_connection(host, int(port))
    except OSError:
        writer.close()
        return
    with contextlib.suppress(asyncio.CancelledError):  # the door was shut
        await asyncio.gather(_copy(reader, there[1]), _copy(there[0], writer))


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        with contextlib.suppress(OSError):
            while some := await reader.read(65536):
                writer.write(some)
                await writer.drain()
    finally:
        writer.close()


async def _end(server: asyncio.Server) -> None:
    server.close()
    carrying = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in carrying:
        task.cancel()
    await asyncio.gather(*carrying, return_exceptions=True)
