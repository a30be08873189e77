"""Commands about headway.yaml itself."""

import json
import sys
from pathlib import Path

import rich_click as click

from headway.cli.context import say
from headway.errors import InvalidSpec
from headway.spec.policies import NONE, read_policies
from headway.spec.read import read
from headway.spec.schema import schema as json_schema


@click.command()
@click.argument("path", type=click.Path(path_type=Path), default="headway.yaml")
@click.option(
    "--policies",
    type=click.Path(path_type=Path),
    envvar="HEADWAY_POLICIES",
    help="The policies.yaml of the server: what it inherits from there, and whether it contradicts it.",
)
def validate(path: Path, policies: Path | None) -> None:
    """Check a headway.yaml: every fault at once, with line and column."""
    over = read_policies(_text(policies), str(policies)) if policies is not None else NONE
    file = read(_text(path), str(path), over)
    say(f"[green]{path} is good[/green]: {', '.join(file.services)} through {', '.join(file.environments)}")


@click.command()
def schema() -> None:
    """Print the JSON Schema of headway.yaml, for editors."""
    sys.stdout.write(json.dumps(json_schema(), indent=2) + "\n")


def _text(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InvalidSpec(f"{path}: cannot be read: {error.strerror}; expected a {path.name}") from error


COMMANDS = (validate, schema)
