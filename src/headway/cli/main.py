"""The command line: parses, asks one verb, renders. Rules live elsewhere."""

import os
import sys
from pathlib import Path

import rich_click as click

from headway import __version__
from headway.cli.caller import Context, default_home, default_person
from headway.cli.exits import MEANINGS, TROUBLE, exit_code
from headway.cli.lazy import LazyGroup
from headway.cli.start import any_terminal
from headway.errors import HeadwayError

click.rich_click.GROUP_ARGUMENTS_OPTIONS = True
click.rich_click.COMMAND_GROUPS = {
    "headway": [
        {"name": "Start", "commands": ["demo", "init", "adopt", "dev", "validate", "schema"]},
        {"name": "Serve", "commands": ["serve", "down", "repo", "policies", "hook", "poke", "token", "kubernetes"]},
        {"name": "Release", "commands": ["version", "release", "train", "hotfix", "migrate"]},
        {
            "name": "Promote",
            "commands": ["plan", "rehearse", "promote", "approve", "reject", "revoke", "advise", "tick", "checklist", "freeze"],
        },
        {"name": "Watch", "commands": ["status", "list", "show", "wait", "config", "drift", "audit"]},
        {"name": "Steer", "commands": ["rollback", "abort", "pause", "resume", "advance", "retry", "data"]},
    ]
}


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: " + ", ".join(f"{code} {meaning}" for code, meaning in MEANINGS.items()) + ".",
)
@click.version_option(__version__, prog_name="headway")
@click.option("--home", type=click.Path(path_type=Path), envvar="HEADWAY_HOME", help="Where the server keeps its state.")
@click.option("--as", "person", metavar="NAME", help="Who asks; the record says that the caller said so. [$HEADWAY_USER, or the login]")
@click.option("--database", metavar="URL", envvar="HEADWAY_DATABASE", help="The ledger: SQLite in the home by default, or postgresql://…")
@click.option(
    "--server", metavar="URL", envvar="HEADWAY_SERVER", help="Ask this server, with $HEADWAY_TOKEN, instead of the one of this home."
)
@click.pass_context
def cli(context: click.Context, home: Path | None, person: str | None, database: str | None, server: str | None) -> None:
    """Takes releases from dev to staging to production, and back before anyone notices when one is bad."""
    # A server elsewhere knows by the token who asks.
    who = person or (os.environ.get("HEADWAY_USER", "") if server else default_person())
    context.obj = Context((home or default_home()).absolute(), who, database, server)


def main(arguments: list[str] | None = None) -> None:
    """The entry point: every error we raise on purpose becomes a sentence and an exit code, never a traceback."""
    any_terminal()
    try:
        code = cli.main(args=arguments, prog_name="headway", standalone_mode=False)
    except HeadwayError as error:
        _say(str(error), "red")
        sys.exit(exit_code(error))
    except click.Abort:
        _say("stopped", "yellow")
        sys.exit(TROUBLE)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except BrokenPipeError:
        sys.exit(TROUBLE)
    sys.exit(code if isinstance(code, int) else 0)


def _say(text: str, style: str) -> None:
    from headway.cli.context import talk

    talk.print(text, style=style, markup=False)
