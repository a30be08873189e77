"""`headway migrate`: a database's migrations, with or without a pipeline."""

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from functools import update_wrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

import rich_click as click

from headway.cli.context import Context, json_option, next_step, print_json, say, talk, with_context
from headway.cli.exits import DONE, FAILED, REFUSED, WAITING

if TYPE_CHECKING:
    from headway.migrating import Migrations, ToolMigrations

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True)
class _Desk:
    """The migrations at hand, and how to answer."""

    migrations: "Migrations | ToolMigrations"
    as_json: bool

    def answer(self, view: dict[str, Any], *lines: str, then: str | None = None) -> None:
        if self.as_json:
            print_json(view)
            return
        for line in lines:
            talk.print(line, markup=False, soft_wrap=True)
        if then:
            next_step(then)


@click.group()
def migrate() -> None:
    """A database's migrations: look, rehearse, back up, apply, take back. Works alone, without a pipeline."""


def _on_database(function: Callable[Concatenate[_Desk, P], R]) -> Callable[..., R]:
    """The options that every verb has, made into the migrations they speak of."""

    def wrapped(context: Context, database: str, folder: Path | None, backups: Path | None, key: str | None, traffic: bool,
                tool: str | None, command: str | None, variable: str | None, as_json: bool,
                *args: P.args, **kwargs: P.kwargs) -> R:  # fmt: skip
        from headway.migrating import migrations

        if tool is None and (command or variable):
            raise click.UsageError("--tool-command and --url-in say how a tool is run; name it with --tool")
        made = migrations(
            database, folder or Path("migrations" if tool is None else "."), backups or context.home / "backups", context.person,
            traffic=traffic, key=key, tool=tool, command=shlex.split(command or ""), variable=variable or "DATABASE_URL",
        )  # fmt: skip
        if made.address.exposed:
            say("[yellow]the password stands on the command line, which everybody here can read; use env:NAME or file:PATH[/yellow]")
        return function(_Desk(made, as_json), *args, **kwargs)

    options = (
        click.option(
            "--database",
            metavar="URL",
            required=True,
            envvar="DATABASE_URL",
            help="sqlite:////path, postgresql://…, env:NAME or file:PATH.",
        ),
        click.option(
            "--dir", "folder", type=click.Path(path_type=Path), help="The files [migrations]; with --tool, where it runs [this folder]."
        ),
        click.option("--backups", type=click.Path(path_type=Path), help="Where backups are kept. [the home's folder backups]"),
        click.option("--key", metavar="REFERENCE", help="Encrypt backups by this secret: env:NAME or file:PATH."),
        click.option("--production", "traffic", is_flag=True, help="Block what is dangerous under traffic; contracts wait for --contract."),
        click.option("--tool", metavar="NAME", help="Migrate by your own tool: alembic, dbmate, django or flyway."),
        click.option("--tool-command", "command", metavar="WORDS", help="How that is run, such as 'uv run alembic -c db.ini'."),
        click.option("--url-in", "variable", metavar="VARIABLE", help="Where your tool looks for the database's URL. [DATABASE_URL]"),
        json_option,
        with_context,
    )
    made: Callable[..., R] = update_wrapper(wrapped, function)
    for option in reversed(options):
        made = option(made)
    return made


@migrate.command()
@_on_database
def status(desk: _Desk) -> int:
    """What is applied and what is pending. Exit code 12 when something stands in the way."""
    view = desk.migrations.status()
    lines = [f"applied  {one['title']}" + (f"  {one['at'][:19]} by {one['who']}" if one["at"] else "") for one in view["applied"]]
    lines += [f"pending  {one['file']}  ({one['kind']})" for one in view["pending"]]
    lines += [f"to fill  {one['file']}  ({one['rows']} rows so far)" for one in view["backfills"]]
    lines += [f"note: {one}" for one in view["broken"]]
    lines += [f"  - {one}" for one in view["objections"]] or ["nothing stands in the way"]
    if view["tool"]["name"] != "headway":
        from headway.migration.abilities import Promises

        lines += [f"{view['tool']['name']}: {one}" for one in Promises.of(view["tool"]).words]
    desk.answer(view, *lines, then="headway migrate rehearse" if view["pending"] and not view["objections"] else None)
    return REFUSED if view["objections"] else DONE


@migrate.command()
@_on_database
def lint(desk: _Desk) -> int:
    """What is dangerous in the pending files. Exit code 3 when something blocks."""
    view = desk.migrations.lint()
    lines = [f"{one['file']}:{one['line']}: {one['grade']}: {one['text']} [{one['rule']}]" for one in view["findings"]]
    desk.answer(view, *lines, *view["not_run"], *(() if lines else ("nothing to remark",)))
    return FAILED if view["blocking"] else DONE


@migrate.command()
@click.option("--from", "source", type=click.Path(path_type=Path), help="On this backup, restored. [a fresh copy]")
@click.option("--template", is_flag=True, help="PostgreSQL: on a clone by the server, which needs a database without sessions.")
@_on_database
def rehearse(desk: _Desk, source: Path | None, template: bool) -> None:
    """Up, verify, down and up again, on a clone; the schema must come back as it was."""
    view = desk.migrations.rehearse(backup=source, template=template)
    head = f"rehearsed {len(view['applied'])} files on {view['on']} in {view['seconds']:.2f} s, {view['verified']} verify queries true"
    desk.answer(view, head, *view["notes"], then="headway migrate up")


