"""Which version does a release get that nobody named?

On the trunk (a branch that a stage is merged to, the protected one if none is named, or a maintenance line): the next version, decided as
`headway version next` does; the releases on record count as tags do. What has nothing to release still gets a number that is nobody else's,
below the next version. On every other branch: a pre-release of the next version, counted by branch, `1.4.0-feature-x.3`. It is a label for
people and says what the branch would become; it is never a tag, so it does not decide what comes next.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from headway.errors import Refused, Unavailable
from headway.ports import Commit, World
from headway.releases.decision import Asked, Decision, decide
from headway.releases.history import History, Tag
from headway.releases.levels import Level
from headway.releases.lines import Line, Naming, line_of_branch, naming
from headway.releases.model import Release
from headway.releases.policy import Policy
from headway.releases.version import Version, channel, version
from headway.trains.model import Hotfix

_MOST = 1000


def automatic_version(world: World, service: str, commit: Commit, ref: str) -> str:
    """The version for this commit of this branch or tag; asking again gives the same one."""
    if (named := _tagged(world, service, ref)) is not None:
        return str(named)
    if said := commit.trailers.get("release-as"):
        return _as_said(world, service, commit, ref, said.removeprefix("v"))
    released = world.releases.all(service, most=_MOST)
    before = next((one for one in released if one.commit == commit.id and one.ref == ref), None)
    if before is not None:
        return before.version
    line = line_of_branch(ref)
    trunk = line is not None or _on_trunk(world, service, commit, ref)
    policy = world.pipelines.versions(service)
    history = _history(world, service, commit, line, policy, released)
    if not trunk:
        # A branch's number is a label: it is not worth comparing interfaces, and code that cannot be read yet is no obstacle.
        return str(_branched(decide(history, policy, world.clock.now().date()), released, ref))
    if history.last is not None and history.last.commit == commit.id:
        # Cut under another name of the commit, or tagged by hand before Headway was asked: that is its version.
        return str(history.last.version)
    decided = _decided(world, service, history, policy, Asked(line=line))
    return str(decided.next) if decided.next else f"{_patch(decided)}-{_channel(ref)}.g{commit.id[:10]}"


def candidate_version(world: World, service: str, commit: Commit, ref: str, pre: str) -> str:
    """The next candidate of this channel for this commit, `1.4.0-rc.2`; asking again gives the same one."""
    released = world.releases.all(service, most=_MOST)
    for one in released:
        of = version(one.version)
        if one.commit == commit.id and of is not None and (found := channel(of.pre)) and found[0] == pre and not is_label(one.version, ref):
            return one.version
    line = line_of_branch(ref)
    policy = world.pipelines.versions(service)
    history = _history(world, service, commit, line, policy, released)
    if history.last is not None and history.last.commit == commit.id:
        raise Refused(f"{service} at {commit.id[:10]} gets no candidate", (f"it is released already, as {history.last.version}",))
    decided = _decided(world, service, history, policy, Asked(pre, line))
    if decided.next is None:
        raise Refused(f"{service} at {commit.id[:10]} gets no candidate", (decided.notes[-1] if decided.notes else "nothing to release",))
    return str(decided.next)


def _tagged(world: World, service: str, ref: str) -> Version | None:
    """What the tag says, where it is named like a version of this service; a person who tags has decided."""
    if not ref.startswith("refs/tags/"):
        return None
    return _naming(service, world.pipelines.versions(service)).version(ref.removeprefix("refs/tags/"))


def _naming(service: str, policy: Policy) -> Naming:
    folder = policy.folders.get(service, "")
    return naming(folder, None if folder else policy.tag)


def _history(world: World, service: str, commit: Commit, line: Line | None, policy: Policy, released: Sequence[Release]) -> History:
    folder = policy.folders.get(service, "")
    named = _naming(service, policy)
    history = world.repositories[service].history(commit.id, named, line, known(released), folder)
    return replace(history, carried=tuple(_picked(world, service, commit.id)))


def _picked(world: World, service: str, commit: str) -> Iterator[Tag]:
    """The hotfixes that this commit has by a pick."""
    for kept in world.trains.hotfixes(service):
        hotfix = kept.train
        of = version(hotfix.release.rpartition("@")[2]) if isinstance(hotfix, Hotfix) and hotfix.release else None
        if not isinstance(hotfix, Hotfix) or hotfix.release is None or of is None:
            continue
        for line in hotfix.lines:
            if line.picked and line.done and world.repositories[service].contains(commit, line.done):
                yield Tag(hotfix.release, line.done, of)
                break


def _decided(world: World, service: str, history: History, policy: Policy, asked: Asked) -> Decision:
    """The decision; Refused if there is none, or if a guard says no."""
    nothing, today = f"{service} at {history.head[:10]} gets no version", world.clock.now().date()
    try:
        asks = world.repositories[service].compared(history.last.commit, history.head, policy, today) if history.last else ()
    except Unavailable as error:
        raise Refused(nothing, (f"undecided: {error}",)) from error
    decided = decide(history, policy, today, asked, asks)
    if decided.refused is not None:
        raise Refused(nothing, (decided.refused, "or name one: headway release cut --version"))
    return decided


def slug(ref: str) -> str:
    """A branch's name as a part of a version."""
    return re.sub(r"[^0-9A-Za-z]+", "-", ref.removeprefix("refs/tags/")).strip("-") or "commit"


