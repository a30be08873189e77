"""Commands are found by a table, and only those that are called are imported."""

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import headway.cli
from headway.cli.lazy import MODULES
from headway.cli.main import cli

HEAVY = (
    "pydantic",
    "fastapi",
    "sqlalchemy",
    "uvicorn",
    "rich.table",
    "rich.console",
    "httpx2",
    "ruamel",
    "headway.wiring",
    "headway.engine",
)


def test_the_table_names_every_command_that_a_module_exports() -> None:
    exported = {}
    for file in Path(headway.cli.__path__[0]).glob("*.py"):
        module = f"headway.cli.{file.stem}"
        for command in getattr(import_module(module), "COMMANDS", ()):
            exported[command.name] = module
    assert dict(MODULES) == exported


def test_every_command_of_the_table_is_there() -> None:
    with cli.make_context("headway", ["--home", "/nowhere", "schema"]) as context:
        for name in cli.list_commands(context):
            command = cli.get_command(context, name)
            assert command is not None
            assert command.name == name
        assert cli.get_command(context, "nonsense") is None


def test_the_next_version_is_decided_without_the_engine() -> None:
    code = f"import sys, headway.cli.main, headway.cli.version; print([name for name in {HEAVY!r} if name in sys.modules])"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"
