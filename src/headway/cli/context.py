"""What every command needs: who asks, where the server's home is, and how to answer."""

import json
import sys
from collections.abc import Callable

import rich_click as click
from rich.console import Console

from headway.cli.caller import Context, P, R, View, default_home, default_person, with_context
from headway.cli.start import every_letter

__all__ = [
    "Context",
    "View",
    "data",
    "default_home",
    "default_person",
    "json_option",
    "next_step",
    "print_json",
    "say",
    "talk",
    "with_context",
]

talk = Console(stderr=True, highlight=False, soft_wrap=True)
data = Console(highlight=False, width=None if sys.stdout.isatty() else 200)


def json_option(function: Callable[P, R]) -> Callable[P, R]:
    """Every verb that reads has it."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of words.")(function)


def print_json(view: View) -> None:
    """Data goes to standard output, all of it, in one object."""
    sys.stdout.write(json.dumps(view, indent=2, ensure_ascii=not every_letter()) + "\n")


def say(text: str) -> None:
    """Talk goes to standard error."""
    talk.print(text, markup=True)


def next_step(command: str) -> None:
    """Every success names the next likely command."""
    talk.print(f"[dim]next:[/dim] [cyan]{command}[/cyan]")
