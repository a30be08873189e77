"""The record in words and plain values, the same for the terminal, the API and the board."""

from collections.abc import Mapping
from datetime import datetime

from headway.environments.branches import BranchEnvironment
from headway.environments.manifests.changes import Preview
from headway.environments.model import Cluster
from headway.ports import PlaceRecord, Recorded, Standing
from headway.releases.model import Release
from headway.rollout.model import Rollout, Workload
from headway.rollout.phases import ENDED
from headway.rollout.plan import sentences
from headway.rollout.routes import reached

View = dict[str, object]


def release_view(release: Release) -> View:
    """A release as people see it."""
    return {
        "release": release.name,
        "service": release.service,
        "version": release.version,
        "commit": release.commit,
        "ref": release.ref,
        "digest": release.digest,
        **({"image": release.image} if release.image else {}),
        "author": release.author,
        "cut_by": release.cut_by,
        "cut_at": _when(release.cut_at),
        "withdrawn": release.withdrawn,
        "checks": sorted(release.checks),
    }


def preview_view(preview: Preview | None, cluster: Cluster | None) -> View | None:
    """What a cluster would be given: what is new there, what is other than of the live release, as diffs; None where it was not asked."""
    if preview is None or cluster is None:
        return None
    shown = [{"kind": one.kind, "name": one.name, "what": one.word, "diff": list(one.lines)} for one in preview.changes]
    return {"context": cluster.context, "namespace": cluster.namespace, "objects": shown}


def rollout_view(standing: Standing) -> View:
    """A rollout as people see it: what it does, how far it is, and why it waits."""
    rollout = standing.rollout
    return {
        "rollout": rollout.id,
        "service": rollout.place.service,
        "environment": rollout.place.environment,
        "release": rollout.release,
        "kind": rollout.kind.value,
        "phase": rollout.phase.value,
        "weight": rollout.weight.percent,
        "workload": rollout.plan.new.name if rollout.plan else None,
        "step": _step(rollout),
        "why": standing.why,
        "due": _when(standing.due),
        "trouble": rollout.trouble,
        "asked_by": rollout.asked_by,
        "starts": _when(rollout.start.at) if rollout.start else None,
        "trial": rollout.trial.of if rollout.trial else None,
        "created": _when(rollout.created),
        "updated": _when(standing.updated),
        "ended": rollout.phase in ENDED,
        "from": rollout.plan.old.version if rollout.plan and rollout.plan.old else None,
        "reasons": list(rollout.reasons),
        "measured": _measured(rollout),
    }


def place_view(
    record: PlaceRecord,
    standings: tuple[Standing, ...],
    url: str | None,
    branch: BranchEnvironment | None = None,
    reset: datetime | None = None,
    drift: tuple[str, ...] = (),
) -> View:
    """One service in one environment: what is live, what is on its way, what waits and why."""
    return {
        "service": record.place.service,
        "environment": record.place.environment,
        "url": url,
        "live": _live(record.live, record.live_release),
        "generation": record.generation,
        "branch": _branch(branch),
        "reset": _when(reset),
        "drift": list(drift),
        "rollouts": [rollout_view(standing) for standing in standings],
    }


def event_view(recorded: Recorded) -> View:
    """One line of the record."""
    event = recorded.event
    return {
        "stream": recorded.stream,
        "number": recorded.number,
        "at": _when(event.at),
        "who": event.who,
        "what": event.what,
        "why": list(event.why),
        "data": dict(event.data),
        "hash": recorded.hash,
    }


def _live(workload: Workload | None, release: str | None) -> Mapping[str, object] | None:
    if workload is None:
        return None
    return {
        "release": release,
        "version": workload.version,
        "digest": workload.digest,
        "commit": workload.commit,
        "workload": workload.name,
    }


def _branch(of: BranchEnvironment | None) -> View | None:
    """The branch whose environment this is, and what became of it."""
    if of is None:
        return None
    return {"ref": of.ref, "state": of.state.value, "why": of.why, "pushed": _when(of.pushed), "created": _when(of.created)}


def _step(rollout: Rollout) -> View | None:
    if rollout.plan is None:
        return None
    words = sentences(rollout.plan)
    at = min(rollout.cursor, len(words))
    return {"at": at, "of": len(words), "now": words[at] if at < len(words) else "done"}


def _measured(rollout: Rollout) -> View | None:
    evidence = rollout.evidence
    if evidence is None or not reached(rollout):
        return None
    return {"since": _when(evidence.since)}


def _when(at: datetime | None) -> str | None:
    return at.isoformat(timespec="milliseconds") if at else None
