"""What is the next version, and why?

    level = max(commits since the last release of this line, API diff, migrations, a person's explicit word)

then the number by the policy, then the guards: greater than every version that the commit contains, on no tag anywhere, within its line.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from headway.releases.calendar import dated
from headway.releases.history import Change, History, Tag
from headway.releases.levels import Level
from headway.releases.lines import Line
from headway.releases.policy import Policy
from headway.releases.unreleased import Unreleased, Word, unreleased
from headway.releases.version import Version, channel, step, version

MOST_COMMITS = 20


@dataclass(frozen=True, slots=True)
class Reason:
    """Something that asks for a level: a commit, a symbol, a migration, a person, a tag, the policy."""

    level: Level
    kind: str
    what: str
    where: str


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer. `next` is None when there is nothing to release, and when a guard refused it."""

    current: Version | None
    next: Version | None
    level: Level
    because: tuple[Reason, ...]
    refused: str | None = None
    notes: tuple[str, ...] = ()
    """How it was come by, in the order of the decision, for `--explain`."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a person wants to know: the next stable version, or the next pre-release of a channel, on a line."""

    channel: str | None = None
    line: Line | None = None


def decide(history: History, policy: Policy, today: date, asked: Asked | None = None, findings: Sequence[Reason] = ()) -> Decision:
    """The next version of this history. Findings are what the API diff and the migrations say."""
    asked = asked or Asked()
    weighed = unreleased(history.changes, policy, history.inside, history.absent)
    last = history.last.version if history.last else None
    because = _because(weighed, findings, policy, last)
    level = max((reason.level for reason in because), default=Level.NONE)
    notes = (*_told(history, weighed, asked), *weighed.notes)
    started = Decision(_shown(last), None, level, because, notes=notes)
    if weighed.word is not None and _level_word(weighed.word) is None and version(_bare(weighed.word)) is None:
        return _refuse(started, f"{_by(weighed.word)} is no version; expected MAJOR.MINOR.PATCH, such as Release-As: 2.0.0")
    stable = _stable(started, history, policy, weighed, today)
    decided = stable
    if stable.next is not None and asked.channel is not None:
        decided = _candidate(stable, stable.next, history, policy, asked.channel)
    return _guarded(decided, history, asked.line)


def _because(weighed: Unreleased, findings: Sequence[Reason], policy: Policy, last: Version | None) -> tuple[Reason, ...]:
    """The findings, and the commits of the level that commits ask for; many commits are counted, not listed."""
    heaviest = max((one.level for one in weighed.counted), default=Level.NONE)
    deciding = [one for one in weighed.counted if one.level is heaviest]
    counts = policy.weighs(heaviest, last)
    eased = f"; while the version is 0.x, that counts as {counts.value}" if counts is not heaviest else ""
    listed = [Reason(counts, "commit", one.what + eased, one.id) for one in deciding[:MOST_COMMITS]]
    if more := len(deciding) - len(listed):
        listed.append(Reason(counts, "commit", f"and {more} more commits that ask for the same", f"up to {deciding[-1].id}"))
    found = [replace(finding, level=policy.weighs(finding.level, last)) for finding in findings]
    # A person who says major on 0.x means 1.0.0: the policy eases what changes ask for, not what people say.
    level = _level_word(weighed.word) if weighed.word else None
    said = [Reason(level, "person", f"Release-As: {weighed.word.said}", weighed.word.commit)] if weighed.word and level else []
    return tuple(sorted((*found, *listed, *said), key=lambda reason: reason.level, reverse=True))


def _stable(started: Decision, history: History, policy: Policy, weighed: Unreleased, today: date) -> Decision:
    """The next stable version: by level or calendar, and never below what a tag or a person has already named."""
    last = history.last.version.core if history.last else None
    if last is None:
        decided = _first(started, history, policy, today)
    elif started.level is Level.NONE:
        decided = started
    else:
        raised = dated(policy.calendar, last, today, started.level) if policy.calendar else last.raised(started.level)
        decided = replace(started, next=raised)
    decided = _beyond(_on_its_way(decided, history, last), history)
    return _as_said(decided, weighed.word, last)


def _first(started: Decision, history: History, policy: Policy, today: date) -> Decision:
    if not history.changes:
        return replace(started, level=Level.NONE, because=())
    first = dated(policy.calendar, None, today, Level.MINOR) if policy.calendar else policy.first
    level = max(step(Version(0, 0, 0), first), Level.PATCH)
    # Nobody has used anything yet, so nothing can have been broken: what the commits say is not what decides.
    said = Reason(level, "policy", f"nothing was released before; the first version is {first}", "versions.first")
    return replace(started, next=first, level=level, because=(said,))


def _on_its_way(decided: Decision, history: History, last: Version | None) -> Decision:
    """A pre-release that was tagged after the last release says where the line is going; the next version is not below that."""
    ahead = [tag for tag in history.reachable if not tag.version.stable and (last is None or tag.version.core > last)]
    # One that the last release already contains was given up by that release; the guards deal with it.
    since = {change.id for change in history.changes} if ahead else set()
    ahead = [tag for tag in ahead if tag.commit in since or tag.commit in history.inside]
    greatest = max(ahead, key=lambda tag: tag.version, default=None)
    if greatest is None or (decided.next is not None and decided.next >= greatest.version.core):
        return decided
    core = greatest.version.core
    level = max(step(last or Version(0, 0, 0), core), decided.level)
    said = Reason(level, "tag", f"{greatest.name} was made after the last release, on the way to {core}", greatest.commit)
    return replace(decided, next=core, level=level, because=(said, *decided.because))


