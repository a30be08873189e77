"""Commands about hotfixes: from what is live, out on the shorter path, and forward into every open line."""

import rich_click as click

from headway.cli import render
from headway.cli.context import Context, data, json_option, next_step, print_json, say, with_context
from headway.cli.exits import WAITING

service_option = click.option("--service", help="Which service, when there are several.")
from_option = click.option("--in", "environment", metavar="ENVIRONMENT", help="Where it is live. [the last environment]")


@click.group()
def hotfix() -> None:
    """A release from what is live, on the shorter path, merged forward afterwards."""


@hotfix.command()
@click.option("--why", required=True, help="What is broken; it stands on the record.")
@service_option
@from_option
@json_option
@with_context
def start(context: Context, why: str, service: str | None, environment: str | None, as_json: bool) -> None:
    """Branch from what is live, not from main."""
    view = context.ask("hotfix_start", by=context.person, why=why, service=service, environment=environment)
    if as_json:
        print_json(view)
        return
    skipped = f"; its path skips {', '.join(view['skips'])}" if view["skips"] else ""
    say(f"[green]{view['branch']}[/green] starts from {view['live']} ({view['base'][:10]}){skipped}")
    next_step(f"commit the fix on {view['branch']}, then: headway hotfix ship")


@hotfix.command()
@click.argument("hotfix", required=False)
@service_option
@from_option
@json_option
@with_context
def ship(context: Context, hotfix: str | None, service: str | None, environment: str | None, as_json: bool) -> int:
    """Cut what is on its branch, and ask for it on the shorter path; somebody else approves it."""
    view = context.ask("hotfix_ship", by=context.person, service=service, hotfix=hotfix, environment=environment)
    waits = [f"{one['environment']}: {line}" for one in view["asked"] for line in one["waits"]]
    if as_json:
        print_json(view)
    else:
        say(f"[green]{view['release']}[/green] is cut from {view['branch']} and asked for")
        for line in waits:
            say(f"  [yellow]waits:[/yellow] {line}")
        next_step(f"headway approve {view['release']} --to {view['environment']}, then: headway hotfix finish")
    return WAITING if waits else 0


@hotfix.command()
@service_option
@json_option
@with_context
def status(context: Context, service: str | None, as_json: bool) -> int:
    """Every hotfix, and the lines that still lack it."""
    view = context.ask("hotfixes", service=service)
    print_json(view) if as_json else data.print(render.hotfixes(view))
    return WAITING if any(one["finished"] is None for one in view["hotfixes"]) else 0


@hotfix.command()
@click.argument("hotfix", required=False)
@service_option
@json_option
@with_context
def finish(context: Context, hotfix: str | None, service: str | None, as_json: bool) -> int:
    """Merge it forward into every open line; what conflicts stays open until a person has merged or picked it."""
    view = context.ask("hotfix_finish", by=context.person, service=service, hotfix=hotfix)
    if as_json:
        print_json(view)
    else:
        data.print(render.hotfixes({"hotfixes": [view]}))
        for line in view["by_hand"]:
            say(f"[yellow]{line}[/yellow]")
        if not view["open"] and not view["finished"]:
            next_step(f"headway wait {view['release']}: every line has it, and it has yet to go out")
        if view["open"]:
            next_step(f"git switch {view['open'][0]} && git merge {view['branch']} (or git cherry-pick -x), then: headway hotfix status")
    return 0 if view["finished"] else WAITING


@hotfix.command()
@click.argument("hotfix", required=False)
@click.option("--why", required=True, help="Why it is given up; it stands on the record.")
@service_option
@json_option
@with_context
def drop(context: Context, hotfix: str | None, why: str, service: str | None, as_json: bool) -> None:
    """Give a hotfix up: it was not the fix, or another one was."""
    view = context.ask("hotfix_drop", by=context.person, why=why, service=service, hotfix=hotfix)
    if as_json:
        print_json(view)
        return
    say(f"[yellow]{view['branch']} is given up[/yellow]; its branch, and what runs of it, stay as they are")


COMMANDS = (hotfix,)
