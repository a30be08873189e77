"""Writes the pages of docs/reference that are made from the code, and the diagram in docs/explanation/rollout.md.

python scripts/write_reference.py            write what changed
python scripts/write_reference.py --check    write nothing; exit 1 if something is not current
"""

import inspect
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import click

from headway import errors
from headway.cli.exits import MEANINGS, exit_code
from headway.cli.main import cli
from headway.errors import HeadwayError
from headway.rollout.phases import ACTIVE, ENDED, MOVES, Phase
from headway.spec import reference as headway_yaml
from headway.web.app import STATUS

ROOT = Path(__file__).resolve().parent.parent
MADE = "<!-- Made by `python scripts/write_reference.py`; edit the code instead. -->\n\n"
DIAGRAM = re.compile(r"(<!-- phases: made by scripts/write_reference.py -->\n).*?(<!-- end of phases -->)", re.DOTALL)


def pages() -> Mapping[str, str]:
    """Every made page, by its path in the repository."""
    rollout = ROOT / "docs/explanation/rollout.md"
    return {
        "docs/reference/headway-yaml.md": headway_yaml.reference(),
        "docs/reference/policies-yaml.md": headway_yaml.policies_reference(),
        "docs/reference/cli.md": MADE + "\n".join(_commands()),
        "docs/reference/exit-codes.md": MADE + "\n".join(_exit_codes()),
        "docs/reference/errors.md": MADE + "\n".join(_errors()),
        "docs/explanation/rollout.md": DIAGRAM.sub(lambda found: found[1] + diagram() + found[2], rollout.read_text(encoding="utf-8")),
    }


def diagram() -> str:
    """The phases and the moves between them, from the table that every change of phase passes."""
    lines = ["```mermaid", "stateDiagram-v2", f"    [*] --> {_state(Phase.PENDING)}"]
    lines += [f'    state "{phase.value}" as {_state(phase)}' for phase in Phase if phase.value != _state(phase)]
    for phase, onward in MOVES.items():
        lines += [f"    {_state(phase)} --> {_state(to)}" for to in sorted(onward, key=list(Phase).index)]
    lines += [f"    {_state(phase)} --> [*]" for phase in Phase if phase in ENDED]
    active = ", ".join(phase.value for phase in Phase if phase in ACTIVE)
    return "\n".join((*lines, "```", "", f"Active, and so at most one per service and environment: {active}.", ""))


def _state(phase: Phase) -> str:
    return phase.value.replace(" ", "_")


# -- the command line


def _commands() -> Iterator[str]:
    yield "# The command line\n"
    yield "Data goes to standard output, talk to standard error. Verbs that read take `--json`. What an exit code means is in"
    yield "[exit codes](exit-codes.md). The options of `headway` itself come before the command: `headway --as bob approve …`.\n"
    yield "A *target* is a rollout's id, `service/environment`, or the environment alone; it names the rollout that is active there, else"
    yield "the newest that waits, else the newest. A *release* is `service@version`, or the version alone where only one service has it.\n"
    yield from _command(cli, "headway")


def _command(command: click.Command, name: str) -> Iterator[str]:
    yield f"## `{name}`\n"
    yield f"{(command.help or '').strip()}\n"
    if not isinstance(command, click.Group):
        yield f"```\n{_usage(command, name)}\n```\n"
    options = [parameter for parameter in command.params if isinstance(parameter, click.Option)]
    if options:
        yield "| option | meaning |"
        yield "|---|---|"
        yield from (f"| {_option(option)} | {_meaning(option)} |" for option in options)
        yield ""
    if isinstance(command, click.Group):
        for inner, below in members(command):
            yield from _command(below, f"{name} {inner}")


def members(group: click.Group) -> Iterator[tuple[str, click.Command]]:
    """The commands of a group; asked one by one, since a group may load them only then."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None, name
        yield name, command


def _usage(command: click.Command, name: str) -> str:
    arguments = [parameter for parameter in command.params if isinstance(parameter, click.Argument)]
    words = (f"{one.human_readable_name.upper()}" if one.required else f"[{one.human_readable_name.upper()}]" for one in arguments)
    return " ".join((name, *words, "[OPTIONS]" if len(command.params) > len(arguments) else "")).strip()


def _option(option: click.Option) -> str:
    names = ", ".join((*option.opts, *option.secondary_opts))
    return f"`{names}`" if option.is_flag else f"`{names} {option.metavar or (option.name or '').upper()}`"


def _meaning(option: click.Option) -> str:
    parts = [(option.help or f"Only this {option.name}.").strip()]
    if option.required:
        parts.append("Required.")
    if option.multiple:
        parts.append("May be given several times.")
    if option.show_default and not option.is_flag:
        parts.append(f"Default: `{option.default}`.")
    if option.envvar:
        parts.append(f"Also by the variable `{option.envvar}`.")
    return " ".join(parts).replace("|", "\\|").replace("\n", " ")


# -- how things end


def _exit_codes() -> Iterator[str]:
    yield "# Exit codes\n"
    yield "| code | meaning |"
    yield "|---|---|"
    yield from (f"| {code} | {meaning} |" for code, meaning in MEANINGS.items())
    yield "\nWhat each command says with them:\n"
    yield "- `headway wait` and `headway promote --wait`: 0 the rollout completed, 3 it was rolled back, 11 it waits for a person (it is"
    yield "  held or parked, or time ran out before it started), 12 it was cancelled, 13 it was still under way when time ran out."
    yield "- `headway promote` without `--wait`: 11 when the rollout is queued and somebody must still say yes."
    yield "- `headway plan`: 12 when an objection is final, that is, when no waiting and no yes can lift it."
    yield "- `headway audit verify`: 1 when an event is not as it was written."
    yield "\nErrors end with the code of their family: see [errors](errors.md).\n"


def _errors() -> Iterator[str]:
    yield "# Errors\n"
    yield "Every error that Headway raises on purpose belongs to one family, named for who can act on it. The text names the thing, what"
    yield "was found and what was expected. A traceback is a defect of Headway: please report it.\n"
    yield "| error | meaning | exit code | HTTP status |"
    yield "|---|---|---|---|"
    for kind in kinds():
        status = next(status for known, status in STATUS if issubclass(kind, known))
        meaning = (inspect.getdoc(kind) or "").partition("\n\n")[0].replace("\n", " ")
        yield f"| `{kind.__name__}` | {meaning} | {exit_code(kind('x'))} | {status} |"
    yield "\nOver HTTP an error is `application/problem+json`: `title` is the family, `detail` the text, and a refusal has its"
    yield "`objections`.\n"


def kinds() -> list[type[HeadwayError]]:
    """The families, in the order of errors.py."""
    found = [kind for kind in vars(errors).values() if inspect.isclass(kind) and issubclass(kind, HeadwayError)]
    return [kind for kind in found if kind is not HeadwayError]


def main() -> int:
    stale = [path for path, text in pages().items() if _read(path) != text]
    if "--check" in sys.argv[1:]:
        sys.stderr.writelines(f"{path} is not current; do: python scripts/write_reference.py\n" for path in stale)
        return 1 if stale else 0
    made = pages()
    for path in stale:
        (ROOT / path).write_text(made[path], encoding="utf-8")
        sys.stderr.write(f"wrote {path}\n")
    return 0


def _read(path: str) -> str | None:
    file = ROOT / path
    return file.read_text(encoding="utf-8") if file.exists() else None


if __name__ == "__main__":
    sys.exit(main())
