"""The command about rehearsals of migrations."""

import time

import rich_click as click
from rich.markup import escape

from headway.cli.context import Context, json_option, next_step, print_json, say, with_context
from headway.cli.exits import FAILED, TIMED_OUT, WAITING
from headway.cli.rollouts import to_option


@click.command()
@click.argument("release")
@to_option
@click.option("--show", is_flag=True, help="Only show the newest result.")
@click.option("--wait", "seconds", type=float, help="Wait this many seconds for the end.")
@json_option
@with_context
def rehearse(context: Context, release: str, environment: str, show: bool, seconds: float | None, as_json: bool) -> int:
    """Try a release's migrations on a clone of an environment's database, again if they were; the newest result counts."""
    verb, who = ("rehearsal", {}) if show else ("rehearse", {"by": context.person})
    view = context.ask(verb, release=release, environment=environment, **who)
    until = time.monotonic() + (seconds or 0.0)
    while view["state"] == "asked" and time.monotonic() < until:
        time.sleep(0.2)
        view = context.ask("rehearsal", release=release, environment=environment)
    if as_json:
        print_json(view)
    else:
        state = {"asked": "runs", None: "was not asked for"}.get(view["state"], view["state"])
        say(f"rehearsal of {view['release']} for {environment} {state}{': ' if view['text'] else ''}{escape(view['text'])}")
        for line in view["notes"]:
            say(f"  {escape(line)}")
        if view["log"]:
            say(f"  log: {view['log']}")
        next_step(f"headway plan {view['release']} --to {environment}")
    if view["state"] == "asked":
        return WAITING if seconds is None else TIMED_OUT
    return {"failed": FAILED, "errored": WAITING}.get(view["state"], 0)


COMMANDS = (rehearse,)
