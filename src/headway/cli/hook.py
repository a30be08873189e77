"""`headway hook`: the post-receive hook of a repository that people push to. Nothing but that repository is touched."""

import sys
from pathlib import Path

import rich_click as click

from headway.cli.context import Context, next_step, say, with_context

path_argument = click.argument("path", type=click.Path(exists=True, file_okay=False, path_type=Path), default=".")


@click.group()
def hook() -> None:
    """The post-receive hook: who pushed goes on the record, and the server looks at once. No push ever waits for it, or fails by it."""


@hook.command()
@path_argument
@with_context
def install(context: Context, path: Path) -> None:
    """Write the hook into a repository that is pushed to, bare or not. A hook that is there goes on as before."""
    from headway.adapters import githook
    from headway.wiring import socket_path

    done = githook.install(path.resolve(), socket_path(context.home))
    say(f"{'wrote' if done.changed else 'is there already:'} {done.path}")
    if done.before is not None:
        say(f"it runs {done.before.name}, which was there before, and answers as that does")
    next_step(f"headway repo add {path}")


@hook.command()
@path_argument
def remove(path: Path) -> None:
    """Take the hook out, and put back the one that was there before."""
    from headway.adapters import githook

    done = githook.remove(path.resolve())
    say(f"removed {done.path}" if done.changed else f"{done.path} is not Headway's; nothing was changed")
    if done.before is not None:
        say("what was there before is back")


@hook.command()
@with_context
def show(context: Context) -> None:
    """Print the hook, for a server that keeps its hooks elsewhere."""
    from headway.adapters import githook
    from headway.wiring import socket_path

    sys.stdout.write(githook.script(socket_path(context.home), None))


COMMANDS = (hook,)
