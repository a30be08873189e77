"""What every command needs: who asks, where the server's home is, and how to answer."""

import getpass
import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import update_wrapper
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

import rich_click as click
from rich.console import Console

View = dict[str, Any]
P = ParamSpec("P")
R = TypeVar("R")

talk = Console(stderr=True, highlight=False)
data = Console(highlight=False)


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

    def ask(self, verb: str, **arguments: object) -> View:
        """One verb, of the running server or, when none runs, of this process under the server's lock."""
        from headway.wiring import connect

        with connect(self.home, self.database) as headway:
            return headway.call(verb, **arguments)


def with_context(function: Callable[Concatenate[Context, P], R]) -> Callable[P, R]:
    """Hand the context to a command as its first argument."""

    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        context = click.get_current_context()
        return function((context.find_object(Context) if context else None) or _missing(), *args, **kwargs)

    return update_wrapper(wrapped, function)


def _missing() -> Context:
    raise click.UsageError("this command runs below `headway`")


def json_option(function: Callable[P, R]) -> Callable[P, R]:
    """Every verb that reads has it."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of words.")(function)


def print_json(view: View) -> None:
    """Data goes to standard output, all of it, in one object."""
    sys.stdout.write(json.dumps(view, indent=2, ensure_ascii=False) + "\n")


def say(text: str) -> None:
    """Talk goes to standard error."""
    talk.print(text, markup=True)


def next_step(command: str) -> None:
    """Every success names the next likely command."""
    talk.print(f"[dim]next:[/dim] [cyan]{command}[/cyan]")
