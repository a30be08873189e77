"""Checks as Jobs: one Job for each key, whoever asks and however often; the cluster keeps it, so that it outlives us."""

import hashlib
from collections.abc import Callable, Iterable
from pathlib import Path

from headway.adapters.folders import disk
from headway.adapters.kubernetes import jobs, record
from headway.adapters.kubernetes.api import Api, Conflict
from headway.adapters.kubernetes.clients import Clients
from headway.adapters.kubernetes.kinds import DEPLOYMENT, JOB, POD, Object, by_workload, labels, name_of
from headway.adapters.kubernetes.writing import TRIES
from headway.environments.model import Cluster, Place
from headway.errors import Contradiction, HeadwayError, Unavailable
from headway.ports import Clock
from headway.rollout.model import Intent, StartCheck
from headway.rollout.seen import CheckRun, CheckState, Probe

LINES = 5000
"""Of a check's log, its last; what it says last is in the record."""
MASKED = "***"


class JobChecks:
    """Runs checks in the namespace of the release, with its image."""

    def __init__(self, home: Path, clusters: Callable[[Place], Cluster], secrets: Callable[[str], str], clock: Clock) -> None:
        """`home` is where logs are kept; `secrets` gives the value of a reference, which no log may show."""
        self._home = home
        self._clusters = clusters
        self._secrets = secrets
        self._clock = clock
        self._clients = Clients()

    def start(self, place: Place, intent: Intent, url: str) -> None:
        """Start a StartCheck, unless this key was started, or stopped, before."""
        effect = intent.effect
        if not isinstance(effect, StartCheck):
            raise Contradiction(f"{intent.key} is to {effect.kind}, and no check")
        api, workload = self._api(place), effect.workload.name
        if intent.fence.generation:  # a checklist's command belongs to no rollout
            record.enter(api, place, intent.fence)
        if api.get(JOB, jobs.name(intent.key)) is not None:
            return
        deployment = by_workload(api.list(DEPLOYMENT, labels(place, workload))).get(workload)
        if deployment is None:
            raise Unavailable(
                f"{effect.check.name} runs beside {effect.workload.version}, which has no Deployment in {place.environment} now"
            )
        try:
            api.put(JOB, jobs.job(intent.key, place, effect, deployment, url))
        except Conflict:
            return  # somebody was quicker: ourselves before a crash

    def probe(self, place: Place, key: str) -> Probe:
        """Was a run with this key started?"""
        return Probe.DONE if self._api(place).get(JOB, jobs.name(key)) is not None else Probe.NOT_DONE

    def look(self, place: Place, key: str) -> CheckRun:
        """How the run with this key is going; what it comes to is written on the Job, since its pod goes."""
        api = self._api(place)
        thing = api.get(JOB, jobs.name(key))
        if thing is None:
            return CheckRun(CheckState.ERRORED, f"no check was started as {key}, or the cluster has removed it since")
        log = self._log(key)
        if (told := jobs.verdict(thing)) is not None:
            return CheckRun(told.state, told.text, str(log) if log.exists() else "")
        pods = api.list(POD, {jobs.CHECK_LABEL: jobs.name(key)})
        run = jobs.seen(thing, pods, self._clock.now(), "")
        if run.state is CheckState.RUNNING:
            return run
        said = self._said(api, thing, pods)
        if said:
            with disk(f"keep the log of {jobs.about(thing).name}"):
                log.parent.mkdir(parents=True, exist_ok=True)
                log.write_text("\n".join(said) + "\n")
        run = jobs.seen(thing, pods, self._clock.now(), next((line for line in reversed(said) if line.strip()), ""))
        self._conclude(api, thing, run, jobs.unfinished(pods))
        return CheckRun(run.state, run.text, str(log) if log.exists() else "")

    def stop(self, place: Place, key: str) -> bool:
        """End it, if it still runs; a start that comes later starts nothing. Whether there is such a Job at all."""
        api = self._api(place)
        for _ in range(TRIES):
            thing = api.get(JOB, jobs.name(key))
            if thing is None or jobs.verdict(thing) is not None:
                return thing is not None
            # Nobody asks a second time: a stop that the cluster's own write crossed would leave the check running.
            if self._conclude(api, thing, CheckRun(CheckState.ERRORED, f"{jobs.about(thing).name} was stopped"), end=True):
                return True
        raise Unavailable(f"the Job {jobs.name(key)} could not be stopped: it is written by somebody else all the time")

    def close(self) -> None:
        """Let go of the connections; what runs goes on."""
        self._clients.close()

    def _conclude(self, api: Api, thing: Object, run: CheckRun, end: bool) -> bool:
        try:
            api.put(JOB, jobs.concluded(thing, run, end=end))
        except Conflict:
            return False  # the cluster wrote to it just now: whoever looks next finds the same and tries again
        return True

    def _said(self, api: Api, thing: Object, pods: Iterable[Object]) -> tuple[str, ...]:
        """What it printed, without what must not be seen. A secret that cannot be had any more keeps the whole log away."""
        newest = max(pods, key=lambda one: str(one["metadata"].get("creationTimestamp", "")), default=None)
        if newest is None:
            return ()
        said = api.log(name_of(newest), "check", LINES)
        try:
            values = {line for one in jobs.about(thing).hidden for line in self._secrets(one).splitlines() if line.strip()}
        except HeadwayError as error:
            return (f"(not shown, for a secret that it may contain cannot be looked up: {error})",)
        return tuple(without(line, values) for line in said)

    def _log(self, key: str) -> Path:
        return self._home / "checks" / f"job-{hashlib.sha256(key.encode()).hexdigest()[:20]}" / "log"

    def _api(self, place: Place) -> Api:
        return self._clients.of(self._clusters(place))


def without(line: str, values: Iterable[str]) -> str:
    """A line with every secret in it replaced."""
    for value in sorted(values, key=len, reverse=True):
        line = line.replace(value, MASKED)
    return line
