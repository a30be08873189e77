"""`headway demo`: the whole story on this machine, in one command."""

import json
import shutil
import sys
import tempfile
from pathlib import Path

import rich_click as click
from rich.console import Console

from headway.cli.context import talk
from headway.cli.exits import DONE, TROUBLE
from headway.errors import HeadwayError


@click.command()
@click.option("--no-input", is_flag=True, help="Ask nothing: the second person approves by itself.")
@click.option("--keep", is_flag=True, help="Leave everything running, and say where.")
@click.option("--json", "as_json", is_flag=True, help="End with one JSON object on standard output.")
def demo(no_input: bool, keep: bool, as_json: bool) -> int:
    """Watch a service travel dev -> staging -> production under real traffic, and a bad release come back by itself."""
    from headway.cli.demo.display import Display
    from headway.cli.demo.project import Project
    from headway.cli.demo.serving import Serving
    from headway.cli.demo.story import Story

    scratch = Path(tempfile.mkdtemp(prefix="headway-demo-"))
    display = Display(Console(stderr=True, highlight=False), quiet=False)
    serving = Serving(scratch / "home", scratch / "tally")

    def approves(question: str) -> bool:
        if no_input or not sys.stdin.isatty():
            return True
        return display.asks(lambda: bool(click.confirm(question, default=True, err=True)))

    story = Story(Project(scratch / "tally"), serving, display, approves)
    try:
        display.start(story.look)
        outcome = story.tell()
    except HeadwayError:
        display.stop()
        talk.print(serving.last_words(), style="dim", markup=False)
        raise
    finally:
        display.stop()
        if not keep:
            serving.down()
            shutil.rmtree(scratch, ignore_errors=True)
    if as_json:
        sys.stdout.write(json.dumps(outcome.to_json()) + "\n")
    _summary(outcome.to_json(), scratch if keep else None, outcome.url)
    return DONE if outcome.failed_by_headway == 0 else TROUBLE


def _summary(outcome: dict[str, object], kept: Path | None, url: str) -> None:
    completed, back = outcome["completed"], outcome["rolled_back"]
    assert isinstance(completed, list)
    assert isinstance(back, list)
    talk.print()
    talk.print(f"[bold]{outcome['requests']} real requests[/bold] in {outcome['seconds']} s")
    talk.print(f"  [green]completed in production:[/green] {', '.join(completed)}")
    talk.print(f"  [red]rolled back by itself:[/red]   {', '.join(back)}; it cost {outcome['failed_by_bad_release']} requests")
    lost = outcome["failed_by_headway"]
    talk.print(f"  [{'green' if not lost else 'red'}]lost by Headway's moves, its kill -9 included:[/] {lost}")
    if kept:
        talk.print(f"\nstill running at [cyan]{url}[/cyan]; try:")
        for command in ("status", "list", "show production", "rollback production --why 'to see it'", "audit verify", "down"):
            talk.print(f"  [cyan]headway --home {kept / 'home'} {command}[/cyan]")
        return
    talk.print(
        "\nnext: [cyan]make demo ARGS=--keep[/cyan] leaves it running to play with; [cyan]docs/tutorial.md[/cyan] does it step by step"
    )


COMMANDS = (demo,)
