"""The pipeline as a graph: what comes before what, what a push brings where, and whether a release passed what it had to."""

import re
from collections.abc import Sequence
from fnmatch import fnmatchcase

from headway.environments.branches import shared_of
from headway.errors import Contradiction
from headway.promotion.model import Candidate, Objection, Passed, Stage, Trigger

ROLLOUT = "rollout"
"""What a completed rollout is called among the things a release passed; anything else is a manual check."""

_PULL = re.compile(r"refs/(?:pull|pull-requests|merge-requests)/([0-9]{1,12})/(?:head|from)")


def order(stages: Sequence[Stage]) -> tuple[Stage, ...]:
    """Each stage after those it waits for, otherwise as in the file."""
    left, placed = list(stages), list[Stage]()
    while left:
        waiting = {(stage.service, stage.environment.name) for stage in left}
        ready = next((stage for stage in left if not any((stage.service, name) in waiting for name in stage.after)), None)
        if ready is None:
            raise Contradiction(f"the stages {', '.join(stage.environment.name for stage in left)} wait for each other")
        left.remove(ready)
        placed.append(ready)
    return tuple(placed)


def upstream(stage: Stage, stages: Sequence[Stage]) -> tuple[Stage, ...]:
    """The stages that a release must have passed right before this one."""
    return tuple(other for other in stages if other.service == stage.service and other.environment.name in stage.after)


def triggered(stages: Sequence[Stage], ref: str) -> tuple[Stage, ...]:
    """The stages that new commits on this branch or pull request, or this tag, bring a release to, in pipeline order.

    A merge is seen as what it leaves behind: new commits on the branch merged to.
    """
    return tuple(stage for stage in order(stages) if _wants(stage.trigger, ref.removeprefix("refs/heads/")))


def _wants(trigger: Trigger, ref: str) -> bool:
    if ref.startswith("refs/tags/"):
        return any(fnmatchcase(ref.removeprefix("refs/tags/"), pattern) for pattern in trigger.tag)
    if ref.startswith("refs/"):
        return trigger.pulls and pull_request(ref) is not None
    return trigger.merge == ref or any(fnmatchcase(ref, pattern) for pattern in trigger.push)


def pull_request(ref: str) -> str | None:
    """The number of the pull request whose head this is, as the common servers name them; None for any other ref."""
    found = _PULL.fullmatch(ref)
    return found[1] if found else None


def objections(candidate: Candidate, stage: Stage, before: Sequence[Stage], passed: Sequence[Passed]) -> tuple[Objection, ...]:
    """What this artifact, by digest, has not passed on its way here. `before` are the stages named by `after` (see upstream)."""
    # At the same instant the bad news counts.
    words = sorted((word for word in passed if word.digest == candidate.digest), key=lambda word: (word.at, not word.good))
    # What passed in a branch's own environment passed in the one that it is made from.
    last = {(shared_of(word.environment), word.what): word for word in words}
    known = {other.environment.name: other for other in before}
    unpassed = [_rollout(candidate, name, last) for name in stage.after]
    # A stage that we were not shown may have manual checks: not knowing them is no reason to pass.
    unknown = [
        Objection(f"the pipeline has no stage {name}, which {stage.environment.name} comes after", "final")
        for name in stage.after
        if name not in known
    ]
    manual = [_manual(candidate, name, what, last) for name in stage.after if name in known for what in known[name].manual]
    return tuple(objection for objection in (*unknown, *unpassed, *manual) if objection is not None)


def _rollout(candidate: Candidate, name: str, last: dict[tuple[str, str], Passed]) -> Objection | None:
    word = last.get((name, ROLLOUT))
    if word is not None and word.good:
        return None
    if word is not None:
        return Objection(f"{candidate.version} was last rolled back in {name}{_said(word)}")
    where = sorted({other.environment for other in last.values() if other.what == ROLLOUT and other.good})
    return Objection(f"{candidate.version} has not passed {name}; this artifact has passed {', '.join(where) or 'nothing yet'}")


def _manual(candidate: Candidate, name: str, what: str, last: dict[tuple[str, str], Passed]) -> Objection | None:
    word = last.get((name, what))
    if word is None:
        return Objection(f"nobody has ticked {what} in {name} for {candidate.version} yet")
    if not word.good:
        return Objection(f"{what} in {name} failed for {candidate.version}{_said(word)}", "final")
    return None


def _said(word: Passed) -> str:
    by = f", says {word.by}" if word.by else ""
    return f"{by}: {word.comment.strip()}" if word.comment.strip() else by
