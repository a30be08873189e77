"""How much could go wrong? Points for what is known to go wrong, each with its reason; no model, nothing hidden.

What nobody could find out counts as if it were bad: not knowing how large a change is makes it no smaller.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from headway.promotion.model import Risk, Stage

MEDIUM, HIGH = 4, 8
"""Points from which a change is of that risk."""
MOST_NAMED = 3


@dataclass(frozen=True, slots=True)
class Change:
    """What a release changes against what is live. None: nobody could tell."""

    kind: str = ""
    commits: int | None = None
    lines: int | None = None
    files: tuple[str, ...] = ()
    breaking: tuple[str, ...] = ()
    features: int = 0
    irreversible: tuple[str, ...] = ()
    """Migrations without a way back."""
    settings: tuple[str, ...] = ()
    """Settings that change, by name."""
    failures: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Releases that were rolled back lately, each with those of these files that it changed."""


@dataclass(frozen=True, slots=True)
class _Points:
    points: int
    why: str


def assess(change: Change, stage: Stage, now: datetime, zone: str = "UTC") -> Risk:
    """The level, the score and every reason, gravest first. Reasons without points tell what speaks for it."""
    parts = (*_size(change), *_kind(change), *_data(change), *_failures(change), *_timing(now, zone), *_judge(stage))
    found = sorted(parts, key=lambda part: -part.points)
    score = sum(part.points for part in found)
    level = "high" if score >= HIGH else "medium" if score >= MEDIUM else "low"
    return Risk(level, score, tuple(f"{part.why} (+{part.points})" if part.points else part.why for part in found))


def _size(change: Change) -> Iterator[_Points]:
    if change.lines is None or change.commits is None:
        yield _Points(3, "how much it changes is not known")
        return
    points = sum(change.lines > most for most in (50, 200, 1000)) + (change.commits > 20)
    yield _Points(points, f"{change.commits} commits change {change.lines} lines in {len(change.files)} files")


def _kind(change: Change) -> Iterator[_Points]:
    if change.breaking:
        yield _Points(3, f"it breaks what users rely on: {_some(change.breaking)}")
    elif change.kind == "major":
        yield _Points(3, "it is a major release")
    if change.features:
        yield _Points(1, f"it adds features: {change.features}")
    if change.kind == "first":
        yield _Points(1, "nothing ran here before it, so nothing can be gone back to")
    if change.kind == "hotfix":
        yield _Points(1, "it is a hotfix on the shorter path")


def _data(change: Change) -> Iterator[_Points]:
    if change.irreversible:
        yield _Points(4, f"migrations have no way back: {_some(change.irreversible)}")
    if change.settings:
        yield _Points(2 if len(change.settings) > 5 else 1, f"settings change: {_some(change.settings)}")


def _failures(change: Change) -> Iterator[_Points]:
    for release, files in change.failures:
        if files:
            yield _Points(3, f"{release} was rolled back lately and changed the same files: {_some(files)}")


def _timing(now: datetime, zone: str) -> Iterator[_Points]:
    local = now.astimezone(ZoneInfo(zone))
    when = f"{local:%a %H:%M %Z}"
    if local.weekday() >= 5:
        yield _Points(2, f"it is the weekend ({when})")
    elif local.weekday() == 4 and local.hour >= 14:
        yield _Points(2, f"the weekend is near ({when})")
    elif not 7 <= local.hour < 17:
        yield _Points(1, f"few people are at work ({when})")


def _judge(stage: Stage) -> Iterator[_Points]:
    rule = stage.thresholds
    if rule.mode == "health":
        yield _Points(2, "the judge sees replicas and checks only, no traffic")
    else:
        first = min((weight for weight in stage.weights if weight), default=100)
        asks = f"{rule.needs} of its answers: {rule.needs * 100 // first} requests at {first} % of the traffic, within {rule.max_wait:g} s"
        yield _Points(0, f"the judge will see the traffic, and needs {asks}")
    if stage.strategy == "rolling":
        yield _Points(1, "it takes over replica by replica, without a small share first")
    if stage.soak <= 0:
        yield _Points(1, "nobody watches it once it has all the traffic: no soak")


def _some(names: tuple[str, ...]) -> str:
    rest = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {rest} more" if rest > 0 else "")


def kind_of(version: str, live: str | None, *, hotfix: bool = False) -> str:
    """What kind of release this is against what is live: hotfix, first, major, minor, patch or pre-release."""
    if hotfix:
        return "hotfix"
    if "-" in version.partition("+")[0]:
        return "pre-release"
    if live is None:
        return "first"
    new, old = (_numbers(one) for one in (version, live))
    if not new or not old or new[0] != old[0]:
        return "major"
    return "minor" if new[1] != old[1] else "patch"


def _numbers(version: str) -> tuple[int, ...]:
    parts = version.partition("+")[0].partition("-")[0].split(".")
    return tuple(int(part) for part in parts) if len(parts) == 3 and all(part.isdecimal() for part in parts) else ()
