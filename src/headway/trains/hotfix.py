"""What a hotfix may skip, whether it may go out, and which lines still lack it.

A hotfix branches from what is live, not from trunk; it takes the shorter path that the file names, is approved by somebody else at
least once, and is not over before every open line has it.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from headway.promotion.model import Approvals, Objection, Stage
from headway.trains.model import Hotfix, Line

PREFIX = "hotfix/"
"""How the branches of hotfixes are called. The name alone is no right to anything: the record of the hotfix is."""


def shorter(stage: Stage, stages: Sequence[Stage]) -> Stage:
    """The stage as a hotfix meets it: after what is left of the way, and with the yes of somebody else whatever the file says of it."""
    known = {one.environment.name: one for one in stages if one.service == stage.service}
    rule = stage.approvals
    stricter: Approvals = replace(rule, needed=max(1, rule.needed), allow_self=False)
    return replace(stage, after=_after(stage, known, stage.skipped), approvals=stricter)


def _after(stage: Stage, known: dict[str, Stage], skipped: tuple[str, ...]) -> tuple[str, ...]:
    """What remains before a stage when some are left out: where one is, what comes before it counts, so that a gap is never a way in."""
    left: list[str] = []
    for name in stage.after:
        if name not in skipped:
            left.append(name)
        elif name in known:
            left.extend(_after(known[name], known, skipped))
    return tuple(dict.fromkeys(left))


def may_start(service: str, live: str | None, why: str, open_: Sequence[Hotfix]) -> tuple[Objection, ...]:
    """Why no hotfix can begin now."""
    found = []
    if live is None:
        found.append(Objection(f"nothing of {service} is live, so there is nothing to fix; promote a release the long way", "final"))
    if not why.strip():
        found.append(Objection("a hotfix needs a reason: --why"))
    if other := next((one for one in open_ if one.finished is None and one.live == live), None):
        found.append(Objection(f"{other.id} fixes {live} already: headway hotfix status", "final"))
    return tuple(found)


def may_ship(hotfix: Hotfix, head: str, live: str | None, *, descends: bool) -> tuple[Objection, ...]:
    """Why what is on the branch cannot go out."""
    found = []
    if hotfix.finished is not None:
        found.append(Objection(f"{hotfix.id} is finished; start another", "final"))
    if head == hotfix.base:
        found.append(Objection(f"{hotfix.branch} has no commit yet: commit the fix there"))
    if not descends:
        found.append(Objection(f"{hotfix.branch} no longer contains {hotfix.base[:10]}, which is live: it was moved", "final"))
    if live not in {hotfix.live, hotfix.release}:
        found.append(Objection(f"{live or 'nothing'} is live now, no longer {hotfix.live}: start the hotfix from that", "final"))
    return tuple(found)


def next_version(live: str, taken: Sequence[str]) -> str:
    """The next patch of what is live that nobody has: never a `-hotfix` suffix, which sorts below what it fixes."""
    core = live.partition("+")[0].partition("-")[0]
    major, minor, patch = (int(part) for part in core.split("."))
    # A pre-release is fixed by a later one of the same core, which is its release: 1.4.0-rc.1 by 1.4.0.
    number = patch if "-" in live.partition("+")[0] else patch + 1
    while f"{major}.{minor}.{number}" in taken:
        number += 1
    return f"{major}.{minor}.{number}"


def open_lines(hotfix: Hotfix) -> tuple[Line, ...]:
    """The lines that do not have it yet."""
    return tuple(line for line in hotfix.lines if line.done is None)


def merged(hotfix: Hotfix, branch: str, commit: str) -> Hotfix:
    """The hotfix with that line done."""
    return _line(hotfix, Line(branch, done=commit))


def conflicted(hotfix: Hotfix, branch: str, files: tuple[str, ...]) -> Hotfix:
    """The hotfix with what stands in that line's way."""
    return _line(hotfix, Line(branch, conflict=files))


def closed(hotfix: Hotfix, now: datetime, *, out: bool) -> Hotfix:
    """Over, once it is out and every line has it; as it is, otherwise."""
    if not out or hotfix.release is None or not hotfix.lines or open_lines(hotfix):
        return hotfix
    return replace(hotfix, finished=hotfix.finished or now)


def dropped(hotfix: Hotfix, why: str, now: datetime) -> Hotfix:
    """Given up: nobody waits for it any more."""
    return replace(hotfix, finished=hotfix.finished or now, dropped=why.strip())


def _line(hotfix: Hotfix, line: Line) -> Hotfix:
    kept = tuple(line if one.branch == line.branch else one for one in hotfix.lines)
    return replace(hotfix, lines=kept if any(one.branch == line.branch for one in kept) else (*kept, line))
