"""Commands about an environment's data."""

import rich_click as click

from headway.cli.context import Context, json_option, next_step, print_json, say, with_context
from headway.cli.exits import WAITING


@click.group()
def data() -> None:
    """The data of an environment."""


@data.command()
@click.argument("environment")
@click.option("--service", help="Of several, the one whose database is meant.")
@click.option("--why", default="", help="The reason; it stands on the record.")
@json_option
@with_context
def reset(context: Context, environment: str, service: str | None, why: str, as_json: bool) -> int:
    """Make the database anew from migrations and seed, for the release that runs there. Only where the file says `data: synthetic`."""
    view = context.ask("reset", environment=environment, by=context.person, service=service, why=why)
    if as_json:
        print_json(view)
        return 0
    say(f"{view['release']} in {environment}: asked for ({view['rollout']})")
    for line in view["steps"]:
        say(f"  {line}")
    for line in view["waits"]:
        say(f"  [yellow]waits:[/yellow] {line}")
    next_step(f"headway wait {view['rollout']}")
    return WAITING if view["waits"] else 0


COMMANDS = (data,)
