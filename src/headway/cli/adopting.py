"""The command that takes what serves already onto the record."""

import rich_click as click
from rich.markup import escape

from headway.cli.context import Context, json_option, next_step, print_json, say, with_context


@click.command()
@click.argument("environment")
@click.option("--service")
@click.option(
    "--version", metavar="VERSION", help="Which version it is; else a release with its image says it, its label, or its image's tag."
)
@click.option(
    "--commit", metavar="REVISION", help="Which commit it was made from; else that release says it, the version's tag, or its image's."
)
@json_option
@with_context
def adopt(context: Context, environment: str, service: str | None, version: str | None, commit: str | None, as_json: bool) -> None:
    """Put what serves in an environment already on the record; nothing restarts. The first promotion does the same by itself."""
    view = context.ask("adopt", environment=environment, by=context.person, service=service, version=version, commit=commit)
    if as_json:
        print_json(view)
        return
    say(f"adopting {view['release']} in {environment} ({view['rollout']})")
    for line in view["adopts"]:
        say(f"  {escape(line)}")
    for line in view["by_hand"]:
        say(f"  [dim]the way back by hand:[/dim] {escape(line)}")
    next_step(f"headway wait {view['rollout']}")


COMMANDS = (adopt,)
