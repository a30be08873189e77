"""The command line: parses, asks one verb, renders. Rules live elsewhere."""

import sys
from pathlib import Path

import rich_click as click

from headway import __version__
from headway.cli import audit, demo_command, files, releases, rollouts, server
from headway.cli.context import Context, default_home, default_person, talk
from headway.cli.exits import MEANINGS, TROUBLE, exit_code
from headway.errors import HeadwayError

click.rich_click.GROUP_ARGUMENTS_OPTIONS = True


@click.group(
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: " + ", ".join(f"{code} {meaning}" for code, meaning in MEANINGS.items()) + ".",
)
@click.version_option(__version__, prog_name="headway")
@click.option("--home", type=click.Path(path_type=Path), envvar="HEADWAY_HOME", help="Where the server keeps its state.")
@click.option("--as", "person", metavar="NAME", help="Who asks; the record says that the caller said so. [$HEADWAY_USER, or the login]")
@click.option("--database", metavar="URL", envvar="HEADWAY_DATABASE", help="The ledger: SQLite in the home by default, or postgresql://…")
@click.pass_context
def cli(context: click.Context, home: Path | None, person: str | None, database: str | None) -> None:
    """Takes releases from dev to staging to production, and back before anyone notices when one is bad."""
    context.obj = Context((home or default_home()).absolute(), person or default_person(), database)


for command in (
    *demo_command.COMMANDS,
    *files.COMMANDS,
    *server.COMMANDS,
    *releases.COMMANDS,
    *rollouts.COMMANDS,
    *audit.COMMANDS,
):
    cli.add_command(command)


def main(arguments: list[str] | None = None) -> None:
    """The entry point: every error we raise on purpose becomes a sentence and an exit code, never a traceback."""
    try:
        code = cli.main(args=arguments, prog_name="headway", standalone_mode=False)
    except HeadwayError as error:
        talk.print(str(error), style="red", markup=False)
        sys.exit(exit_code(error))
    except click.Abort:
        talk.print("stopped", style="yellow")
        sys.exit(TROUBLE)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except BrokenPipeError:
        sys.exit(TROUBLE)
    sys.exit(code if isinstance(code, int) else 0)
