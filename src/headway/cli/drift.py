"""The command about what runs and is not as Headway wrote it."""

import rich_click as click

from headway.cli import render
from headway.cli.context import Context, data, json_option, print_json, say, with_context
from headway.errors import InvalidSpec


@click.command()
@click.argument("environment")
@click.option("--service")
@click.option("--accept", is_flag=True, help="Let what differs now be as it is, until somebody touches it again.")
@click.option("--why", default="", help="The reason; it stands on the record.")
@json_option
@with_context
def drift(context: Context, environment: str, service: str | None, accept: bool, why: str, as_json: bool) -> None:
    """What runs and is not as Headway wrote it: who changed which field, what it was, and the ways out."""
    if accept and not why.strip():
        raise InvalidSpec("--accept wants a reason: --why")
    if accept:
        view = context.ask("accept_drift", environment=environment, service=service, by=context.person, why=why)
    else:
        view = context.ask("drift", environment=environment, service=service)
    if as_json:
        print_json(view)
        return
    data.print(render.drift(view))
    for way in view["ways_out"]:
        say(way)


COMMANDS = (drift,)
