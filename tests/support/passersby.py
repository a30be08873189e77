"""Users of many places at once, who never stop coming, and what they met."""

import asyncio
import contextlib
import threading
import time
from collections import Counter
from dataclasses import dataclass, field

PATIENCE = 15.0


@dataclass
class Door:
    """Where users come in, and what became of them. Nobody counts before it opened for the first time."""

    host: str
    port: int
    name: str
    answers: Counter[str] = field(default_factory=Counter)
    """By what was answered: the version."""
    failures: list[str] = field(default_factory=list)
    away: bool = False
    """Nobody comes just now."""

    def served_by(self, least: int = 10, within: float = 60.0) -> set[str]:
        """Who answers from now on, as far as so many answers tell."""
        before, end = self.answers.copy(), time.monotonic() + within
        while (self.answers - before).total() < least:
            assert time.monotonic() < end, f"{self.name} answers nobody: {self.failures[-3:]}"
            time.sleep(0.1)
        return set(self.answers - before)


class Passersby:
    """A thread that keeps asking at every door, each at this rate; who comes does not wait for who came before."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._asking: set[asyncio.Task[None]] = set()

    def __enter__(self) -> "Passersby":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(timeout=30.0)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def at(self, host: str, port: int, name: str) -> Door:
        """Have users there from now on; `name` is the host that they ask for."""
        door = Door(host, port, name)
        asyncio.run_coroutine_threadsafe(self._keep_coming(door), self._loop)
        return door

    async def _keep_coming(self, door: Door) -> None:
        me = asyncio.current_task()
        assert me is not None
        self._asking.add(me)
        due = self._loop.time()
        while True:
            due = max(due + 1 / self._rate, self._loop.time() - 1.0)
            await asyncio.sleep(due - self._loop.time())
            if not door.away:
                one = self._loop.create_task(self._ask(door))
                self._asking.add(one)
                one.add_done_callback(self._asking.discard)

    async def _ask(self, door: Door) -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                status, said = await _request(door)
        except (OSError, ValueError, IndexError, EOFError, TimeoutError) as error:
            status, said = 0, repr(error)
        if status == 200:
            door.answers[said] += 1
        elif door.answers:
            door.failures.append(f"{status} {said}".strip())

    async def _stop(self) -> None:
        for one in list(self._asking):
            one.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*self._asking, return_exceptions=True)


async def _request(door: Door) -> tuple[int, str]:
    reader, writer = await asyncio.open_connection(door.host, door.port)
    try:
        writer.write(f"GET / HTTP/1.1\r\nHost: {door.name}\r\nConnection: close\r\n\r\n".encode())
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    finally:
        writer.close()
    text = body.decode()
    if b"transfer-encoding: chunked" in head.lower():
        text = text.partition("\r\n")[2].rpartition("\r\n0\r\n")[0]
    return int(head.split()[1]), text.strip()