def _as_said(world: World, service: str, commit: Commit, ref: str, said: str) -> str:
    """Exactly what the commit says; another commit that says the same gets a pre-release of it."""
    found = version(said)
    if found is None:
        raise Refused(f"{commit.id[:10]} says Release-As: {said}", ("expected MAJOR.MINOR.PATCH, such as 1.4.0 or 2.0.0-rc.1",))
    taken = world.releases.get(f"{service}@{said}")
    if taken is None or taken.commit == commit.id:
        return said
    return f"{said}{'.' if found.pre else '-'}{slug(ref)}.g{commit.id[:10]}"


def _on_trunk(world: World, service: str, commit: Commit, ref: str) -> bool:
    """Whether the branch is one that a stage is merged to or, without a branch, the commit lies on one.

    Where no stage names one, everything is cut by hand, and the trunk is the protected branch.
    """
    named = [stage.trigger.merge for stage in world.pipelines.stages(service) if stage.trigger.merge]
    trunks = named or [world.pipelines.repository(service).branch]
    if ref in trunks:
        return True
    repository = world.repositories[service]
    heads = repository.refs()
    return ref not in heads and any(trunk in heads and repository.contains(heads[trunk], commit.id) for trunk in trunks)


def known(released: Sequence[Release]) -> tuple[Tag, ...]:
    """The releases on record, as tags; but for those that were only a branch's label."""
    found = ((one, version(one.version)) for one in released)
    return tuple(Tag(one.name, one.commit, of) for one, of in found if of is not None and not is_label(one.version, one.ref))


def is_label(wanted: str, ref: str) -> bool:
    """Whether a version is only what a branch calls its builds, and no candidate of anything."""
    of = version(wanted)
    return of is not None and bool(of.pre) and of.pre[0] == _channel(ref)


def _branched(decided: Decision, released: Sequence[Release], ref: str) -> Version:
    core = decided.next.core if decided.next else _patch(decided)
    name = _channel(ref)
    counted = [channel(of.pre) for one in released if (of := version(one.version)) is not None and of.core == core and of.pre]
    return core.candidate(name, max((found[1] for found in counted if found and found[0] == name), default=0) + 1)


def _channel(ref: str) -> str:
    # A name of digits alone would be a number in a version, and could not be counted.
    return f"branch-{slug(ref)}" if slug(ref).isdigit() else slug(ref)


def _patch(decided: Decision) -> Version:
    return decided.current.core.raised(Level.PATCH) if decided.current else Version(0, 1, 0)