@migrate.command()
@click.option("--keep", metavar="LAST,DAYS,WEEKS", help="Afterwards remove what this policy does not keep, such as 7,14,8.")
@_on_database
def backup(desk: _Desk, keep: str | None) -> None:
    """A backup that was read through before it counts."""
    view = desk.migrations.backup(_keep(keep))
    rows = sum(view["tables"].values())
    desk.answer(
        view,
        f"backed up {len(view['tables'])} tables, {rows:,} rows, {view['size']:,} bytes: {view['backup']}",
        then="headway migrate restore --drill",
    )


def _keep(text: str | None) -> Any:
    from headway.migration.retention import Keep

    if text is None:
        return None
    try:
        last, days, weeks = (int(part) for part in text.split(","))
        return Keep(last, days, weeks)
    except ValueError:
        raise click.BadParameter(f"--keep is three numbers such as 7,14,8 with at least one backup kept, not {text!r}") from None


@migrate.command()
@click.option(
    "--together", type=click.Choice(["release", "file"]), help="One transaction for all files, or one for each. [by the database]"
)
@click.option("--contract", is_flag=True, default=None, help="Also files that take something away: no running release needs it any more.")
@click.option("--fill", "fill_now", is_flag=True, help="Also run the backfills; in a rollout they come after the deploy.")
@click.option("--no-backup", is_flag=True, help="Do not back up first.")
@click.option("--dry-run", is_flag=True, help="Only show what it would run.")
@_on_database
def up(desk: _Desk, together: str | None, contract: bool | None, fill_now: bool, no_backup: bool, dry_run: bool) -> int:
    """Apply what is pending. Exit code 11 when a contract waits."""
    from headway.migration.plan import Together

    if dry_run:
        text = desk.migrations.dry_run()
        desk.answer({"dry_run": text}, text or "nothing is pending")
        return DONE

    def tell(one: Any, progress: Any) -> None:
        if not desk.as_json:
            talk.print(f"{one.title}: {progress.rows:,} rows{', done' if progress.done else ''}", markup=False)

    made = Together(together) if together else None
    view = desk.migrations.up(together=made, contracts=contract or None, backup=not no_backup, fill_now=fill_now, tell=tell)
    lines = [f"backed up to {view['backup']}"] if view["backup"] else []
    lines += [f"applied {one['title']}" + (f" in {one['seconds']:.3f} s" if one["at"] else "") for one in view["applied"]]
    lines += [] if lines or view["waiting"] else ["nothing was pending"]
    lines += view["way_back"]
    lines += [f"{one} has a backfill: run it after the deploy with --fill" for one in view["unfilled"]]
    desk.answer(view, *lines, *view["why"], then="headway migrate verify")
    return WAITING if view["waiting"] else DONE


@migrate.command()
@click.option("--all", "everything", is_flag=True, help="Not only the newest run's.")
@_on_database
def verify(desk: _Desk, everything: bool) -> None:
    """Ask the verify queries again; exit code 3 when one is not true."""
    view = desk.migrations.verify(everything=everything)
    desk.answer(view, *(f"true: {one}" for one in view["true"]), *(() if view["true"] else ("there was nothing to verify",)))


@migrate.command()
@click.option("--steps", type=click.IntRange(1), default=1, show_default=True, help="How many migrations to take back.")
@click.option("--accept-data-loss", is_flag=True, help="Destroy what was counted.")
@click.option("--no-backup", is_flag=True, help="Do not back up first.")
@_on_database
def down(desk: _Desk, steps: int, accept_data_loss: bool, no_backup: bool) -> None:
    """Take the newest back, by the SQL that the ledger kept; first what it would destroy is counted."""
    view = desk.migrations.down(steps, accept_loss=accept_data_loss, backup=not no_backup)
    lines = [f"taken down {one['title']}" for one in view["taken_down"]] or ["nothing was applied"]
    desk.answer(view, *lines, *(f"lost {one}" for one in view["lost"]), then="headway migrate status")


@migrate.command()
@click.option("--from", "source", type=click.Path(path_type=Path), help="The backup. [the newest]")
@click.option("--swap", is_flag=True, help="Put it in the live one's place; that one is kept as …_bad_….")
@click.option("--drill", is_flag=True, help="Only prove that it restores.")
@click.option("--accept-data-loss", is_flag=True, help="Give up what was written since the backup.")
@_on_database
def restore(desk: _Desk, source: Path | None, swap: bool, drill: bool, accept_data_loss: bool) -> None:
    """Into a new database beside the live one, checked against the manifest."""
    view = desk.migrations.restore(source, swap=swap, drill=drill, accept_loss=accept_data_loss)
    what = "it restores" if drill else f"restored into {view['database']}"
    kept = [f"the old database is kept as {view['kept']}"] if view["kept"] else []
    desk.answer(view, f"{what}: {view['rows']:,} rows, as of {view['of']}", *kept, then="headway migrate verify --all" if swap else None)


@migrate.command()
@click.option("--done/--not-done", "done", default=None, help="Your word on what cannot be seen from outside.")
@_on_database
def repair(desk: _Desk, done: bool | None) -> None:
    """Settle what was begun outside a transaction and not finished."""
    view = desk.migrations.repair(done=done)
    desk.answer(view, *(view["repaired"] or ["nothing to repair"]), then="headway migrate status")


COMMANDS = (migrate,)
