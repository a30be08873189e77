"""Runs the server: the engine's threads, and the API on a unix socket."""

import contextlib
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn

from headway.errors import Refused, Unavailable
from headway.web.app import app
from headway.web.door import door
from headway.web.exposition import exposition
from headway.wiring import Headway, Running, Tokens, build, patiently_locked, private, socket_path


@dataclass(frozen=True, slots=True)
class Network:
    """Where the server listens beside its socket, and who may ask there."""

    host: str
    port: int
    tokens: Path | None = None
    open_metrics: bool = False
    """Whether everybody may read the metrics, not only who has a token."""


def serve(
    home: Path,
    database: str | None,
    repos: Sequence[tuple[str, str]],
    say: Callable[[str], None],
    policies: Callable[[Headway], None] = lambda _: None,
    network: Network | None = None,
    *,
    machine: bool = True,
    new_key: bool = False,
) -> None:
    """Serve until SIGTERM or Ctrl-C. What was started on this machine goes on; the next start takes over."""
    # In a pod this is process 1, and the kernel drops what it has no handler for: told to end during its first fetch, it would go on.
    signal.signal(signal.SIGTERM, _leave)
    private(home)
    with patiently_locked(home) as mine:
        if not mine:
            raise Refused(f"another Headway works in {home}", ("stop it, or choose another home with --home",))
        headway = build(home, database, serving=True, machine=machine, new_key=new_key)
        policies(headway)
        for path, branch in repos:
            _watch(headway, path, branch, say)
        Served(headway, socket_path(home), network).run(say)


def _leave(*_: object) -> None:
    raise SystemExit(0)


def _watch(headway: Headway, path: str, branch: str, say: Callable[[str], None]) -> None:
    """What is on record already is watched whether it answers just now or not: a start must not hang on somebody else's server."""
    try:
        headway.repo_add(path, branch)
    except Unavailable as error:
        if not headway.watches(path, branch):
            raise
        say(f"[yellow]will ask again[/yellow]: {error}")


class Served:
    """One run of the server."""

    def __init__(self, headway: Headway, path: Path, network: Network | None = None) -> None:
        self._path = path
        self._network = network
        self._running = Running(headway)
        own: dict[str, Callable[..., Any]] = {
            "repo_add": headway.repo_add,
            "repo_list": headway.repo_list,
            "poke": headway.poke,
            "ping": ping,
            "down": self.down,
            **headway.more(),
        }
        self._everything = False
        self._server = uvicorn.Server(
            uvicorn.Config(app(headway.commands, own), log_level="warning", access_log=False, lifespan="off", timeout_graceful_shutdown=2)
        )
        person = Tokens(network.tokens).person if network and network.tokens else None
        self._door = uvicorn.Server(
            uvicorn.Config(
                door(
                    headway.commands,
                    own,
                    person,
                    self._running.alive,
                    headway.answers,
                    lambda: exposition(headway.measures, headway.tally(), headway.world.clock.now()),
                    lambda status: headway.measures.count("requests", code=str(status)),
                    open_metrics=network is not None and network.open_metrics,
                ),
                log_level="warning",
                access_log=False,
                lifespan="off",
                timeout_graceful_shutdown=2,
            )
        )

    def run(self, say: Callable[[str], None]) -> None:
        """Turn and listen until told to stop."""
        # uvicorn hands a signal that ended it on to whoever was there before: without this that is sudden death, with nothing let go.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._told)
        self._running.start()
        try:
            with self._listener() as listener, self._open():
                say("[green]headway serves[/green]; stop with Ctrl-C: what runs goes on without it")
                self._server.run(sockets=[listener])
        finally:
            self._path.unlink(missing_ok=True)
            self._running.stop(everything=self._everything)

    @contextlib.contextmanager
    def _open(self) -> Iterator[None]:
        """Answer over the network too, in a thread: uvicorn would take the signals for itself anywhere else."""
        if self._network is None:
            yield
            return
        with socket.create_server((self._network.host, self._network.port), reuse_port=False) as listener:
            thread = threading.Thread(target=self._door.run, kwargs={"sockets": [listener]}, name="door", daemon=True)
            thread.start()
            try:
                yield
            finally:
                self._door.should_exit = True
                thread.join(timeout=5)

    def _told(self, *_: object) -> None:
        self._server.should_exit = True

    def down(self) -> dict[str, object]:
        """Stop the server and everything that runs on this machine, in order."""
        self._everything = True
        self._server.should_exit = True
        return {"stopping": True}

    def _listener(self) -> socket.socket:
        """Our own socket, for its owner only: uvicorn would open it to everybody."""
        self._path.unlink(missing_ok=True)  # ours to remove: we hold the home's lock
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        mask = os.umask(0o177)
        try:
            listener.bind(str(self._path))
        finally:
            os.umask(mask)
        return listener


def ping() -> dict[str, object]:
    """Is somebody there?"""
    return {"pid": os.getpid()}
