"""Which commit broke a release: asks for one step after the other and says what each came to."""

import time

import rich_click as click

from headway.cli import render
from headway.cli.context import Context, View, data, json_option, next_step, print_json, say, with_context
from headway.cli.exits import DONE, REFUSED

PAUSE = 0.5


@click.command()
@click.argument("release")
@click.option("--in", "environment", metavar="ENVIRONMENT", help="Where to try its commits. [the first that asks for nothing]")
@click.option("--check", metavar="NAME", help="The check that shows it. [the one that failed]")
@click.option("--path", metavar="PATH", help="What to ask for where traffic spoke against it. [its health]")
@click.option("--again", is_flag=True, help="Start anew, whatever was found before.")
@json_option
@with_context
def blame(context: Context, release: str, environment: str | None, check: str | None, path: str | None, again: bool, as_json: bool) -> int:
    """Find the commit that broke a release that was rolled back, by trying its commits, halving. Stop and ask again as you like."""
    shown, waiting = 0, ""
    while True:
        asked = {"release": release, "environment": environment, "check": check, "path": path, "again": again}
        view = context.ask("blame", by=context.person, **asked)
        again = False
        if not as_json:
            if not shown and not waiting:
                under = f", under requests for {view['path']}" if view["path"] else ""
                say(f"{view['release']}: {view['evidence']}; {view['commits']} commits to search, in {view['environment']}{under}")
            for one in view["tried"][shown:]:
                say(render.tried(one))
            shown = len(view["tried"])
            waiting = _waiting(view, waiting)
        if view["state"] == "ended":
            return _ended(view, as_json)
        time.sleep(PAUSE)


def _waiting(view: View, before: str) -> str:
    left = f", at most {view['left']} to go" if view["left"] else ""
    text = f"  [dim]trying {view['trying'][:10]}{left}: {view['why']}[/dim]" if view["trying"] and view["why"] else before
    if text != before:
        say(text)
    return text


def _ended(view: View, as_json: bool) -> int:
    if as_json:
        print_json(view)
    else:
        data.print(render.culprit(view))
        if len(view["suspects"]) == 1:
            next_step(view["suspects"][0]["revert"])
    return DONE if view["suspects"] else REFUSED
