"""What Headway has for a cluster's own people."""

import rich_click as click


@click.group()
def kubernetes() -> None:
    """What a cluster can be given besides the two roles that Headway needs."""


@kubernetes.command()
@click.option("--namespace", "namespaces", multiple=True, metavar="NAME", help="Only there; may be given several times.")
def policy(namespaces: tuple[str, ...]) -> None:
    """Print a ValidatingAdmissionPolicy: the API server itself refuses to let an older rollout write over a newer one."""
    from headway.adapters.kubernetes.fencing import policy as written

    click.echo(written(namespaces), nl=False)


COMMANDS = (kubernetes,)
