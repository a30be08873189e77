"""A group whose commands are imported when they are called, or when help lists them.

`headway version next` in a hook or a prompt must not wait until the engine, the database and the HTTP server are imported.
"""

from collections.abc import Mapping
from importlib import import_module

import rich_click as click

_NAMES: Mapping[str, tuple[str, ...]] = {
    "adopting": ("adopt",),
    "audit": ("audit",),
    "config": ("config",),
    "data": ("data",),
    "demo_command": ("demo",),
    "dev": ("dev",),
    "drift": ("drift",),
    "files": ("validate", "schema"),
    "freezes": ("freeze",),
    "checklists": ("checklist", "advise", "revoke"),
    "hook": ("hook",),
    "init": ("init",),
    "kubernetes": ("kubernetes",),
    "migrate": ("migrate",),
    "hotfixes": ("hotfix",),
    "policies": ("policies",),
    "rehearsing": ("rehearse",),
    "releases": ("release",),
    "rollouts": (
        *("plan", "promote", "approve", "reject", "tick", "status", "show", "list", "wait"),
        *("pause", "resume", "advance", "abort", "retry", "rollback"),
    ),
    "server": ("serve", "down", "repo", "poke", "token"),
    "trains": ("train",),
    "version": ("version",),
}
MODULES: Mapping[str, str] = {name: f"headway.cli.{module}" for module, names in _NAMES.items() for name in names}
"""Every command and the module that has it in its COMMANDS; a test holds the two together."""


class LazyGroup(click.RichGroup):
    """Finds its commands by the table."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return sorted(MODULES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        if cmd_name not in MODULES:
            return None
        commands: tuple[click.Command, ...] = import_module(MODULES[cmd_name]).COMMANDS
        return next(command for command in commands if command.name == cmd_name)
