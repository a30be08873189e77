"""Commands about checklists, and about what people say besides approving."""

import rich_click as click

from headway.cli import render
from headway.cli.context import Context, data, json_option, next_step, print_json, say, with_context
from headway.cli.exits import WAITING

to_option = click.option("--to", "environment", required=True, metavar="ENVIRONMENT", help="The environment.")
comment_option = click.option("--comment", "-m", default="", help="What you want the record to say; evidence, for instance.")


@click.group()
def checklist() -> None:
    """What must be ticked before a release enters an environment."""


@checklist.command()
@click.argument("release")
@to_option
@json_option
@with_context
def show(context: Context, release: str, environment: str, as_json: bool) -> int:
    """Every item, how it stands, and on whose word."""
    view = context.ask("checklist", release=release, environment=environment)
    print_json(view) if as_json else data.print(render.checklist(view))
    return WAITING if view["open"] else 0


@checklist.command()
@click.argument("release")
@click.argument("item")
@to_option
@click.option("--undo", is_flag=True, help="It is not so, after all.")
@comment_option
@json_option
@with_context
def tick(context: Context, release: str, item: str, environment: str, undo: bool, comment: str, as_json: bool) -> None:
    """Answer an item, for exactly this artifact."""
    view = context.ask("tick_item", release=release, environment=environment, item=item, by=context.person, good=not undo, comment=comment)
    if as_json:
        print_json(view)
        return
    say(f"{item} {'unticked' if undo else 'ticked'} for {view['release']} in {environment} by {context.person}; {view['open']} left")
    next_step(f"headway checklist show {view['release']} --to {environment}")


@checklist.command()
@click.argument("release")
@click.argument("item")
@to_option
@json_option
@with_context
def run(context: Context, release: str, item: str, environment: str, as_json: bool) -> None:
    """Have an item's command run, again if it ran before; the newest run counts."""
    view = context.ask("run_item", release=release, environment=environment, item=item, by=context.person)
    if as_json:
        print_json(view)
        return
    say(f"{item} for {view['release']} in {environment}: {'asked for' if view['new'] else 'it runs already'} (run {view['number']})")
    next_step(f"headway checklist show {view['release']} --to {environment}")


@click.command()
@click.argument("release")
@to_option
@click.option("--go/--no-go", "go", default=True, help="A no-go needs a comment, and stands until you say go.")
@comment_option
@json_option
@with_context
def advise(context: Context, release: str, environment: str, go: bool, comment: str, as_json: bool) -> None:
    """Say go or no-go as one of the change advisory group; `headway plan` shows risk and timing."""
    view = context.ask("advise", release=release, environment=environment, by=context.person, go=go, comment=comment)
    if as_json:
        print_json(view)
        return
    say(f"{context.person} says {'go' if go else 'no-go'} for {view['release']} to {environment}")
    for line in view["waits"]:
        say(f"  [yellow]still:[/yellow] {line}")


@click.command()
@click.argument("release")
@to_option
@comment_option
@json_option
@with_context
def revoke(context: Context, release: str, environment: str, comment: str, as_json: bool) -> None:
    """Take back your approval, while the release still waits."""
    view = context.ask("revoke", release=release, environment=environment, by=context.person, comment=comment)
    if as_json:
        print_json(view)
        return
    say(f"{context.person} takes back the approval of {view['release']} for {environment}")
    for line in view["waits"]:
        say(f"  [yellow]waits:[/yellow] {line}")


COMMANDS = (checklist, advise, revoke)
