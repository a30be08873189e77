"""Commands about releases: cut, look at, withdraw, clear. What goes with a release is in `papers`."""

import sys
from pathlib import Path

import rich_click as click

from headway.cli import papers, render
from headway.cli.blame import blame
from headway.cli.context import Context, data, json_option, next_step, print_json, say, with_context


@click.group()
def release() -> None:
    """Cut releases and look at them."""


for paper in papers.PAPERS:
    release.add_command(paper)
release.add_command(blame)


@release.command()
@click.argument("revision", default="HEAD")
@click.option("--version", help="MAJOR.MINOR.PATCH; otherwise the commit's Release-As:, or the next version.")
@click.option("--pre", metavar="CHANNEL", help="A candidate: the next pre-release of this channel, such as rc.")
@click.option("--service", help="Which service, when there are several.")
@click.option("--artifact", type=click.Path(exists=True, path_type=Path), help="A folder or archive that was built elsewhere.")
@click.option("--digest", help="Its digest, sha256:…, as the builder printed it.")
@click.option(
    "--image",
    metavar="REF@sha256:…",
    help="An image that was built and pushed elsewhere; for REF:TAG the registry is asked once.",
)
@click.option("--tag", is_flag=True, help="Tag the commit in the repository, annotated, named as `versions:` says. Nothing is pushed.")
@click.option("--sign", is_flag=True, help="Sign the tag, as git is configured to.")
@click.option("--changelog", type=click.Path(dir_okay=False, path_type=Path), help="Then update this changelog; commit it yourself.")
@json_option
@with_context
def cut(
    context: Context,
    revision: str,
    version: str | None,
    pre: str | None,
    service: str | None,
    artifact: Path | None,
    digest: str | None,
    image: str | None,
    tag: bool,
    sign: bool,
    changelog: Path | None,
    as_json: bool,
) -> None:
    """Make a release of a commit: checks, build, store, tag. After a failure the same command goes on; otherwise it changes nothing."""
    made = context.ask(
        "cut",
        revision=revision,
        by=context.person,
        version=version,
        service=service,
        artifact=str(artifact.absolute()) if artifact else None,
        digest=digest,
        image=image,
        pre=pre,
        tag=tag,
        sign=sign,
    )
    if changelog is not None:
        papers.written(context, changelog, made["release"])
    if as_json:
        print_json(made)
        return
    for line in made["evidence"]:
        say(f"  {line}")
    say(f"[green]{made['release']}[/green] {'cut' if made['new'] else 'was there already'}: {made['digest']}")
    next_step(f"headway plan {made['release']} --to ENVIRONMENT")


@release.command("list")
@click.option("--service")
@json_option
@with_context
def list_(context: Context, service: str | None, as_json: bool) -> None:
    """The releases, newest first."""
    view = context.ask("releases", service=service)
    print_json(view) if as_json else data.print(render.releases(view))


@release.command()
@click.argument("release")
@json_option
@with_context
def show(context: Context, release: str, as_json: bool) -> None:
    """One release: where it passed, and what stands against it."""
    view = context.ask("release", release=release)
    print_json(view) if as_json else data.print(render.release(view))


@release.command()
@click.argument("release")
@click.option("--why", required=True, help="The reason; it stands on the record.")
@with_context
def withdraw(context: Context, release: str, why: str) -> None:
    """Mark a release unfit: no stage takes it any more."""
    view = context.ask("withdraw", release=release, by=context.person, why=why)
    say(f"[yellow]{view['release']} is withdrawn[/yellow]; where it runs, it goes on: headway rollback ENVIRONMENT")


@release.command()
@click.argument("release")
@click.option("--why", required=True, help="Why its commits may go out again; it stands on the record.")
@with_context
def clear(context: Context, release: str, why: str) -> None:
    """Lift the quarantine of a release that was rolled back."""
    view = context.ask("clear", release=release, by=context.person, why=why)
    say(f"[green]{view['release']} and its commits are no longer quarantined[/green]")


@release.command()
@click.argument("path", type=click.Path(exists=True, path_type=Path))
def digest(path: Path) -> None:
    """Print the digest of a folder or archive that was built elsewhere: what `cut --artifact` wants to be told."""
    from headway.wiring import digest_of

    sys.stdout.write(digest_of(path) + "\n")


@release.command()
@click.option("--keep", "newest", type=click.IntRange(min=1), default=20, show_default=True, help="How many of each service to keep.")
@json_option
@with_context
def collect(context: Context, newest: int, as_json: bool) -> None:
    """Remove artifacts that nothing runs or could go back to. The server does it every hour."""
    view = context.ask("collect", by=context.person, newest=newest)
    if as_json:
        print_json(view)
        return
    say(f"{len(view['removed'])} artifacts removed; what runs, what can be gone back to and the newest {newest} are kept")


COMMANDS = (release,)
