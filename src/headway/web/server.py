"""Runs the server: the engine's threads, and the API on a unix socket."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import uvicorn

from headway.errors import Refused
from headway.web.app import app
from headway.wiring import Running, build, locked, socket_path


def serve(home: Path, database: str | None, repos: Sequence[tuple[Path, str]], say: Callable[[str], None]) -> None:
    """Serve until SIGTERM or Ctrl-C. What was started on this machine goes on; the next start takes over."""
    from headway.wiring import private

    private(home)
    with locked(home) as mine:
        if not mine:
            raise Refused(f"another Headway works in {home}", ("stop it, or choose another home with --home",))
        headway = build(home, database, serving=True)
        for path, branch in repos:
            headway.repo_add(str(path), branch)
        running = Running(headway)
        running.start()
        try:
            _listen(home, headway_app(headway), say)
        finally:
            running.stop()


def headway_app(headway: object) -> object:
    """The API of a wired-up Headway."""
    from headway.wiring import Headway

    assert isinstance(headway, Headway)
    return app(headway.commands, {"repo_add": headway.repo_add, "repo_list": headway.repo_list, "poke": headway.poke, "ping": ping})


def ping() -> dict[str, object]:
    """Is somebody there?"""
    return {"pid": os.getpid()}


def _listen(home: Path, api: object, say: Callable[[str], None]) -> None:
    path = socket_path(home)
    path.unlink(missing_ok=True)  # ours to remove: we hold the home's lock
    config = uvicorn.Config(
        api,  # type: ignore[arg-type]
        uds=str(path),
        log_level="warning",
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=2,
    )
    say(f"[green]headway serves[/green] [dim]{home}[/dim]; stop with Ctrl-C: what runs goes on")
    os.umask(0o077)
    uvicorn.Server(config).run()
    path.unlink(missing_ok=True)
