"""python -m headway.adapters.traffic URL: the load in a process of its own, one line of JSON per second on stdout.

A process of its own, so that neither a kill -9 of Headway nor its busy interpreter is ever mistaken for a lost request.
"""

import argparse
import asyncio
import json
import os
import signal
import sys
import time

from headway.adapters.traffic.client import Client, Target
from headway.adapters.traffic.counts import Counts


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m headway.adapters.traffic", description="users, at a steady rate")
    parser.add_argument("url", nargs="?", help="[$HEADWAY_URL]")
    parser.add_argument("--rate", type=float, default=150.0, help="requests per second")
    parser.add_argument("--connections", type=int, default=32, help="how many are kept open")
    parser.add_argument("--path", action="append", default=[], help="read this one, and no other (several: in turn); else as tally is used")
    parser.add_argument("--host", default="", help="ask for this host, where it is not the address: behind a gateway")
    parser.add_argument("--seconds", type=float, help="stop by itself after this long")
    parser.add_argument("--while-stdin", action="store_true", help="stop when stdin ends: when the parent says so, or is gone")
    given = parser.parse_args()
    if not (url := given.url or os.environ.get("HEADWAY_URL")):
        parser.error("no URL: name one, or set HEADWAY_URL")
    client = Client(Target.at(url, given.host), given.rate, given.connections, given.path)
    asyncio.run(_run(client, seconds=given.seconds, while_stdin=given.while_stdin))


async def _run(client: Client, *, seconds: float | None, while_stdin: bool) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if while_stdin:
        loop.add_reader(sys.stdin.fileno(), _stop_at_end_of_stdin, stop)
    if seconds is not None:
        loop.call_later(seconds, stop.set)
    total = Counts()
    work = asyncio.create_task(client.run(stop))
    try:
        # At once, so that a parent knows that the load has begun.
        await asyncio.to_thread(_say, _line(Counts(), client))
        while not work.done():
            await asyncio.wait({work}, timeout=1.0)
            seen = client.take()
            total.add(seen)
            # In a thread: a reader that lags must not hold up the load.
            await asyncio.to_thread(_say, _line(seen, client))
        await work
        total.add(rest := client.take())
        await asyncio.to_thread(_say, {**_line(rest, client), "total": total.to_json()})
    except BrokenPipeError:
        # Nobody listens any more, so nobody wants the traffic. os._exit: the interpreter would complain about stdout once more.
        os._exit(1)


def _stop_at_end_of_stdin(stop: asyncio.Event) -> None:
    if not os.read(sys.stdin.fileno(), 4096):
        asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
        stop.set()


def _line(seen: Counts, client: Client) -> dict[str, object]:
    return {"at": time.time(), "second": seen.to_json(), "unanswered": client.unanswered}


def _say(line: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(line, separators=(",", ":")) + "\n")
    sys.stdout.flush()


main()
