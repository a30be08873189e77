"""The manifests of commits, read and rendered once: what a commit says never changes, and one rollout asks for it ten times."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path

from headway.adapters.kubernetes.kinds import Object
from headway.adapters.kubernetes.manifests import read

KEPT = 256
"""So many paths at a commit: enough for what is under way, and what waits asks again and again."""


class Committed:
    """Objects by service, commit and path. Whoever gets them changes nothing in them."""

    def __init__(self, sources: Callable[[str, str], Path]) -> None:
        """`sources` gives the folder with a service's files at a commit."""
        self._sources = sources
        self._kept = lru_cache(maxsize=KEPT)(self._read)

    def __call__(self, service: str, commit: str, path: str) -> Sequence[Object]:
        """Every object of that path; what is wrong with it is found out anew each time."""
        return self._kept(service, commit, path)

    def _read(self, service: str, commit: str, path: str) -> tuple[Object, ...]:
        return read(self._sources(service, commit), path)
