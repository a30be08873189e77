"""`headway config`: the matrix of environments and variables as headway.yaml says it, and where two environments differ."""

from collections.abc import Callable
from pathlib import Path

import rich_click as click
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from headway.cli.caller import P, R
from headway.cli.context import View, data, json_option, next_step, print_json, say
from headway.cli.exits import DIFFERENT, DONE
from headway.environments.configuration import Resolved
from headway.environments.parity import Unlike, shown, unlike
from headway.errors import InvalidSpec
from headway.spec.file import File
from headway.spec.policies import NONE, read_policies
from headway.spec.read import read
from headway.spec.views import configured


def file_options(function: Callable[P, R]) -> Callable[P, R]:
    """Which file is meant, under which policies, and which of its services."""
    function = click.option("--service", metavar="NAME", help="Which service, if the file has several.")(function)
    function = click.option(
        "--policies",
        type=click.Path(path_type=Path),
        envvar="HEADWAY_POLICIES",
        help="The policies.yaml of the server, which it inherits from.",
    )(function)
    return click.option("--file", "path", type=click.Path(path_type=Path), default="headway.yaml", show_default=True, help="The file.")(
        function
    )


@click.group()
def config() -> None:
    """What each environment is told, where it was written, and where two environments differ."""


@config.command()
@click.argument("environment", required=False)
@click.option("--origins", is_flag=True, help="Where each value was written.")
@file_options
@json_option
def show(environment: str | None, origins: bool, path: Path, policies: Path | None, service: str | None, as_json: bool) -> None:
    """The variables of an environment or, without one, of all of them side by side. Secrets show as references."""
    file, name = _file(path, policies, service)
    names = [environment] if environment else list(file.environments)
    found = {one: configured(file, name, one) for one in names}
    if as_json:
        print_json({"service": name, "environments": {one: _view(of) for one, of in found.items()}})
        return
    table = _table("variable", *names)
    for variable in sorted({key for of in found.values() for key in of.origins}):
        table.add_row(variable, *(_cell(of, variable, origins) for of in found.values()))
    data.print(table)
    if environment is None and len(names) > 1:
        next_step(f"headway config diff {names[-2]} {names[-1]}")


@config.command()
@click.argument("before")
@click.argument("after")
@click.option("--exit-code", "told", is_flag=True, help="Exit with 10 if something differs that is not declared as differing.")
@file_options
@json_option
def diff(before: str, after: str, told: bool, path: Path, policies: Path | None, service: str | None, as_json: bool) -> int:
    """Where two environments differ: as declared (`differs:`), or by drift."""
    file, name = _file(path, policies, service)
    found = unlike(configured(file, name, before), configured(file, name, after), file.differs)
    drift = [one for one in found if not one.intended]
    if as_json:
        print_json(
            {"service": name, "before": before, "after": after, "drift": len(drift), "differences": [_unlike_view(one) for one in found]}
        )
    elif found:
        data.print(_differences(found, before, after))
    if not drift:
        say(f"{before} and {after} differ as declared" if found else f"{before} and {after} are told the same")
    else:
        say(f"[yellow]{len(drift)} differ and nobody says that they shall[/yellow]: mend them, or name them under differs: in {path}")
    return DIFFERENT if told and drift else DONE


def _file(path: Path, policies: Path | None, service: str | None) -> tuple[File, str]:
    over = read_policies(_text(policies), str(policies)) if policies is not None else NONE
    file = read(_text(path), str(path), over)
    names = tuple(file.services)
    if service is None and len(names) > 1:
        raise InvalidSpec(f"{path} has {len(names)} services; say which with --service; there are: {', '.join(names)}")
    return file, service or names[0]


def _text(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InvalidSpec(f"{path}: cannot be read: {error.strerror}") from error


def _table(*headings: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table


def _cell(of: Resolved, variable: str, origins: bool) -> Text:
    value = shown(of, variable)
    cell = Text("-", style="dim") if value is None else Text(value)
    return cell.append(f"  {of.origins[variable]}", style="dim") if origins and variable in of.origins else cell


def _differences(found: tuple[Unlike, ...], before: str, after: str) -> Table:
    table = _table("variable", before, after, "why")
    for one in found:
        style = "dim" if one.intended else "yellow"
        values = ("-" if one.before is None else one.before, "-" if one.after is None else one.after)
        table.add_row(one.name, *(escape(value) for value in values), Text(one.why if one.intended else f"drift: {one.why}", style=style))
    return table


def _view(of: Resolved) -> View:
    return {name: {"value": shown(of, name), "secret": name in of.configuration.secrets, "origin": of.origins[name]} for name in of.origins}


def _unlike_view(one: Unlike) -> View:
    return {
        "variable": one.name,
        "before": one.before,
        "after": one.after,
        "origins": list(one.origins),
        "intended": one.intended,
        "why": one.why,
    }


COMMANDS = (config,)
