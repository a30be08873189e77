"""Commands about what goes with a release: notes, changelog, provenance; and the candidate that becomes stable."""

import json
import shutil
import sys
import tempfile
from pathlib import Path

import rich_click as click

from headway.cli.context import Context, View, json_option, next_step, print_json, say, with_context
from headway.cli.start import every_letter
from headway.errors import InvalidSpec, Unavailable


@click.command()
@click.argument("release")
@click.option(
    "--audience",
    type=click.Choice(("users", "developers", "operators")),
    default="users",
    show_default=True,
    help="Users read what they notice, operators what they must act on, developers everything.",
)
@json_option
@with_context
def notes(context: Context, release: str, audience: str, as_json: bool) -> None:
    """What a release brings since the last one of its line, for one audience."""
    view = context.ask("notes", release=release, audience=audience)
    if as_json:
        print_json(view)
        return
    say(f"[dim]{view['release']} since {view['since'] or 'the beginning'}, for {audience}[/dim]")
    sys.stdout.write(view["text"])


@click.command()
@click.argument("release", required=False)
@click.option("--service", help="Whose newest release, when none is named and there are several services.")
@click.option("--write", "path", type=click.Path(dir_okay=False, path_type=Path), help="Update this file; otherwise print.")
@json_option
@with_context
def changelog(context: Context, release: str | None, service: str | None, path: Path | None, as_json: bool) -> None:
    """The changelog with a section for a release (the newest, if none is named). What people wrote stays as it is."""
    if path is not None:
        view = written(context, path, release, service)
    else:
        view = context.ask("changelog", release=release, service=service)
        if not as_json:
            sys.stdout.write(view["text"])
    if as_json:
        print_json(view)


def written(context: Context, path: Path, release: str | None = None, service: str | None = None) -> View:
    """Update the file; nothing is staged and nothing committed."""
    old = _read(path)
    view = context.ask("changelog", release=release, service=service, old=old)
    text = view["text"]
    if text == old:
        say(f"{path} has {view['release']} already")
    else:
        _replace(path, text)
        say(f"[green]{path} has a section for {view['release']}[/green]; read it, edit it, commit it")
    return {**view, "path": str(path), "changed": text != old, "text": text}


@click.command()
@click.argument("release")
@click.option("--key", type=click.Path(path_type=Path), help="An Ed25519 key (PEM); the statement is then signed, in a DSSE envelope.")
@with_context
def provenance(context: Context, release: str, key: Path | None) -> None:
    """Where the artifact came from: an in-toto statement with SLSA provenance, as JSON."""
    statement = context.ask("provenance", release=release)["statement"]
    if key is None:
        sys.stdout.write(json.dumps(statement, indent=2, ensure_ascii=not every_letter()) + "\n")
        return
    from headway.adapters.envelope import signed

    sys.stdout.write(json.dumps(signed(statement, key)) + "\n")


@click.command()
@click.argument("candidate")
@click.option("--tag", is_flag=True, help="Tag the commit as the stable version.")
@click.option("--sign", is_flag=True, help="Sign the tag, as git is configured to.")
@json_option
@with_context
def stable(context: Context, candidate: str, tag: bool, sign: bool, as_json: bool) -> None:
    """Make a candidate the release: 1.3.0-rc.2 becomes 1.3.0, the same artifact and commit. Nothing is built."""
    view = context.ask("stable", release=candidate, by=context.person, tag=tag, sign=sign)
    if as_json:
        print_json(view)
        return
    for line in view["evidence"]:
        say(f"  {line}")
    say(f"[green]{view['release']}[/green] {'is' if view['new'] else 'was already'} {view['candidate']}: {view['digest']}")
    next_step(f"headway plan {view['release']} --to ENVIRONMENT")


PAPERS = (notes, changelog, provenance, stable)


def _read(path: Path) -> str:
    try:
        return path.read_bytes().decode()
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidSpec(f"{path} cannot be read as text: {error}") from error


def _replace(path: Path, text: str) -> None:
    """All of it or nothing: people's own lines are in that file."""
    target = path.resolve()
    try:
        with tempfile.NamedTemporaryFile(dir=target.parent, prefix=f".{target.name}.", delete=False) as draft:
            draft.write(text.encode())
        made = Path(draft.name)
        try:
            if target.exists():
                shutil.copymode(target, made)
            else:
                made.chmod(0o644)
            made.replace(target)
        finally:
            made.unlink(missing_ok=True)
    except OSError as error:
        raise Unavailable(f"{path} cannot be written: {error.strerror}") from error
