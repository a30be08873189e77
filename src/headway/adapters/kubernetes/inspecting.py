"""The manifests of one environment looked at as a whole, before anything is sent: what is wrong, in which file and line."""

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path

from headway.adapters.kubernetes.kinds import scaling_of
from headway.adapters.kubernetes.manifests import read
from headway.adapters.kubernetes.pattern import Pattern, pattern
from headway.adapters.kubernetes.places import Places
from headway.environments.manifests.model import Finding, Grade, Manifest, Told, inside
from headway.environments.manifests.rules import GRAVITY, findings
from headway.environments.model import Cluster, Scaling
from headway.errors import InvalidSpec

UNPINNED = "is fetched each time and may be another than the plan shows; pin it (?ref= and the commit's 40 digits), or copy it here"
KEPT = 128
"""So many answers are kept: what a commit says never changes, and who waits asks again and again."""


class Inspections:
    """The Manifests port: commits are looked at as they were exported."""

    def __init__(
        self,
        sources: Callable[[str, str], Path],
        manifests: Callable[[str, str, str], Sequence[Manifest]],
        asked: Callable[[Cluster], Sequence[Told]] = lambda _: (),
    ) -> None:
        """`sources` gives the folder with a service's files at a commit, `manifests` the objects of a path in it.

        `asked` is what the cluster's Prometheus says to the questions.
        """
        self._sources = sources
        self._manifests = manifests
        self._asked = asked
        self._kept = lru_cache(maxsize=KEPT)(self._look)
        self._patterns = lru_cache(maxsize=KEPT)(self._pattern)

    def inspect(self, service: str, commit: str, cluster: Cluster) -> Sequence[Told]:
        """What is to say about the manifests of that commit, for that cluster."""
        return (*self._kept(service, commit, cluster), *self._asked(cluster))

    def scaling(self, service: str, commit: str, cluster: Cluster) -> Scaling | None:
        """What the autoscaler of that commit allows, for that cluster."""
        told = self._patterns(service, commit, cluster)
        return told[0] if told is not None else None

    def routed(self, service: str, commit: str, cluster: Cluster) -> bool | None:
        """Whether an HTTPRoute of that commit leads to the service."""
        told = self._patterns(service, commit, cluster)
        return told[1] if told is not None else None

    def _pattern(self, service: str, commit: str, cluster: Cluster) -> tuple[Scaling | None, bool] | None:
        """No more of it than is asked for: many are kept."""
        found = _fit(lambda: self._manifests(service, commit, cluster.manifests), service, cluster)
        if found is None:
            return None
        return scaling_of(found.autoscaler) if found.autoscaler is not None else None, bool(found.routes)

    def _look(self, service: str, commit: str, cluster: Cluster) -> tuple[Told, ...]:
        return _inspect(lambda: self._manifests(service, commit, cluster.manifests), self._sources(service, commit), service, cluster)


def inspect(source: Path, service: str, cluster: Cluster) -> tuple[Told, ...]:
    """What is to say about the manifests of a service in an environment."""
    return _inspect(lambda: read(source, cluster.manifests), source, service, cluster)


def _inspect(reading: Callable[[], Sequence[Manifest]], source: Path, service: str, cluster: Cluster) -> tuple[Told, ...]:
    try:
        manifests = reading()
    except InvalidSpec as faults:
        return tuple(Told(Grade.ERROR, fault) for fault in faults.faults)
    found = (*_fields(manifests), *findings(manifests, service, cluster.namespace))
    places = Places(source, cluster.manifests)
    told = [Told(one.grade, _sentence(one, places, manifests, cluster.manifests)) for one in found]
    told += [Told(Grade.WARNING, f"{file}:{line}: {where} {UNPINNED}") for file, line, where in places.loose]
    told += [Told(Grade.ERROR, f"{cluster.manifests}: {fault}") for fault in _unfit(manifests, service, cluster)]
    return tuple(sorted(dict.fromkeys(told), key=lambda one: GRAVITY.index(one.grade)))


def routed(source: Path, service: str, cluster: Cluster) -> bool | None:
    """Whether an HTTPRoute leads to the service; None where inspect has something to say."""
    found = _fit(lambda: read(source, cluster.manifests), service, cluster)
    return bool(found.routes) if found is not None else None


def _fit(reading: Callable[[], Sequence[Manifest]], service: str, cluster: Cluster) -> Pattern | None:
    try:
        return pattern(reading(), service, cluster.namespace, cluster.manifests)
    except InvalidSpec:
        return None


def _fields(manifests: Sequence[Manifest]) -> Iterator[Finding]:
    try:
        from headway.adapters.kubernetes import schemas
    except ModuleNotFoundError as missing:
        says = f"names of fields are not checked without {missing.name}: pip install 'headway[kubernetes]'"
        yield Finding(Grade.WARNING, "", "", (), says)
        return
    yield from schemas.findings(manifests)


def _unfit(manifests: Sequence[Manifest], service: str, cluster: Cluster) -> tuple[str, ...]:
    """Why no release could be made from them. What is in another namespace has been told, with its line."""
    here = [one for one in manifests if inside(one, "metadata").get("namespace") in {None, "", cluster.namespace}]
    try:
        pattern(here, service, cluster.namespace, cluster.manifests)
    except InvalidSpec as faults:
        return faults.faults
    return ()


def _sentence(finding: Finding, places: Places, manifests: Sequence[Manifest], path: str) -> str:
    thing = next((one for one in manifests if (one.get("kind"), inside(one, "metadata").get("name")) == (finding.kind, finding.name)), None)
    place = places.of(thing, finding.path) if thing is not None else None
    where = f"{place[0]}:{place[1]}" if place else path
    whose = f"{finding.kind} {finding.name}: " if finding.name and f"{finding.kind} {finding.name}" not in finding.text else ""
    return f"{where}: {whose}{finding.text}"
