"""What no repository may ask less of than the server's policies: a floor under a stage.

A stage on a floor asks at least what the floor asks and at least what its own file asks, whichever is more. What cannot be raised by
taking the stricter of two numbers (how a release takes over, what it must have passed before) is only ever compared: `short_of` names
it, and whoever reads the file refuses it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from headway.analysis.model import Thresholds
from headway.promotion.model import Approvals, Freeze, Gate, Stage
from headway.promotion.people import same_person


@dataclass(frozen=True, slots=True)
class Limits:
    """How a release is judged at least. Rates are shares of 1, times in seconds; None asks nothing."""

    error_rate: float | None = None
    """At most."""
    times_baseline: float | None = None
    """At most."""
    needs: int | None = None
    """At least."""
    min_time: float | None = None
    """At least."""


@dataclass(frozen=True, slots=True)
class Floor:
    """The least that a stage asks of a release. Times in seconds."""

    approvals: Approvals | None = None
    """Asked beside the stage's own: some of its people must be among those who say yes."""
    soak: float = 0.0
    keep_warm: float = 0.0
    replicas: int = 0
    strategies: tuple[str, ...] = ()
    """The only ones; empty: any."""
    limits: Limits | None = None
    checks: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    """Environments that must come before, at once or further up."""
    notify: tuple[str, ...] = ()
    gates: tuple[Gate, ...] = ()
    freezes: tuple[Freeze, ...] = ()
    revoked: tuple[str, ...] = ()
    groups: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Groups by which the floor's own gates go, whatever a repository calls by those names."""


DEMANDED = ("strategy", "after")
"""What a file must say by itself: there is no stricter of two."""


def short_of(stage: Stage, floor: Floor, before: Sequence[str] = ()) -> tuple[str, ...]:
    """The keys in which the stage asks less than the floor. `before` are the environments that a release has passed on its way here."""
    limits, rules = floor.limits, (stage.approvals, *stage.also)
    short = {
        "approvals": floor.approvals is not None and not any(covers(rule, floor.approvals) for rule in rules),
        "soak": not stage.soak >= floor.soak,
        "keep_warm": not stage.keep_warm >= floor.keep_warm,
        "replicas": stage.environment.replicas < floor.replicas,
        "strategy": bool(floor.strategies) and stage.strategy not in floor.strategies,
        "analysis": limits is not None and _laxer(stage.thresholds, limits),
        "checks": not set(floor.checks) <= {*stage.checks, *stage.manual},
        "after": not set(floor.after) <= {*stage.after, *before},
        "notify": not set(floor.notify) <= set(stage.notify),
        "gates": not set(floor.gates) <= set(stage.gates),
        "freezes": any(freeze not in stage.freezes for freeze in floor.freezes),
        "revoked": not set(floor.revoked) <= set(stage.revoked),
        "skips": bool(set(floor.after) & set(stage.skipped)),
    }
    return tuple(key for key, is_short in short.items() if is_short)


def raised(stage: Stage, floor: Floor) -> Stage:
    """The stage, asking for at least what the floor asks, and for nothing less than before."""
    wanted = floor.approvals
    also = (wanted,) if wanted is not None and not any(covers(rule, wanted) for rule in (stage.approvals, *stage.also)) else ()
    return replace(
        stage,
        also=(*stage.also, *also),
        soak=max(stage.soak, floor.soak),
        keep_warm=max(stage.keep_warm, floor.keep_warm),
        environment=replace(stage.environment, replicas=max(stage.environment.replicas, floor.replicas)),
        thresholds=_stricter(stage.thresholds, floor.limits) if floor.limits is not None else stage.thresholds,
        checks=_with(stage.checks, [name for name in floor.checks if name not in stage.manual]),
        notify=_with(stage.notify, floor.notify),
        gates=(*stage.gates, *(gate for gate in floor.gates if gate not in stage.gates)),
        freezes=(*stage.freezes, *(freeze for freeze in floor.freezes if freeze not in stage.freezes)),
        revoked=_with(stage.revoked, floor.revoked),
        skipped=tuple(name for name in stage.skipped if name not in floor.after),
        groups={**stage.groups, **floor.groups},
    )


def covers(rule: Approvals, wanted: Approvals) -> bool:
    """Does whoever satisfies this rule satisfy the other one too?"""
    if wanted.needed <= 0:
        return True
    listed = not wanted.people or (
        bool(rule.people) and all(any(same_person(name, other) for other in wanted.people) for name in rule.people)
    )
    return rule.needed >= wanted.needed and rule.within <= wanted.within and listed and (wanted.allow_self or not rule.allow_self)


def _laxer(given: Thresholds, limits: Limits) -> bool:
    return given.mode != "thresholds" or given != _stricter(given, limits)


def _stricter(given: Thresholds, limits: Limits) -> Thresholds:
    least = max(given.min_time, limits.min_time or 0.0)
    return replace(
        given,
        mode="thresholds",
        error_rate=given.error_rate if limits.error_rate is None else min(given.error_rate, limits.error_rate),
        times_baseline=given.times_baseline if limits.times_baseline is None else min(given.times_baseline, limits.times_baseline),
        needs=max(given.needs, limits.needs or 0),
        min_time=least,
        max_wait=max(given.max_wait, least),  # a verdict must be possible in time
    )


def _with(own: Sequence[str], more: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*own, *more)))
