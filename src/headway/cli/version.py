"""`headway version next`: the next version, and why. Works in any git repository, with or without a headway.yaml.

This is run in hooks and prompts, so it imports no engine, no database, no HTTP and no tables, and reads headway.yaml only where that
speaks of versions. It therefore goes past `wiring`, whose import alone takes longer than the answer.
"""

import json
import sys
from pathlib import Path

import rich_click as click

from headway.cli.deciding import decided
from headway.cli.exits import DONE, REFUSED, TROUBLE
from headway.releases.decision import Asked, Decision
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
    decision, undecided = decided(path, revision, Asked(channel, line_))
    if explain:
        # With --json, standard output is for the object alone.
        (sys.stderr if as_json else sys.stdout).write("".join(f"{told}\n" for told in _tree(decision)))
    if as_json:
        sys.stdout.write(json.dumps(_view(decision), indent=2, ensure_ascii=False) + "\n")
    elif not explain:
        _say(decision, undecided)
    if undecided is not None:
        return TROUBLE
    return REFUSED if decision.refused is not None else DONE


def _view(decision: Decision) -> dict[str, object]:
    return {
        "current": str(decision.current) if decision.current else None,
        "next": str(decision.next) if decision.next else None,
        "level": decision.level.value,
        "because": [
            {"level": reason.level.value, "kind": reason.kind, "what": reason.what, "where": reason.where} for reason in decision.because
        ],
        "refused": decision.refused,
    }


def _say(decision: Decision, undecided: str | None) -> None:
    """The version alone on standard output, for scripts; why, for people."""
    if decision.next is not None:
        sys.stdout.write(f"{decision.next}\n")
    sys.stderr.write("".join(f"{told}\n" for told in (_answer(decision, undecided), *_reasons(decision))))


def _answer(decision: Decision, undecided: str | None = None) -> str:
    if undecided is not None:
        return f"undecided: {undecided}"
    if decision.refused is not None:
        return f"refused: {decision.refused}"
    if decision.next is None:
        return f"nothing to release since {decision.current}" if decision.current else "nothing to release"
    return f"{decision.level.value}: {decision.current or 'nothing'} -> {decision.next}"


def _reasons(decision: Decision) -> list[str]:
    return [f"  {reason.level.value}  {reason.kind}  {reason.what}  {_short(reason.where)}".rstrip() for reason in decision.because]


def _short(where: str) -> str:
    """Commits by their first letters, everything else whole."""
    return where[:10] if len(where) in (40, 64) and where.isalnum() else where


def _tree(decision: Decision) -> list[str]:
    """The decision from its beginning: what was looked at, what each finding asked for, what came out."""
    lines = [f"├─ {note}" for note in decision.notes]
    lines += [f"├─ {reason.level.value}: {reason.what} ({reason.kind} {reason.where})" for reason in decision.because]
    return [*lines, f"└─ {_answer(decision)}"]


COMMANDS = (version,)