def _beyond(decided: Decision, history: History) -> Decision:
    """A hotfix that was picked is in here, though git does not say so: the next version is greater than its."""
    wanted = decided.next
    same = [tag for tag in history.carried if wanted is not None and tag.version.stable and tag.version.core >= wanted]
    near = [tag for tag in same if wanted is not None and (tag.version.major, tag.version.minor) == (wanted.major, wanted.minor)]
    if not near:
        return decided
    greatest = max(near, key=lambda tag: tag.version)
    said = Reason(Level.PATCH, "hotfix", f"{greatest.name} is released, and its change is in here, picked", greatest.commit)
    return replace(decided, next=greatest.version.raised(Level.PATCH), because=(*decided.because, said))


def _as_said(decided: Decision, word: Word | None, last: Version | None) -> Decision:
    """A person may ask for more than the changes do, never for less."""
    named = version(_bare(word)) if word else None
    if word is None or named is None:
        return decided
    if decided.next is not None and named <= decided.next and last is not None:
        if named == decided.next:
            return replace(decided, because=(Reason(decided.level, "person", f"Release-As: {word.said}", word.commit), *decided.because))
        return replace(
            decided, notes=(*decided.notes, f"{_by(word)} is below what the changes ask for, {decided.next}: the greater counts")
        )
    if last is not None and named <= last:
        return replace(decided, next=named)  # the guards say why not
    if last is None:
        decided = replace(decided, because=())  # the policy's first version has nothing to say then
    level = max(step(last or Version(0, 0, 0), named.core), decided.level, Level.PATCH)
    said = Reason(level, "person", f"Release-As: {word.said}", word.commit)
    return replace(decided, next=replace(named, build=""), level=level, because=(said, *decided.because))


def _candidate(stable: Decision, core: Version, history: History, policy: Policy, name: str) -> Decision:
    """The next pre-release on the way to this version; none if nothing has come since the one before."""
    if not core.stable:
        return stable  # a person has named a pre-release
    counted = [
        (found[1], tag) for tag in history.tags if tag.version.core == core and (found := channel(tag.version.pre)) and found[0] == name
    ]
    there = {tag.name for tag in history.reachable}
    before = max(((number, tag) for number, tag in counted if tag.name in there), key=lambda one: one[0], default=None)
    if before is not None and not _news(history, before[1], policy):
        note = f"nothing to release has come since {before[1].name}"
        return replace(stable, next=None, level=Level.NONE, because=(), notes=(*stable.notes, note))
    number = max((number for number, _ in counted), default=0) + 1
    return replace(stable, next=core.candidate(name, number))


def _news(history: History, since: Tag, policy: Policy) -> bool:
    """Whether anything that counts has come after this tag; what is in it is released, as far as a revert is concerned."""
    parents = {**history.inside, **{change.id: change.parents for change in history.changes}}
    old: set[str] = set()
    ahead = [since.commit]
    while ahead:
        commit = ahead.pop()
        if commit not in old and commit in parents:
            old.add(commit)
            ahead.extend(parents[commit].split())
    new: tuple[Change, ...] = tuple(change for change in history.changes if change.id not in old)
    return bool(unreleased(new, policy, history.inside, history.absent).counted)


def _guarded(decided: Decision, history: History, line: Line | None) -> Decision:
    """Refuse a version that is not greater, not new, or not of its line. Gravest first."""
    wanted = decided.next
    if wanted is None or decided.refused is not None:
        return decided
    if history.last is not None and wanted <= history.last.version:
        return _refuse(decided, f"{wanted} is not greater than {history.last.name}, which is released")
    greater = max((tag for tag in history.reachable if tag.version >= wanted), key=lambda tag: tag.version, default=None)
    if greater is not None:
        return _refuse(decided, f"{wanted} is not greater than {greater.name}, which this commit contains ({greater.commit[:10]})")
    if line is not None and not line.fits(wanted):
        return _refuse(decided, f"{wanted} does not fit the line {line}; {_heaviest(decided)} asks for {decided.level.value}")
    taken = next((tag for tag in history.tags if tag.version == wanted), None)
    if taken is not None:
        return _refuse(decided, f"{taken.name} exists already, at {taken.commit[:10]}, which is not in the history of this commit")
    return decided


def _heaviest(decided: Decision) -> str:
    return f'"{decided.because[0].what}" ({decided.because[0].where[:10]})' if decided.because else "what has changed"


def _refuse(decided: Decision, why: str) -> Decision:
    return replace(decided, next=None, refused=why)


def _told(history: History, weighed: Unreleased, asked: Asked) -> tuple[str, ...]:
    """The beginning of the tree: what was looked at."""
    line = f" of the line {asked.line}" if asked.line else ""
    last = f"the last release{line} is {history.last.name}" if history.last else f"there is no release{line} yet"
    counted = f"{len(history.changes)} commits since, {len(weighed.counted)} of them ask for a version"
    return last, counted, *(f"{commit[:10]} does not count: {why}" for commit, why in list(weighed.left_out.items())[:MOST_COMMITS])


def _shown(last: Version | None) -> Version | None:
    return replace(last, build="") if last is not None else None


def _bare(word: Word) -> str:
    return word.said.removeprefix("v")


def _level_word(word: Word) -> Level | None:
    """A person may name a level instead of a version."""
    return next((level for level in (Level.MAJOR, Level.MINOR, Level.PATCH) if level.value == word.said.lower()), None)


def _by(word: Word) -> str:
    return f"Release-As: {word.said} ({word.commit[:10]})"
