"""Commands about headway.yaml itself."""

import json
import sys
from pathlib import Path

import rich_click as click

from headway.cli.context import say
from headway.errors import InvalidSpec
from headway.spec.read import read
from headway.spec.schema import schema as json_schema


@click.command()
@click.argument("path", type=click.Path(path_type=Path), default="headway.yaml")
def validate(path: Path) -> None:
    """Check a headway.yaml: every fault at once, with line and column."""
    try:
        text = path.read_bytes()
    except OSError as error:
        raise InvalidSpec(f"{path}: cannot be read: {error.strerror}; expected a headway.yaml") from error
    file = read(text, str(path))
    say(f"[green]{path} is good[/green]: {', '.join(file.services)} through {', '.join(file.environments)}")


@click.command()
def schema() -> None:
    """Print the JSON Schema of headway.yaml, for editors."""
    sys.stdout.write(json.dumps(json_schema(), indent=2) + "\n")


COMMANDS = (validate, schema)
