"""Commands about promotions and rollouts."""

import time
from typing import Any

import rich_click as click
from rich.live import Live
from rich.markup import escape

from headway.cli import render
from headway.cli.context import Context, data, json_option, next_step, print_json, say, talk, with_context
from headway.cli.exits import REFUSED, TIMED_OUT, WAITING, phase_code
from headway.errors import Unavailable
from headway.spec.values import seconds as duration

to_option = click.option("--to", "environment", required=True, metavar="ENVIRONMENT", help="The environment.")
why_option = click.option("--why", default="", help="The reason; it stands on the record.")


@click.command()
@click.argument("release")
@to_option
@json_option
@with_context
def plan(context: Context, release: str, environment: str, as_json: bool) -> int:
    """Exactly what would happen, every objection, the way back. Nothing is touched."""
    view = context.ask("plan", release=release, environment=environment, by=context.person)
    if as_json:
        print_json(view)
    else:
        data.print(render.plan(view))
        if not view["objections"]:
            next_step(f"headway promote {view['release']} --to {environment}")
    return REFUSED if view["refused"] else 0


def _duration(_context: click.Context, _option: click.Parameter, value: str | None) -> float | None:
    try:
        return duration(value) if value else None
    except ValueError as error:
        raise click.BadParameter(f"{value!r} is no duration such as 15m or 2h30m" + (f"; {error}" if str(error) else "")) from error


def _patience(context: click.Context, option: click.Parameter, value: str | None) -> float | None:
    """How long to wait: a bare number is seconds, as other tools have it."""
    if value and value.replace(".", "", 1).isdecimal():
        return float(value)
    return _duration(context, option, value)


@click.command()
@click.argument("release")
@to_option
@click.option("--at", metavar="TIME", help='Not before then: "22:30 Europe/Berlin", "2026-03-01 22:30 UTC", 2026-03-01T22:30+01:00.')
@click.option("--in", "delay", metavar="DURATION", callback=_duration, help="Not before so long from now: 2h30m.")
@click.option("--wait", "seconds", metavar="DURATION", callback=_patience, help="Wait so long for the end: 90s, 15m.")
@json_option
@with_context
def promote(
    context: Context, release: str, environment: str, at: str | None, delay: float | None, seconds: float | None, as_json: bool
) -> int:
    """Start (or queue) the rollout of a release, now or at a time. Gates are asked again then; `headway abort` calls it off."""
    view = context.ask("promote", release=release, environment=environment, by=context.person, at=at, delay=delay)
    if as_json and seconds is None:
        print_json(view)
    elif not as_json:
        say(f"{view['release']} to {environment}: {'asked for' if view['new'] else 'was asked for already'} ({view['rollout']})")
        if first := view.get("adopts"):
            say(f"  what serves there is adopted first, as {first['release']} ({first['rollout']})")
        for line in view["waits"]:
            say(f"  [yellow]waits:[/yellow] {escape(line)}")
    if seconds is not None:
        return _wait(context, view["rollout"], seconds, as_json)
    if not as_json:
        called_off = f", or to call it off: headway abort {view['rollout']}" if view["starts"] else ""
        next_step(f"headway status --watch, or headway wait {view['rollout']}{called_off}")
    return WAITING if view["waits"] else 0


def _verdict(context: Context, yes: bool, release: str, environment: str, comment: str, as_json: bool) -> int:
    view = context.ask("approve", release=release, environment=environment, by=context.person, comment=comment, yes=yes)
    if as_json:
        print_json(view)
    else:
        colour, word = ("green", "approved") if yes else ("red", "rejected")
        say(f"[{colour}]{view['release']} {word} for {environment} by {context.person}[/{colour}]")
        for line in view.get("rehearsal", ()) if yes else ():
            say(f"  [dim]rehearsed:[/dim] {escape(line)}")
        for line in view["waits"]:
            say(f"  [yellow]still:[/yellow] {escape(line)}")
        asked = f"headway wait {view['rollout']}" if view["rollout"] else f"headway promote {view['release']} --to {environment}"
        next_step(asked if yes else "headway status")
    return 0


comment_option = click.option("--comment", "-m", default="", help="What you want the record to say.")


@click.command()
@click.argument("release")
@to_option
@comment_option
@json_option
@with_context
def approve(context: Context, release: str, environment: str, comment: str, as_json: bool) -> int:
    """Say yes to exactly this release, configuration and target."""
    return _verdict(context, True, release, environment, comment, as_json)


@click.command()
@click.argument("release")
@to_option
@comment_option
@json_option
@with_context
def reject(context: Context, release: str, environment: str, comment: str, as_json: bool) -> int:
    """Say no; final for this release in this environment."""
    return _verdict(context, False, release, environment, comment, as_json)


@click.command()
@click.argument("release")
@click.argument("check")
@click.option("--in", "environment", required=True, metavar="ENVIRONMENT", help="Where it was tried.")
@click.option("--pass/--fail", "good", default=True, help="What you found. A --fail takes the release out of there.")
@comment_option
@with_context
def tick(context: Context, release: str, check: str, environment: str, good: bool, comment: str) -> None:
    """Answer a manual check, such as QA's or UAT's."""
    view = context.ask("tick", release=release, environment=environment, check=check, by=context.person, good=good, comment=comment)
    say(f"{view['check']} {'passed' if good else 'failed'} for {view['release']} in {environment}, says {view['by']}")


