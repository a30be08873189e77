"""`headway version next`: the next version, and why. Works in any git repository, with or without a headway.yaml.

This is run in hooks and prompts, so it imports no engine, no database, no HTTP and no tables, and reads headway.yaml only where that
speaks of versions. It therefore goes past `wiring`, whose import alone takes longer than the answer; the usual calls even go past this
module (start.py).
"""

from pathlib import Path

import rich_click as click

from headway.cli.nextversion import answer
from headway.releases.lines import Line, line
from headway.releases.version import is_channel


@click.group()
def version() -> None:
    """Decide versions from commits, interfaces and migrations."""


def _line(_context: click.Context, _option: click.Parameter, value: str | None) -> Line | None:
    found = line(value) if value else None
    if value and found is None:
        raise click.BadParameter(f"{value!r} is no line; expected 1.x or 1.0.x")
    return found


def _channel(_context: click.Context, _option: click.Parameter, value: str | None) -> str | None:
    if value is not None and not is_channel(value):
        raise click.BadParameter(f"{value!r} cannot be counted; expected letters, digits and -, such as rc or beta")
    return value


@version.command("next")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of words.")
@click.option("--explain", is_flag=True, help="Tell how it was decided, step by step.")
@click.option("--pre", "channel", metavar="CHANNEL", callback=_channel, help="The next pre-release of this channel, such as rc.")
@click.option("--path", type=click.Path(path_type=Path), help="A repository, or a folder of it that has tags of its own.")
@click.option("--line", "line_", callback=_line, metavar="1.x", help="The maintenance line. [the branch, if it is named like one]")
@click.option("--revision", default="HEAD", show_default=True, help="The commit, branch or tag that would be released.")
def next_(as_json: bool, explain: bool, channel: str | None, path: Path | None, line_: Line | None, revision: str) -> int:
    """The next version and why. Exit code 12: refused; 1: undecided."""
    return answer(as_json, explain, channel, path, line_, revision)


COMMANDS = (version,)
