"""Who asks, and of which server. Commands that must start quickly take this and not `context.py`, which can also print in colour."""

import getpass
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import update_wrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

import rich_click as click

if TYPE_CHECKING:
    from headway.adapters.remote import Remote

View = dict[str, Any]
P = ParamSpec("P")
R = TypeVar("R")


def default_home() -> Path:
    """Where a server keeps its state unless told otherwise."""
    state = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    return Path(state).expanduser() / "headway"


def default_person() -> str:
    """Who asks, unless told otherwise."""
    return os.environ.get("HEADWAY_USER") or getpass.getuser()


@dataclass
class Context:
    """Set once by the group's options."""

    home: Path
    person: str
    database: str | None = None
    elsewhere: str | None = None
    """The URL of a server that is asked over the network."""

    def ask(self, verb: str, **arguments: object) -> View:
        """One verb, of the running server or, when none runs, of this process under the server's lock."""
        if (server := self._server()) is not None:
            return server.call(verb, **arguments)
        from headway.wiring import connect

        with connect(self.home, self.database) as headway:
            return headway.call(verb, **arguments)

    def _server(self) -> "Remote | None":
        """The server, if one runs here. Whoever only asks it need not load engine and database: that is most of a command's time."""
        from headway.adapters.remote import Remote
        from headway.adapters.socketpath import socket_path

        if self.elsewhere:
            return Remote.at(self.elsewhere, os.environ.get("HEADWAY_TOKEN", ""))
        # Somebody else's home is refused where it is opened, not asked.
        if not self.home.is_dir() or self.home.stat().st_uid != os.getuid() or not (path := socket_path(self.home)).exists():
            return None
        server = Remote(path)
        return server if server.answers() else None


def with_context(function: Callable[Concatenate[Context, P], R]) -> Callable[P, R]:
    """Hand the context to a command as its first argument."""

    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        context = click.get_current_context()
        return function((context.find_object(Context) if context else None) or _missing(), *args, **kwargs)

    return update_wrapper(wrapped, function)


def _missing() -> Context:
    raise click.UsageError("this command runs below `headway`")
