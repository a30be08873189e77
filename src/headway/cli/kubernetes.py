"""What Headway has for a cluster's own people."""

import rich_click as click


@click.group()
def kubernetes() -> None:
    """What a cluster can be given for Headway."""


@kubernetes.command()
@click.option("--namespace", "namespaces", multiple=True, metavar="NAME", help="Only there; may be given several times.")
def policy(namespaces: tuple[str, ...]) -> None:
    """Print a ValidatingAdmissionPolicy: the API server itself refuses to let an older rollout write over a newer one."""
    from headway.adapters.kubernetes.fencing import policy as written

    click.echo(written(namespaces), nl=False)


@kubernetes.command()
@click.option("--namespace", required=True, metavar="NAME", help="Where releases run.")
@click.option(
    "--for", "subject", required=True, metavar="NAMESPACE:ACCOUNT", help="The service account that Headway acts as, or a user's name."
)
@click.option(
    "--kind",
    "kinds",
    multiple=True,
    metavar="PLURAL",
    help="Of your manifests, besides, such as serviceaccounts; may be given several times.",
)
def role(namespace: str, subject: str, kinds: tuple[str, ...]) -> None:
    """Print the Role that Headway needs in a namespace, each right with what it is for, and its binding."""
    from headway.adapters.kubernetes.roles import role as written

    click.echo(written(namespace, subject, kinds), nl=False)


COMMANDS = (kubernetes,)
