"""Runs the server: the engine's threads, and the API on a unix socket."""

import os
import signal
import socket
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import uvicorn

from headway.errors import Refused, Unavailable
from headway.web.app import app
from headway.wiring import Headway, Running, build, patiently_locked, private, socket_path


def serve(
    home: Path,
    database: str | None,
    repos: Sequence[tuple[str, str]],
    say: Callable[[str], None],
    policies: Callable[[Headway], None] = lambda _: None,
) -> None:
    """Serve until SIGTERM or Ctrl-C. What was started on this machine goes on; the next start takes over."""
    private(home)
    with patiently_locked(home) as mine:
        if not mine:
            raise Refused(f"another Headway works in {home}", ("stop it, or choose another home with --home",))
        headway = build(home, database, serving=True)
        policies(headway)
        for path, branch in repos:
            _watch(headway, path, branch, say)
        Served(headway, socket_path(home)).run(say)


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

    def __init__(self, headway: Headway, path: Path) -> None:
        self._path = path
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

    def run(self, say: Callable[[str], None]) -> None:
        """Turn and listen until told to stop."""
        # uvicorn hands a signal that ended it on to whoever was there before: without this that is sudden death, with nothing let go.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._told)
        self._running.start()
        try:
            with self._listener() as listener:
                say("[green]headway serves[/green]; stop with Ctrl-C: what runs goes on without it")
                self._server.run(sockets=[listener])
        finally:
            self._path.unlink(missing_ok=True)
            self._running.stop(everything=self._everything)

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
