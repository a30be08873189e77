"""Whose file governs: the release's own commit says how it is built and run, the protected branch says what it must pass."""

from dataclasses import replace

from headway.environments.configuration import Resolved, resolve
from headway.environments.model import Cluster, Database
from headway.errors import Refused
from headway.promotion.model import Stage
from headway.spec.faults import instead
from headway.spec.file import Declared, File, Override, ReleasePart

DRILL = "rollback-drill"
"""A check that every service has: the rollout goes back once, and forward again."""


def release_part(file: File, service: str) -> ReleasePart:
    """What the file says of a release of this service; read it from the release's own commit."""
    _known(file, service)
    return file.services[service]


def stages(file: File, service: str) -> tuple[Stage, ...]:
    """The service's way, in pipeline order; read it from the protected branch.

    The configurations still lack their digests: seal them (`environments.configuration.sealed`) where the secrets can be read.
    """
    _known(file, service)
    return tuple(_stage(file, service, declared) for declared in file.environments.values())


def configured(file: File, service: str, environment: str) -> Resolved:
    """What the service is told in an environment, and where each value was written."""
    _known(file, service)
    if environment not in file.environments:
        raise Refused(f'{file.path} has no environment "{environment}"; {instead(environment, file.environments, "environments")}')
    declared = file.environments[environment]
    return resolve(file.settings, declared.settings, declared.services.get(service, Override({})).settings)


def _known(file: File, service: str) -> None:
    if service not in file.services:
        raise Refused(f'{file.path} has no service "{service}"; {instead(service, file.services, "services")}')


def _stage(file: File, service: str, declared: Declared) -> Stage:
    shared = declared.stage
    own = declared.services.get(service, Override({}))
    # One environment may serve several services; each runs those of its checks that it has.
    checks = file.services[service].checks
    named = [checks[name] for name in shared.checks if name in checks]
    cluster = _cluster(shared.environment.cluster, own)
    return replace(
        shared,
        service=service,
        environment=replace(
            shared.environment,
            replicas=own.replicas or shared.environment.replicas,
            port=own.port or shared.environment.port,
            database=_database(own.database or shared.environment.database, cluster),
            cluster=cluster,
            configuration=configured(file, service, shared.environment.name).configuration,
        ),
        drill=DRILL in shared.checks,
        preview=tuple(name for name in shared.preview if name in checks),
        checks=tuple(check.name for check in named if check.manual is None),
        manual=tuple(check.name for check in named if check.manual is not None),
    )


def _cluster(shared: Cluster | None, own: Override) -> Cluster | None:
    if shared is None:
        return None
    return replace(shared, manifests=own.manifests or shared.manifests, url=own.url or shared.url)


def _database(found: Database | None, cluster: Cluster | None) -> Database | None:
    """The Job that migrates it is made from this service's own manifests."""
    if found is None or found.inside is None or cluster is None:
        return found
    return replace(found, inside=replace(found.inside, cluster=cluster))
