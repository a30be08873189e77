"""Every check where the file wants it, behind one port: a command beside Headway, or a Job beside the release."""

from collections.abc import Callable
from functools import cached_property
from typing import Protocol

from headway.adapters.checks import CommandChecks
from headway.environments.model import Cluster, Place
from headway.releases.model import CheckSpec
from headway.rollout.model import Intent, StartCheck
from headway.rollout.seen import CheckRun, Probe


class Jobs(Protocol):
    """Checks on a cluster."""

    def start(self, place: Place, intent: Intent, url: str) -> None: ...

    def probe(self, place: Place, key: str) -> Probe: ...

    def look(self, place: Place, key: str) -> CheckRun: ...

    def stop(self, place: Place, key: str) -> bool: ...


class PlacedChecks:
    """Hands each question on to whoever has the run."""

    def __init__(self, commands: CommandChecks, jobs: Callable[[], Jobs], where: Callable[[Place], Cluster | None]) -> None:
        """`jobs` makes the checks on clusters when the first is needed; `where` says which cluster a place is in, if it is in one."""
        self._commands = commands
        self._make = jobs
        self._where = where

    def users(self, path: str, rate: float, seconds: float) -> CheckSpec:
        return self._commands.users(path, rate, seconds)

    def start(self, place: Place, intent: Intent, url: str) -> None:
        wanted = isinstance(intent.effect, StartCheck) and intent.effect.check.inside == "cluster"
        if wanted and self._where(place) is not None:
            self._jobs.start(place, intent, url)
        else:
            self._commands.start(place, intent, url)

    def probe(self, place: Place, key: str) -> Probe:
        # Our own folder first: it costs nothing, and most checks have one.
        if self._commands.probe(place, key) is Probe.DONE or self._where(place) is None:
            return self._commands.probe(place, key)
        return self._jobs.probe(place, key)

    def look(self, place: Place, key: str) -> CheckRun:
        if self._commands.probe(place, key) is Probe.DONE or self._where(place) is None:
            return self._commands.look(place, key)
        return self._jobs.look(place, key)

    def stop(self, place: Place, key: str) -> None:
        if self._where(place) is None or self._commands.probe(place, key) is Probe.DONE or not self._jobs.stop(place, key):
            self._commands.stop(place, key)

    @cached_property
    def _jobs(self) -> Jobs:
        return self._make()
