"""Commands about times in which nothing new goes out."""

import rich_click as click

from headway.cli import render
from headway.cli.context import Context, data, json_option, next_step, print_json, say, with_context
from headway.cli.exits import WAITING


@click.group()
def freeze() -> None:
    """Times in which nothing new goes out; a way back is never frozen."""


@freeze.command("list")
@click.option("--service")
@json_option
@with_context
def list_(context: Context, service: str | None, as_json: bool) -> None:
    """Every freeze: whether it is in force, until when, or when it begins."""
    view = context.ask("freezes", service=service)
    print_json(view) if as_json else data.print(render.freezes(view))


@freeze.command()
@click.argument("release")
@click.option("--to", "environment", required=True, metavar="ENVIRONMENT", help="The environment that is frozen.")
@click.option("--why", required=True, help="The emergency; it stands on the record, and everybody concerned is told.")
@json_option
@with_context
def override(context: Context, release: str, environment: str, why: str, as_json: bool) -> int:
    """Break the glass: lift the freezes in force for one release, for a while. Nothing else is lifted."""
    view = context.ask("override", release=release, environment=environment, by=context.person, why=why)
    if as_json:
        print_json(view)
    else:
        told = f"; told: {', '.join(view['told'])}" if view["told"] else "; nobody is told: the environment has no notify:"
        say(f"[red bold]{view['by']} broke the glass[/red bold] for {view['release']} into {environment}{told}")
        say(f"  lifts {', '.join(view['freezes'])} until {view['until'][:16]}, for this release, configuration and target alone")
        for line in view["waits"]:
            say(f"  [yellow]still:[/yellow] {line}")
        next_step(f"headway promote {view['release']} --to {environment}")
    return WAITING if view["waits"] else 0


COMMANDS = (freeze,)
