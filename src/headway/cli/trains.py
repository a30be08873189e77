"""Commands about trains: what rides, when it leaves, and who keeps it."""

import sys

import rich_click as click

from headway.cli import render
from headway.cli.context import Context, data, json_option, next_step, print_json, say, with_context
from headway.cli.exits import WAITING

service_option = click.option("--service", help="Whose trains, when several services have some.")
reason_option = click.option("--why", required=True, help="The reason; it is shown with the on-time rate.")


@click.group()
def train() -> None:
    """A timetable: releases leave on time, or wait for the next one."""


@train.command()
@service_option
@json_option
@with_context
def status(context: Context, service: str | None, as_json: bool) -> None:
    """The trains, what rides, what keeps each, and how many left on time."""
    view = context.ask("trains", service=service)
    print_json(view) if as_json else data.print(render.trains(view))


@train.command()
@service_option
@json_option
@with_context
def cut(context: Context, service: str | None, as_json: bool) -> None:
    """Cut the upcoming train now, before its time; what comes later boards late."""
    view = context.ask("train_cut", by=context.person, service=service)
    if as_json:
        print_json(view)
        return
    say(f"[green]{view['train']}[/green] is cut at {view['commit'][:10]} and rides as {view['release']}")
    next_step("headway train status")


@train.command()
@click.argument("commit")
@click.option("--kind", type=click.Choice(["feature", "fix", "blocker"]), help="Asks for it; without, you say yes to it.")
@click.option("--why", default="", help="The reason to board late.")
@service_option
@json_option
@with_context
def board(context: Context, commit: str, kind: str | None, why: str, service: str | None, as_json: bool) -> int:
    """Ask for a late change, or say yes to one; it boards once nothing is against it. Asked for in other words, it needs every yes anew."""
    view = context.ask("train_board", commit=commit, by=context.person, why=why, kind=kind or "", service=service)
    if as_json:
        print_json(view)
    else:
        say(f"{commit[:10]} {'is on board' if view['boarded'] else 'waits'}; {view['train']} rides as {view['release']}")
        for line in view["waits"]:
            say(f"  [yellow]waits:[/yellow] {line}")
        for call in view["calls"]:
            if call["void"]:
                say(f"  [yellow]void:[/yellow] {call['void']}")
    return WAITING if view["waits"] else 0


@train.command()
@click.option("--no", is_flag=True, help="No-go; needs a reason, and stands until you say go.")
@click.option("--why", default="", help="The reason.")
@service_option
@json_option
@with_context
def go(context: Context, no: bool, why: str, service: str | None, as_json: bool) -> None:
    """Say go (or no-go) for the train under way. A go is for what rides now: once something boards or is thrown out, it is void."""
    view = context.ask("train_go", by=context.person, go=not no, why=why, service=service)
    _told(view, as_json, f"{context.person} says {'no-go' if no else 'go'} for {view['release']} on")


@train.command()
@service_option
@json_option
@with_context
def depart(context: Context, service: str | None, as_json: bool) -> None:
    """Have the train under way depart now, if nothing but the time is against it."""
    view = context.ask("train_depart", by=context.person, service=service)
    _told(view, as_json, "departed:")


def _ender(name: str, state: str, text: str) -> click.Command:
    @click.command(name, help=text)
    @reason_option
    @service_option
    @json_option
    @with_context
    def end(context: Context, why: str, service: str | None, as_json: bool) -> None:
        view = context.ask("train_end", state=state, by=context.person, why=why, service=service)
        _told(view, as_json, f"{state}:")

    return end


def _told(view: dict[str, object], as_json: bool, words: str) -> None:
    if as_json:
        print_json(view)
        return
    say(f"{words} {view['train']}")
    for line in view["objections"]:  # type: ignore[attr-defined]
        say(f"  [yellow]against it:[/yellow] {line}")
    next_step("headway train status")


@train.command()
@service_option
@with_context
def calendar(context: Context, service: str | None) -> None:
    """Cuts and departures as iCalendar, for any calendar: headway train calendar > trains.ics"""
    sys.stdout.write(context.ask("train_calendar", service=service)["calendar"])


train.add_command(_ender("hold", "held", "Keep it from departing; it slips when the file's grace is over."))
train.add_command(_ender("slip", "slipped", "Let it go without its passengers: they take the next one."))
train.add_command(_ender("cancel", "cancelled", "It does not run."))

COMMANDS = (train,)
