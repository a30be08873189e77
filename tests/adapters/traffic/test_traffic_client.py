"""A request is tried once, and what became of it is counted for the one who answered."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable

import pytest

from headway.adapters.traffic import Counts
from headway.adapters.traffic import client as client_module
from headway.adapters.traffic.client import Client, Target
from headway.errors import InvalidSpec

GOOD = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Headway-Release: tally-1\r\n\r\nok"
SICK = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nx-headway-release: tally-2\r\n\r\n"
NOBODY = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"

Behaviour = Callable[[int, asyncio.StreamWriter], Awaitable[bool]]


def run(behave: Behaviour, *, requests: int = 40, connections: int = 4, rate: float | None = 400) -> tuple[Counts, Counter[str]]:
    """Traffic against a server that behaves so at its n-th request (True keeps the connection); and what the server saw.

    Without a rate each request waits for the answer before, so that how many connections there are does not depend on the machine.
    """

    async def both() -> tuple[Counts, Counter[str]]:
        saw: Counter[str] = Counter()
        stop = asyncio.Event()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            saw["connections"] += 1
            try:
                while head := await reader.readuntil(b"\r\n\r\n"):
                    await reader.readexactly(len(client_module.VOTE) if head.startswith(b"POST") else 0)
                    saw["requests"] += 1
                    saw[head.split(b" HTTP")[0].decode()] += 1
                    if saw["requests"] >= requests:
                        stop.set()
                    if not await behave(saw["requests"], writer):
                        break
            except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
                pass
            finally:
                writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        client = Client(Target("127.0.0.1", port), rate or 1, connections)
        async with asyncio.timeout(20), server:
            for number in range(requests if rate is None else 0):
                await client.send(*client_module.MIX[number % 10])
            if rate is not None:
                await client.run(stop)
        assert client.unanswered == 0
        return client.take(), saw

    return asyncio.run(both())


def says(*answers: bytes, keep: bool = True) -> Behaviour:
    """One answer after the other, round and round."""

    async def behave(number: int, writer: asyncio.StreamWriter) -> bool:
        writer.write(answers[number % len(answers)])
        return keep

    return behave


def test_every_request_is_counted_once_over_the_connections_asked_for() -> None:
    counts, saw = run(says(GOOD), requests=50, connections=4, rate=None)
    assert counts.requests == counts.ok == saw["requests"]
    assert saw["connections"] == 4
    assert saw["GET /"] > saw["GET /votes"] > saw["POST /votes"] > 0


def test_an_answer_is_attributed_to_the_release_that_the_header_names() -> None:
    counts, saw = run(says(GOOD, SICK))
    assert counts.failed_by == {"tally-2": (saw["requests"] + 1) // 2}
    assert counts.shares["tally-1"].ok == saw["requests"] // 2
    assert counts.unattributed == 0


def test_an_error_that_nobody_signs_cannot_be_attributed() -> None:
    counts, saw = run(says(NOBODY))
    assert counts.unattributed == counts.failed == saw["requests"]
    assert counts.failed_by == {}


def test_a_connection_that_the_server_closes_politely_is_opened_again_without_a_failure() -> None:
    closing = GOOD.replace(b"OK\r\n", b"OK\r\nConnection: close\r\n")
    counts, saw = run(says(closing, keep=False))
    assert counts.failed == 0
    assert saw["connections"] == saw["requests"]


def test_an_idle_connection_that_the_server_closed_is_not_used_again() -> None:
    # Closed without a word, but while it is idle, so there is time to notice.
    counts, saw = run(says(GOOD, keep=False), connections=1, rate=50, requests=10)
    assert counts.failed == 0
    assert saw["connections"] == saw["requests"]


def test_a_reused_connection_that_closes_before_an_answer_is_a_failure_and_not_tried_again() -> None:
    async def every_third_hangs_up(number: int, writer: asyncio.StreamWriter) -> bool:
        if number % 3 == 0:
            return False
        writer.write(GOOD)
        return True

    counts, saw = run(every_third_hangs_up, connections=1, rate=None, requests=30)
    assert counts.unattributed == saw["requests"] // 3
    assert counts.requests == saw["requests"]
    assert counts.statuses["closed before an answer"] == counts.unattributed


def test_silence_is_a_failure_that_counts_as_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "TIMEOUT", 0.2)

    async def silence(number: int, writer: asyncio.StreamWriter) -> bool:
        await asyncio.sleep(1)
        return False

    counts, saw = run(silence, requests=10, rate=100)
    assert counts.statuses == {"no answer within 0.2 s": saw["requests"]}
    assert counts.unattributed == saw["requests"]


@pytest.mark.parametrize(
    "pause",
    [pytest.param(0.0, id="and then hangs up"), pytest.param(1.0, id="and then falls silent")],
)
def test_a_release_that_begins_to_answer_owns_the_failure(monkeypatch: pytest.MonkeyPatch, pause: float) -> None:
    monkeypatch.setattr(client_module, "TIMEOUT", 0.2)

    async def half(number: int, writer: asyncio.StreamWriter) -> bool:
        writer.write(GOOD.replace(b"Length: 2", b"Length: 2000"))
        await writer.drain()
        await asyncio.sleep(pause)
        return False

    counts, saw = run(half, requests=10, rate=100)
    assert counts.failed_by == {"tally-1": saw["requests"]}


def test_refused_connections_are_counted() -> None:
    async def nobody_home() -> Counts:
        server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        server.close()
        await server.wait_closed()
        stop = asyncio.Event()
        client = Client(Target("127.0.0.1", port), 200, 4)
        asyncio.get_running_loop().call_later(0.1, stop.set)
        await client.run(stop)
        return client.take()

    counts = asyncio.run(nobody_home())
    assert counts.unattributed == counts.requests > 5
    assert all("refused" in why.lower() for why in counts.statuses)


def test_answers_in_chunks_are_read_to_their_end() -> None:
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-Headway-Release: tally-1\r\n\r\n2\r\nok\r\n0\r\n\r\n"
    counts, saw = run(says(chunked), connections=2, rate=None)
    assert counts.ok == saw["requests"]
    assert saw["connections"] == 2


def test_what_is_not_http_is_a_failure() -> None:
    counts, saw = run(says(b"220 mail.example ESMTP\r\n\r\n"), requests=10)
    assert counts.unattributed == saw["requests"]


def test_slow_answers_do_not_slow_the_users_down() -> None:
    most = 0
    answering = 0

    async def slow(number: int, writer: asyncio.StreamWriter) -> bool:
        nonlocal most, answering
        answering += 1
        most = max(most, answering)
        await asyncio.sleep(0.3)
        answering -= 1
        writer.write(GOOD)
        return True

    counts, saw = run(slow, requests=40, connections=2, rate=100)
    assert counts.ok == saw["requests"]
    # 100 a second for 0.3 s each are 30 at once; a client that waited for its two connections would have 2.
    assert most > 15


def test_more_unanswered_requests_than_there_are_users_are_skipped_and_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "TIMEOUT", 0.5)
    monkeypatch.setattr(client_module, "MOST_UNANSWERED", 5)

    async def silence(number: int, writer: asyncio.StreamWriter) -> bool:
        await asyncio.sleep(1)
        return False

    counts, saw = run(silence, requests=6, rate=100)
    assert counts.skipped > 5
    assert counts.requests == counts.failed == saw["requests"]


@pytest.mark.parametrize("url", ["127.0.0.1:8000", "https://example.org", "http://", ""])
def test_traffic_goes_to_http_urls_only(url: str) -> None:
    with pytest.raises(InvalidSpec, match="such as http://"):
        Target.at(url)
