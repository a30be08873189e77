"""Commands about the record."""

import rich_click as click

from headway.cli import render
from headway.cli.context import Context, data, json_option, print_json, say, with_context
from headway.cli.exits import TROUBLE


@click.group()
def audit() -> None:
    """Read the record, and prove that nobody edited it."""


@audit.command()
@click.argument("target", required=False)
@click.option("--most", default=200, show_default=True)
@json_option
@with_context
def log(context: Context, target: str | None, most: int, as_json: bool) -> None:
    """The events of one rollout or release, or the newest of all."""
    view = context.ask("log", target=target, most=most)
    print_json(view) if as_json else data.print(render.events(view))


@audit.command()
@json_option
@with_context
def verify(context: Context, as_json: bool) -> int:
    """Recompute every chain of events."""
    view = context.ask("verify")
    if as_json:
        print_json(view)
    elif view["good"]:
        say("[green]every event is as it was written[/green]")
    else:
        for line in view["wrong"]:
            say(f"[red]{line}[/red]")
    return 0 if view["good"] else TROUBLE


COMMANDS = (audit,)
