"""May this release enter that stage? The one question that the command line, the plan and the engine ask alike."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from headway.environments.branches import shared_of
from headway.promotion import advisory, checklists, diverged, freezes, gates, quarantine, stages
from headway.promotion import approvals as people
from headway.promotion.model import Advice, Approval, Candidate, ItemRun, Objection, Override, Passed, Stage, Statement, Suspicion, Tick


def objections(
    candidate: Candidate,
    stage: Stage,
    approvals: Sequence[Approval],
    passed: Sequence[Passed],
    suspicions: Sequence[Suspicion],
    now: datetime,
    *,
    upstream: Sequence[Stage],
    said: Sequence[Statement] = (),
    answers: Mapping[str, bool | str] | None = None,
) -> tuple[Objection, ...]:
    """Everything that stands in the way, gravest first; empty when the release may enter.

    `upstream` are the stages that this one comes after (stages.upstream): their manual checks must be ticked. `said` are ticks, advice
    and overrides; `answers` what the expressions of gates and checklists came to (gates.answers).
    """
    name, out = stage.environment.name, stage.revoked
    here = [approval for approval in approvals if approval.environment == name]
    about = [word for word in said if (word.release, word.environment) == (candidate.release, name)]
    ticks = [word for word in about if isinstance(word, Tick)]
    advice = [word for word in about if isinstance(word, Advice)]
    overrides = [word for word in about if isinstance(word, Override)]
    runs = [word for word in about if isinstance(word, ItemRun)]
    found = answers or {}
    return (
        *_withdrawn(candidate),
        *_undefined_checks(candidate, stage),
        *_missing_settings(candidate, stage),
        *_nothing_to_run(candidate, stage),
        *stages.objections(candidate, stage, upstream, passed),
        *quarantine.objections(candidate, suspicions),
        *diverged.objections(candidate, stage),
        *gates.objections(candidate, stage.gates, found, now),
        *dict.fromkeys(one for rule in (stage.approvals, *stage.also) for one in people.objections(candidate, here, rule, now, out)),
        *advisory.objections(candidate, advice, stage.advisory, now, out),
        *checklists.objections(candidate, stage.checklist, ticks, found, out, runs),
        *freezes.objections(candidate, name, stage.freezes, overrides, stage.break_glass, now, revoked=out),
    )


def final(found: Sequence[Objection]) -> bool:
    """Is there one that no waiting and no person's yes can mend?"""
    return any(objection.kind == "final" for objection in found)


def _withdrawn(candidate: Candidate) -> tuple[Objection, ...]:
    if candidate.withdrawn is None:
        return ()
    return (Objection(f"{candidate.version} was withdrawn: {candidate.withdrawn.strip() or 'no reason was given'}", "final"),)


def _undefined_checks(candidate: Candidate, stage: Stage) -> tuple[Objection, ...]:
    """Manual checks need no definition: a person ticks them."""
    missing = [name for name in dict.fromkeys((*stage.preview, *stage.checks)) if name not in candidate.checks and name not in stage.manual]
    if not missing:
        return ()
    return (
        Objection(
            f"{stage.environment.name} demands the {_plural('check', missing)} {', '.join(missing)}, "
            f"which {candidate.version} does not define (it defines "
            f"{', '.join(candidate.checks) or 'none'}); add to the service's `checks:` and cut again",
            "final",
        ),
    )


def _missing_settings(candidate: Candidate, stage: Stage) -> tuple[Objection, ...]:
    if not (missing := candidate.missing_settings):
        return ()
    return (
        Objection(
            f"{candidate.version} requires the {_plural('setting', missing)} {', '.join(missing)}, which {stage.environment.name} does not "
            f"have; set under `environments: {shared_of(stage.environment.name)}: config:`",
            "final",
        ),
    )


def _nothing_to_run(candidate: Candidate, stage: Stage) -> tuple[Objection, ...]:
    """A cluster runs images, a machine runs files; a release may have either or both."""
    name = stage.environment.name
    if stage.environment.platform == "kubernetes" and not candidate.image:
        why = f"{candidate.version} has no image, and {name} is on Kubernetes; cut another version with --image REPOSITORY@sha256:…"
        return (Objection(why, "final"),)
    if stage.environment.platform == "local" and candidate.image.endswith(f"@{candidate.digest}"):
        return (Objection(f"{candidate.version} is an image and nothing else, and {name} runs files on this machine", "final"),)
    return ()


def _plural(word: str, things: Sequence[str]) -> str:
    return word if len(things) == 1 else f"{word}s"
