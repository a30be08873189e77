"""`headway init`: a first headway.yaml for the repository that is there.

It looks at files and git alone, so it goes past `wiring`, whose engine and database it does not need.
"""

import json
import os
import sys
from pathlib import Path

import rich_click as click
from rich.markup import escape

from headway.cli.context import next_step, say
from headway.errors import InvalidSpec, Refused, Unavailable
from headway.spec.read import read
from headway.spec.schema import schema as json_schema
from headway.spec.starting import Start, start
from headway.spec.starting_kubernetes import GATEWAY, start_on_kubernetes
from headway.spec.starting_manifests import FOLDER

FILE = "headway.yaml"
SCHEMA = "headway.schema.json"
MODELINE = f"# yaml-language-server: $schema={SCHEMA}"
"""What editors with the YAML language server go by: VS Code, Neovim, Helix, Zed, JetBrains' and others."""


@click.command()
@click.argument("path", type=click.Path(path_type=Path), default=".")
@click.option("--force", is_flag=True, help="Replace the headway.yaml that is there.")
@click.option("--stdout", "print_only", is_flag=True, help="Print the file and write nothing.")
@click.option("--kubernetes", is_flag=True, help="For a cluster: points to the manifests that are there, or writes a base and overlays.")
@click.option(
    "--gateway", default=GATEWAY, show_default=True, metavar="NAMESPACE/NAME", help="With --kubernetes: the Gateway of new routes."
)
@click.option("--schema/--no-schema", default=True, help="Write headway.schema.json too, by which editors complete and check the file.")
def init(path: Path, force: bool, print_only: bool, kubernetes: bool, gateway: str, schema: bool) -> None:
    """Write a first headway.yaml for a repository: recognises Python, Node, Procfile and Dockerfile, and says what it guessed."""
    from headway.adapters.workfolder import bare, branches, files

    if not path.is_dir():
        raise InvalidSpec(f"{path} is not a folder; expected a repository")
    if bare(path):
        raise InvalidSpec(f"{path} is a bare repository, in which no file can be committed; run this in a clone of it")
    target = path / FILE
    if os.path.lexists(target) and not (force or print_only):
        raise Refused(f"{target} is there already", ("--force replaces it; --stdout prints what would be written",))
    default, local = branches(path)
    there, name = files(path), path.resolve().name
    made = start_on_kubernetes(there, name, default, gateway) if kubernetes else start(there, name, default, local)
    read(made.text, FILE)  # nothing is written that Headway would not read
    in_the_way = [one for one in made.files if os.path.lexists(path / one)]
    if in_the_way and not print_only:
        raise Refused(f"{', '.join(in_the_way)} would be written and is there already", ("move it aside; manifests are never replaced",))
    if print_only:
        sys.stdout.write(made.text)
    else:
        for one, text in made.files.items():
            (path / one).parent.mkdir(parents=True, exist_ok=True)
            _write(path / one, text, force=False)
        _write(target, f"{MODELINE}\n{made.text}" if schema else made.text, force)
        if schema:
            _write(path / SCHEMA, json.dumps(json_schema(), separators=(",", ":")) + "\n", force=True)
    _tell(made, None if print_only else target)


def _write(target: Path, text: str, force: bool) -> None:
    draft = target.with_name(f".{target.name}.draft")
    try:
        draft.write_text(text, encoding="utf-8")
        try:
            if force:
                draft.replace(target)
            else:
                os.link(draft, target)  # fails if somebody wrote one meanwhile
        finally:
            draft.unlink(missing_ok=True)
    except FileExistsError as error:
        raise Refused(f"{target} is there already", ("--force replaces it",)) from error
    except OSError as error:
        raise Unavailable(f"{target} cannot be written: {error.strerror}") from error


def _tell(made: Start, target: Path | None) -> None:
    for reason in made.recognised or ("nothing that says how the service is run",):
        say(f"[green]recognised[/green]  {escape(reason)}")
    for guess in made.guessed:
        say(f"[yellow]guessed[/yellow]     {escape(guess)}")
    for note in made.noted:
        say(f"[yellow]note[/yellow]        {escape(note)}")
    if target is not None:
        *others, last = made.environments
        say(f"[green]wrote[/green]       {escape(str(target))}: {escape(' and '.join(([', '.join(others)] if others else []) + [last]))}")
        if made.files:
            say(f"[green]wrote[/green]       {len(made.files)} files in {escape(FOLDER)}: a base, and an overlay for each environment")
        next_step(made.next[0])
        say(f"[dim]then: {escape('; '.join(made.next[1:]))}[/dim]")


COMMANDS = (init,)
