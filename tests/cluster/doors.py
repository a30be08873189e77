"""Doors of the node: what listens on a socket of this machine, or on its loopback, is there for pods."""

import asyncio
import contextlib
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lab.layout import NODE


@contextmanager
def door(to: str | Path) -> Iterator[str]:
    """An address on the node that leads there: to `host:port`, or to a socket's file."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    server = asyncio.run_coroutine_threadsafe(asyncio.start_server(lambda *ends: _carry(*ends, to), NODE, 0), loop).result()
    try:
        yield f"{NODE}:{server.sockets[0].getsockname()[1]}"
    finally:
        asyncio.run_coroutine_threadsafe(_end(server), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@contextmanager
def repositories(folder: Path) -> Iterator[str]:
    """git's own server for the repositories in a folder; everybody in the cluster may read them."""
    port = _free()
    argv = ["git", "daemon", "--export-all", f"--base-path={folder}", f"--listen={NODE}", f"--port={port}", "--reuseaddr", str(folder)]
    daemon = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield f"git://{NODE}:{port}"
    finally:
        daemon.terminate()
        daemon.wait()


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
    await asyncio.gather(_copy(reader, there[1]), _copy(there[0], writer))


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while some := await reader.read(65536):
            writer.write(some)
            await writer.drain()
    writer.close()


async def _end(server: asyncio.Server) -> None:
    server.close()
    carrying = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in carrying:
        task.cancel()
    await asyncio.gather(*carrying, return_exceptions=True)


def _free() -> int:
    with socket.socket() as one:
        one.bind((NODE, 0))
        port: int = one.getsockname()[1]
        return port
