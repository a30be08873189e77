"""Sends requests at a steady rate whether or not the earlier ones were answered, as users do, and never tries one twice."""

import asyncio
import os
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit

import h11

from headway.adapters.traffic.counts import Counts, Failure
from headway.errors import InvalidSpec

TIMEOUT = 5.0
MOST_UNANSWERED = 1000
RELEASE_HEADER = b"x-headway-release"

# Out of ten requests seven look at the front page, two at the votes, and one votes.
MIX = tuple({"g": ("GET", "/"), "v": ("GET", "/votes"), "p": ("POST", "/votes")}[letter] for letter in "ggvggpggvg")
VOTE = b'{"choice": "tea"}'


@dataclass(frozen=True, slots=True)
class Target:
    """Where the requests go."""

    host: str
    port: int
    name: str = ""
    """The host that is asked for, where that is not the address: behind a gateway."""

    @classmethod
    def at(cls, url: str, name: str = "") -> Self:
        address = urlsplit(url)
        if address.scheme != "http" or not address.hostname:
            raise InvalidSpec(f"traffic goes to a URL such as http://127.0.0.1:8000, not to {url!r}")
        return cls(address.hostname, address.port or 80, name)

    def request(self, method: str, path: str) -> tuple[h11.Request, bytes]:
        headers = [("Host", self.name or f"{self.host}:{self.port}"), ("User-Agent", "headway-traffic")]
        body = VOTE if method == "POST" else b""
        if body:
            headers += [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
        return h11.Request(method=method, target=path, headers=headers), body


@dataclass(slots=True)
class Answer:
    """What has come back so far. A release that began to answer and stopped is still the one that answered."""

    status: int = 0
    release: str = ""


class Connection:
    """One kept-alive connection, one request at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._http = h11.Connection(h11.CLIENT)

    @classmethod
    async def open(cls, target: Target) -> Self:
        return cls(*await asyncio.open_connection(target.host, target.port))

    @property
    def usable(self) -> bool:
        """Nobody has closed it, as far as we have heard."""
        return not (self._reader.at_eof() or self._reader.exception() or self._writer.is_closing())

    def close(self) -> None:
        self._writer.close()

    async def exchange(self, request: h11.Request, body: bytes, answer: Answer) -> bool:
        """Send a request and fill in the answer; True if the connection can take another."""
        data = self._http.send(request) or b""
        if body:
            data += self._http.send(h11.Data(data=body)) or b""
        self._writer.write(data + (self._http.send(h11.EndOfMessage()) or b""))
        while not isinstance(event := await self._event(), h11.EndOfMessage):
            if isinstance(event, h11.Response):
                answer.status = event.status_code
                answer.release = next((value.decode() for name, value in event.headers if name == RELEASE_HEADER), "")
        if self._http.our_state is not h11.DONE or self._http.their_state is not h11.DONE:
            return False
        self._http.start_next_cycle()
        return True

    async def _event(self) -> h11.Event | type[h11.PAUSED]:
        while (event := self._http.next_event()) is h11.NEED_DATA:
            data = await self._reader.read(65536)
            if not data and self._http.their_state is h11.SEND_RESPONSE:
                raise ConnectionResetError("closed before an answer")
            self._http.receive_data(data)
        return event  # type: ignore[return-value]  # h11 has one type for both of its sentinels


class Client:
    """The load itself. `seen` collects until someone takes it."""

    def __init__(self, target: Target, rate: float, connections: int, paths: Sequence[str] = ()) -> None:
        self._target = target
        # Any service can be read; only the sample can be voted at.
        self._mix = tuple(("GET", path) for path in paths) or MIX
        # Built once: making and checking headers would be most of the cost of a request.
        self._requests = {(method, path): target.request(method, path) for method, path in set(self._mix)}
        self._rate = rate
        self._connections = connections
        self._idle: deque[Connection] = deque()
        self._open = 0
        self._under_way: set[asyncio.Task[None]] = set()
        self._seen = Counts()

    @property
    def unanswered(self) -> int:
        return len(self._under_way)

    def take(self) -> Counts:
        """What was seen since the last take."""
        seen, self._seen = self._seen, Counts()
        return seen

    async def run(self, stop: asyncio.Event) -> None:
        """Send until told to stop, then wait for every answer that is due."""
        started = time.perf_counter()
        number = 0
        while not stop.is_set():
            ahead = started + number / self._rate - time.perf_counter()
            if ahead > 0:
                await asyncio.sleep(min(ahead, 0.1))  # so that a slow rate stops at once, too
                continue
            self._start(*self._mix[number % len(self._mix)])
            number += 1
        await asyncio.gather(*self._under_way)
        for connection in self._idle:
            connection.close()

    def _start(self, method: str, path: str) -> None:
        if len(self._under_way) >= MOST_UNANSWERED:
            self._seen.skipped += 1
            return
        task = asyncio.create_task(self.send(method, path))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def send(self, method: str, path: str) -> None:
        """One request, tried once, and counted whatever becomes of it."""
        answer = Answer()
        started = time.perf_counter()
        try:
            async with asyncio.timeout(TIMEOUT):
                await self._ask(method, path, answer)
            why = "" if answer.status < 400 else str(answer.status)
        except TimeoutError:
            why = f"no answer within {TIMEOUT:g} s"
        except h11.ProtocolError as error:
            why = f"broken answer: {error}"
        except OSError as error:
            why = os.strerror(error.errno) if error.errno else str(error) or type(error).__name__
        seconds = time.perf_counter() - started
        if why:
            self._seen.bad(Failure(time.time(), f"{method} {path}", why, answer.release, seconds))
        else:
            self._seen.good(answer.release, answer.status, seconds)

    async def _ask(self, method: str, path: str, answer: Answer) -> None:
        connection = self._free() or await Connection.open(self._target)
        self._open += 1
        reusable = False
        try:
            reusable = await connection.exchange(*self._requests[method, path], answer)
        finally:
            self._open -= 1
            if reusable and len(self._idle) + self._open < self._connections:
                self._idle.append(connection)
            else:
                connection.close()

    def _free(self) -> Connection | None:
        """The connection that has been idle longest, so that all of them stay in use; None if a new one should be opened."""
        if len(self._idle) + self._open < self._connections:
            return None
        while self._idle:
            connection = self._idle.popleft()
            if connection.usable:
                return connection
            connection.close()
        return None
