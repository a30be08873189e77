"""A release's own Service is asked for when this machine knows where it leads."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from headway.adapters.kubernetes import reaching


@contextmanager
def a_port(*, listens: bool) -> Iterator[tuple[socket.socket, str]]:
    """A port that is ours; until it listens, the kernel refuses, as a node does that knows no pod behind a Service."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        if listens:
            held.listen()
        yield held, f"http://127.0.0.1:{held.getsockname()[1]}"


def test_nobody_is_sent_there_before_it_is_heard_of(monkeypatch: pytest.MonkeyPatch) -> None:
    with a_port(listens=False) as (held, url):
        refused = threading.Event()

        def soon() -> None:
            refused.wait(5)
            held.listen()

        knows = threading.Thread(target=soon)
        knows.start()
        monkeypatch.setattr(time, "sleep", lambda _: refused.set())  # it was refused, and is asked again
        reaching.until_heard(url, within=5)
        knows.join()
        assert refused.is_set()
        socket.create_connection(("127.0.0.1", held.getsockname()[1]), timeout=1).close()


def test_what_listens_is_asked_once() -> None:
    with a_port(listens=True) as (held, url):
        reaching.until_heard(url, within=5)
        held.setblocking(False)
        held.accept()[0].close()
        with pytest.raises(BlockingIOError):
            held.accept()


def test_a_release_that_refuses_for_good_is_left_to_its_check() -> None:
    with a_port(listens=False) as (_, url):
        before = time.monotonic()
        reaching.until_heard(url, within=0.3)
        assert time.monotonic() - before >= 0.3


def test_what_is_not_reached_from_here_is_waited_for_by_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []

    def unreachable(at: object, timeout: float) -> socket.socket:
        asked.append(at)
        raise TimeoutError(f"no answer in {timeout} s")

    monkeypatch.setattr(socket, "create_connection", unreachable)
    reaching.until_heard("http://10.96.0.7:80", within=5)
    assert asked == [("10.96.0.7", 80)]
