"""Is the running release good? Bad news needs no quorum, good news does, and silence is neither.

First form: counts against the file's thresholds and against the release beside it. Everything since the weight changed is judged, and so
are the last 10, 30 and 60 seconds, so that a release which turns bad in the fourteenth minute is not covered by thirteen good ones.
"""

from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime, timedelta
from math import isnan

from headway.analysis.evidence import Arm, Evidence
from headway.analysis.metrics import Compared, Metric, Standing, metrics, percent
from headway.analysis.model import Outcome, Thresholds, Verdict, worst

SILENCE = timedelta(seconds=5)
"""Of a source that is asked itself; one that looks only now and then is given more."""
NO_TRAFFIC = timedelta(seconds=60)
MISSED = 10
"""So many requests must have been due in a pause before the pause says anything: chance leaves them all out once in 20,000."""

_NAMES = tuple(field.name for field in fields(Thresholds))


def judge(evidence: Evidence, thresholds: Thresholds, now: datetime, silence: timedelta = SILENCE) -> Verdict:
    """Turn what was measured into a verdict, with the numbers. What is as old as `silence` is not known any more."""
    if thresholds.mode == "health":
        return Verdict(Outcome.ADVANCE, ("traffic is not judged here: only the replicas' health and the checks decide",))
    if nonsense := _not_numbers(thresholds):
        return Verdict(Outcome.INCONCLUSIVE, (f"these thresholds are not numbers: {', '.join(nonsense)}",))
    return _together(
        (
            *(_weigh(metric, evidence, thresholds, now) for metric in metrics(evidence, thresholds)),
            *_silence(evidence, thresholds, now, silence),
            *_patience(evidence, thresholds, now),
        )
    )


def _together(verdicts: Sequence[Verdict]) -> Verdict:
    """The gravest outcome, and the reasons of all that share it."""
    outcome = worst(verdicts).outcome
    return Verdict(outcome, tuple(reason for verdict in verdicts if verdict.outcome is outcome for reason in verdict.reasons))


def _not_numbers(thresholds: Thresholds) -> tuple[str, ...]:
    return tuple(name for name in _NAMES if isinstance(value := getattr(thresholds, name), float) and isnan(value))


def _weigh(metric: Metric, evidence: Evidence, thresholds: Thresholds, now: datetime) -> Verdict:
    spans = (metric.whole, *metric.windows)
    if bad := [span for span in spans if metric.standing(span) is Standing.BAD]:
        return Verdict(Outcome.ROLL_BACK, (_bad(metric, max(bad, key=lambda span: span.new.share)),))
    if shared := [span for span in metric.windows if metric.standing(span) is Standing.SHARED]:
        return Verdict(Outcome.INCONCLUSIVE, (_shared(metric, shared[0]),))
    good = _good_news(metric)
    if good is None:
        return _waiting(evidence, thresholds, now, _unproven(metric))
    if not good.answered >= thresholds.needs:
        return _waiting(
            evidence, thresholds, now, f"{metric.name}: {good.answered} requests answered {good.words}, needs {thresholds.needs}"
        )
    return Verdict(Outcome.ADVANCE, (f"{metric.name}: {good.new} {good.words}, tolerated {percent(metric.tolerated)}",))


def _good_news(metric: Metric) -> Compared | None:
    """The span that speaks for the release, if one does.

    A bad spell that the old release shared is forgiven once the last minute is good, and has requests enough of its own.
    """
    if metric.standing(metric.whole) is Standing.GOOD:
        return metric.whole
    minute = metric.windows[-1]
    if metric.no_worse(metric.whole) and metric.standing(minute) is Standing.GOOD:
        return minute
    return None


def _silence(evidence: Evidence, thresholds: Thresholds, now: datetime, silence: timedelta) -> tuple[Verdict, ...]:
    """Objections to missing data and missing traffic."""
    if unheard := [text for arm, role in _arms(evidence) if (text := _unheard(arm, role, evidence, now, silence))]:
        just_begun = now - evidence.since < silence
        return (Verdict(Outcome.CONTINUE if just_begun else Outcome.INCONCLUSIVE, tuple(unheard)),)
    if evidence.new is None or evidence.polled is None or evidence.new.answered is None:
        return (_waiting(evidence, thresholds, now, "the new release has not answered a request well yet"),)
    pause = evidence.polled - evidence.new.answered
    due = _per_second(evidence.new, evidence.since) * pause.total_seconds()
    if pause >= NO_TRAFFIC or (pause >= SILENCE and due >= MISSED):
        return (Verdict(Outcome.INCONCLUSIVE, (f"the new release answered no request well for {_seconds(pause)}",)),)
    return ()


def _arms(evidence: Evidence) -> tuple[tuple[Arm | None, str], ...]:
    new = (evidence.new, "new")
    return (new,) if evidence.old is None else (new, (evidence.old, "old"))


def _unheard(arm: Arm | None, role: str, evidence: Evidence, now: datetime, silence: timedelta) -> str | None:
    if arm is None or arm.heard is None:
        return f"the {role} release has not been measured since {evidence.since:%H:%M:%S}"
    quiet = now - arm.heard
    return f"the {role} release has not been measured for {_seconds(quiet)}" if quiet >= silence else None


def _per_second(arm: Arm, since: datetime) -> float:
    assert arm.answered is not None
    return arm.total.good / max(1.0, (arm.answered - since).total_seconds())


def _patience(evidence: Evidence, thresholds: Thresholds, now: datetime) -> tuple[Verdict, ...]:
    """Good news takes some time."""
    elapsed = (now - evidence.since).total_seconds()
    if elapsed >= thresholds.min_time:
        return ()
    return (Verdict(Outcome.CONTINUE, (f"watched for {elapsed:.0f} s, at least {thresholds.min_time:g} s",)),)


def _waiting(evidence: Evidence, thresholds: Thresholds, now: datetime, reason: str) -> Verdict:
    """Not enough yet: wait for more, but not for ever."""
    if (now - evidence.since).total_seconds() < thresholds.max_wait:
        return Verdict(Outcome.CONTINUE, (reason,))
    return Verdict(Outcome.INCONCLUSIVE, (f"{reason}, and the {thresholds.max_wait:g} s to wait are over",))


def _bad(metric: Metric, span: Compared) -> str:
    text = f"{metric.name}: {span.new} {span.words}, over the tolerated {percent(metric.tolerated)}"
    return text if span.old is None or not span.old.tried else f"{text} and {metric.times_baseline:g} times the old release's {span.old}"


def _shared(metric: Metric, span: Compared) -> str:
    return (
        f"{metric.name}: {span.new} {span.words}, over the tolerated {percent(metric.tolerated)}, but not over "
        f"{metric.times_baseline:g} times the old release's {span.old}: a common cause, which says nothing of this release"
    )


def _unproven(metric: Metric) -> str:
    span = metric.whole
    if span.answered < metric.fewest:
        return f"{metric.name}: {span.answered} requests measured {span.words}, needs {metric.fewest}"
    return f"{metric.name}: {span.new} {span.words}, not within the tolerated {percent(metric.tolerated)}, which may still be chance"


def _seconds(span: timedelta) -> str:
    return f"{span.total_seconds():.0f} s"
