"""Commands about the server: run it, and tell it which repositories to watch."""

import sys
from pathlib import Path

import rich_click as click

from headway.cli.context import Context, json_option, next_step, print_json, say, with_context


class Repository(click.ParamType[str]):
    """A folder of this machine, or what git can fetch from elsewhere."""

    name = "repository"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        from headway.adapters.gitmirror import is_url

        if is_url(value):
            return value
        if not Path(value).exists():
            self.fail(f"{value} is neither a folder here nor a URL such as https://git.example/shop.git", param, ctx)
        return str(Path(value).resolve())


class Address(click.ParamType[tuple[str, int]]):
    """Where to listen."""

    name = "host:port"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, int]:
        host, _, port = value.rpartition(":")
        if not host or not port.isdigit() or not 0 < int(port) < 65536:
            self.fail(f"expected an address and a port, such as 0.0.0.0:8080; found {value!r}", param, ctx)
        return host.strip("[]"), int(port)


REPOSITORY = Repository()
ADDRESS = Address()


@click.command()
@click.option("--repo", "repos", multiple=True, type=REPOSITORY, help="Watch this repository too: a folder, or a URL.")
@click.option("--branch", default="main", show_default=True, help="Its protected branch, whose headway.yaml governs.")
@click.option("--policies", type=click.Path(exists=True, path_type=Path), help="As `headway policies use`.")
@click.option(
    "--listen",
    type=ADDRESS,
    envvar="HEADWAY_LISTEN",
    help="Answer over the network too: /healthz, /readyz, /metrics, who has a token.",
)
@click.option("--tokens", type=click.Path(path_type=Path), envvar="HEADWAY_TOKENS", help="The file that says whose tokens are whose.")
@click.option("--open-metrics", is_flag=True, envvar="HEADWAY_OPEN_METRICS", help="Tell /metrics to everybody.")
@click.option("--no-local", is_flag=True, envvar="HEADWAY_NO_LOCAL", help="In a cluster: no local environments here, and no builds.")
@click.option("--new-key", is_flag=True, help="Have all servers of this ledger take the key of this one.")
@with_context
def serve(
    context: Context,
    repos: tuple[str, ...],
    branch: str,
    policies: Path | None,
    listen: tuple[str, int] | None,
    tokens: Path | None,
    open_metrics: bool,
    no_local: bool,
    new_key: bool,
) -> None:
    """Run the engine. What it started goes on without it; the next start takes over."""
    from headway.cli.policies import in_force
    from headway.web.server import Network
    from headway.web.server import serve as run

    if tokens and not listen:
        raise click.UsageError("--tokens says who may ask over the network, and nobody can: say --listen HOST:PORT too")
    if open_metrics and not listen:
        raise click.UsageError("--open-metrics says who may read /metrics, and nobody can: say --listen HOST:PORT too")
    network = Network(*listen, tokens, open_metrics) if listen else None
    watched = [(repo, branch) for repo in repos]
    run(context.home, context.database, watched, say, in_force(policies, context.person), network, machine=not no_local, new_key=new_key)


@click.command()
@click.argument("name")
def token(name: str) -> None:
    """Make a token for somebody who asks over the network. Printed once: the line for the server's file, which cannot be used to ask.

    The token of `metrics` reads /metrics and nothing else.
    """
    from headway.wiring import line_of, new_token

    made = new_token()
    sys.stdout.write(f"{line_of(name, made)}\n")
    say(f"for {name}, and nobody else: HEADWAY_TOKEN={made}")
    next_step("headway serve --listen 127.0.0.1:8080 --tokens FILE")


@click.command()
@with_context
def down(context: Context) -> None:
    """Stop the server and everything that runs on this machine, in order."""
    from headway.wiring import stop_everything

    stop_everything(context.home, context.database)
    say("[yellow]everything is stopped[/yellow]; the ledger and the artifacts are kept")


@click.group()
def repo() -> None:
    """The repositories that the server watches."""


@repo.command()
@click.argument("path", type=REPOSITORY, default=".")
@click.option("--branch", default="main", show_default=True, help="The protected branch, whose headway.yaml governs.")
@with_context
def add(context: Context, path: str, branch: str) -> None:
    """Watch a repository: a folder of this machine, or a URL, of which the server keeps a copy."""
    view = context.ask("repo_add", path=path, branch=branch)
    say(f"watching {view['path']} ({view['branch']}): {', '.join(view['services'])}")
    next_step("headway serve")


@repo.command("list")
@json_option
@with_context
def list_(context: Context, as_json: bool) -> None:
    """The repositories, in the order they were added."""
    view = context.ask("repo_list")
    if as_json:
        print_json(view)
        return
    for one in view["repositories"]:
        say(f"{one['path']} ({one['branch']})")


@click.command()
@with_context
def poke(context: Context) -> None:
    """Have the server look at its repositories now; for a post-receive hook."""
    view = context.ask("poke")
    say(f"{view['moved']} refs moved")


COMMANDS = (serve, down, repo, poke, token)