@click.command()
@click.option("--service")
@click.option("--watch", is_flag=True, help="Stay and show changes as they happen.")
@json_option
@with_context
def status(context: Context, service: str | None, watch: bool, as_json: bool) -> None:
    """What runs where, and why it waits."""
    view = context.ask("status", service=service)
    if as_json:
        print_json(view)
        return
    if not watch:
        data.print(render.status(view))
        if not view["places"]:
            next_step("headway repo add PATH")
        return
    with Live(render.status(view), console=data, refresh_per_second=4) as live:
        while True:
            time.sleep(0.5)
            live.update(render.status(context.ask("status", service=service)))


@click.command()
@click.argument("target")
@json_option
@with_context
def show(context: Context, target: str, as_json: bool) -> None:
    """One rollout, by its id or its environment: plan, way back, record."""
    view = context.ask("rollout", target=target)
    print_json(view) if as_json else data.print(render.rollout(view))


@click.command("list")
@click.option("--in", "environment", metavar="ENVIRONMENT")
@click.option("--service")
@json_option
@with_context
def list_(context: Context, environment: str | None, service: str | None, as_json: bool) -> None:
    """The rollouts, newest first."""
    view = context.ask("rollouts", environment=environment, service=service)
    print_json(view) if as_json else data.print(render.rollouts(view))


@click.command()
@click.argument("target")
@click.option("--release", help="Wait for the rollout of this release in the environment TARGET, also where it has yet to be built.")
@click.option(
    "--timeout", "seconds", metavar="DURATION", callback=_patience, default="1h", show_default=True, help="How long, at most: 90s, 15m."
)
@json_option
@with_context
def wait(context: Context, target: str, release: str | None, seconds: float, as_json: bool) -> int:
    """Wait for a rollout to end; the exit code says how."""
    until = time.monotonic() + seconds
    if release is not None and (found := _arrived(context, target, release, until)) is None:
        raise Unavailable(f"no rollout of {release} in {target} within {seconds:g} s; see `headway status` for what was not released")
    return _wait(context, target if release is None else str(found), until - time.monotonic(), as_json)


def _arrived(context: Context, target: str, release: str, until: float) -> str | None:
    """The newest promotion of a release to an environment, as soon as there is one: a push takes as long as its build."""
    service, _, environment = target.rpartition("/")
    while True:
        view = context.ask("rollouts", environment=environment, service=service or None)
        for one in view["rollouts"]:
            if one["kind"] == "promotion" and release in {one["release"], one["release"].rpartition("@")[2]}:
                return str(one["rollout"])
        if time.monotonic() > until:
            return None
        time.sleep(0.2)


def _wait(context: Context, target: str, seconds: float, as_json: bool) -> int:
    until = time.monotonic() + seconds
    target = context.ask("rollout", target=target)["rollout"]
    last = ""
    while True:
        view = context.ask("rollout", target=target)
        code = phase_code(view["phase"])
        line = f"{view['release']} in {view['environment']}: {view['phase']} at {view['weight']} %: {view['why']}"
        if line != last and not as_json:
            talk.print(line, markup=False)
            last = line
        if code is not None:
            return _ended(view, code, as_json)
        if time.monotonic() > until:
            return _ended(view, WAITING if view["phase"] == "pending" else TIMED_OUT, as_json)
        time.sleep(0.2)


def _ended(view: dict[str, Any], code: int, as_json: bool) -> int:
    if as_json:
        print_json(view)
    return code


def _teller(word: str, text: str) -> click.Command:
    @click.command(word, help=text)
    @click.argument("target")
    @why_option
    @with_context
    def tell(context: Context, target: str, why: str) -> None:
        _tell(context, word, target, why)

    return tell


def _tell(context: Context, word: str, target: str, why: str) -> None:
    view = context.ask("tell", word=word, target=target, by=context.person, why=why)
    say(f"said {word} to {view['rollout']} ({view['release']} in {view['environment']}, {view['phase']})")
    next_step(f"headway wait {view['rollout']}")


@click.command()
@click.argument("target")
@why_option
@click.option("--give-up", is_flag=True, help="It cannot go back, and need not: what answers keeps the traffic. Needs --why.")
@with_context
def abort(context: Context, target: str, why: str, give_up: bool) -> None:
    """Go back before it completed; the release is quarantined."""
    _tell(context, "give up" if give_up else "abort", target, why)


@click.command()
@click.argument("environment")
@click.option("--service")
@why_option
@click.option("--accept-data-loss", is_flag=True, help="Also onto a database from which a migration took what that release may need.")
@json_option
@with_context
def rollback(context: Context, environment: str, service: str | None, why: str, accept_data_loss: bool, as_json: bool) -> None:
    """Bring back the release before. Needs no approval and is never frozen."""
    view = context.ask("rollback", environment=environment, by=context.person, why=why, service=service, accept_data_loss=accept_data_loss)
    if as_json:
        print_json(view)
        return
    say(f"aborting {view['rollout']}" if view["aborted"] else f"going back to {view['to']} ({view['rollout']})")
    next_step(f"headway wait {view['rollout']}")


COMMANDS = (
    plan,
    promote,
    approve,
    reject,
    tick,
    status,
    show,
    list_,
    wait,
    _teller("pause", "Hold a rollout where it is; it is still judged."),
    _teller("resume", "Go on after a pause."),
    _teller("advance", "End the present wait: on to the next step."),
    abort,
    _teller("retry", "Try again what went wrong on our side, or what a person had to decide."),
    rollback,
)
