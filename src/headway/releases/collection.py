"""Which artifacts are kept: what runs, what could be gone back to, and the newest of each service."""

from collections.abc import Collection, Iterable

from headway.releases.model import Release

NEWEST = 20
"""How many releases of a service keep their artifact whatever else; a rollout of an older one needs it cut again."""


def kept(releases: Iterable[Release], in_use: Collection[str], newest: int = NEWEST) -> frozenset[str]:
    """The digests to keep. `releases` newest first; `in_use` digests that run somewhere, ran before that, or wait to."""
    seen: dict[str, int] = {}
    keep = set(in_use)
    for release in releases:
        seen[release.service] = seen.get(release.service, 0) + 1
        if seen[release.service] <= newest and release.withdrawn is None:
            keep.add(release.digest)
    return frozenset(keep)
