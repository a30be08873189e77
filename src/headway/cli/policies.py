"""Commands about the server's policies: what repositories inherit, and what none of them may weaken."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import rich_click as click
from rich.markup import escape

from headway.cli.context import Context, View, json_option, next_step, print_json, say, with_context
from headway.cli.exits import REFUSED

path_argument = click.argument("path", type=click.Path(exists=True, path_type=Path))
branch_option = click.option(
    "--branch", default="main", show_default=True, help="Where PATH is a repository: the branch with policies.yaml."
)
BLOCKED = "contradicts it: nothing new goes out until it is mended; ways back are open"


@click.group()
def policies() -> None:
    """What every repository of this server inherits, and what none of them may weaken."""


@policies.command()
@path_argument
@branch_option
@json_option
@with_context
def use(context: Context, path: Path, branch: str, as_json: bool) -> int:
    """Put all repositories under these policies: a file, or a repository that has policies.yaml."""
    view = context.ask("policies_use", path=str(path.resolve()), branch=branch, by=context.person)
    if as_json:
        print_json(view)
        return 0
    say(f"[green]{escape(view['path'])} is in force[/green] for every repository of this server, until `headway policies drop`")
    _contradictions(view, BLOCKED)
    next_step("headway policies show")
    return 0


@policies.command()
@path_argument
@branch_option
@json_option
@with_context
def check(context: Context, path: Path, branch: str, as_json: bool) -> int:
    """Which repositories of this server contradict these policies; puts nothing in force."""
    view = context.ask("policies_check", path=str(path.resolve()), branch=branch)
    if as_json:
        print_json(view)
    elif not view["contradictions"]:
        say(f"[green]{escape(view['path'])} is good[/green], and no repository contradicts it")
        next_step(f"headway policies use {path}")
    else:
        _contradictions(view, "contradicts it")
    return REFUSED if view["contradictions"] else 0


@policies.command()
@click.option("--service", help="Of this service alone.")
@json_option
@with_context
def show(context: Context, service: str | None, as_json: bool) -> None:
    """Which policies are in force, and which values of which stages come from them."""
    view = context.ask("policies_show", service=service)
    if as_json:
        print_json(view)
        return
    if view["path"] is None:
        say("no policies are in force: every repository goes by its own file alone")
        next_step("headway policies use PATH")
        return
    say(f"in force: {escape(view['path'])}")
    for row in view["stages"]:
        sys.stdout.write(f"{row['service']}  {row['environment']}  {row['key']}: {row['from']}\n")
    _contradictions(view, BLOCKED)


@policies.command()
@with_context
def drop(context: Context) -> None:
    """Let every repository go by its own file alone again."""
    view = context.ask("policies_drop", by=context.person)
    say(f"{escape(view['path'])} is no longer in force" if view["path"] else "there were none")


@policies.command()
def schema() -> None:
    """Print the JSON Schema of policies.yaml, for editors."""
    from headway.spec.schema import policies_schema

    sys.stdout.write(json.dumps(policies_schema(), indent=2) + "\n")


def in_force(path: Path | None, by: str) -> Callable[[Any], None]:
    """For a server that starts: put these in force before anything else."""

    def put(headway: Any) -> None:
        if path is not None:
            _contradictions(headway.policies_use(str(path.resolve()), by), BLOCKED)

    return put


def _contradictions(view: View, what: str) -> None:
    for one in view["contradictions"]:
        say(f"[yellow]{escape(one['repository'])}[/yellow] {what}:")
        for fault in one["faults"]:
            say(f"  {escape(fault)}")


COMMANDS = (policies,)
