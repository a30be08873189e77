"""What people may ask of a release besides cutting it: what it brings, where it came from, a candidate made stable."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from headway.engine.commands import Commands
from headway.engine.cutting import Cut, Tagging, may_tag, tagged
from headway.engine.numbering import is_label, known
from headway.engine.views import View, release_view
from headway.errors import Refused
from headway.ports import Event, World
from headway.releases import changelog
from headway.releases.changelog import Entry
from headway.releases.history import History
from headway.releases.lines import line_of_branch, naming
from headway.releases.model import Release
from headway.releases.tagging import ReleaseTag
from headway.releases.version import version

MANY = 1000
AUDIENCES = ("users", "developers", "operators")


class Releasing:
    """The verbs of notes, changelog, provenance and stable releases, beside those of Commands."""

    def __init__(self, world: World, commands: Commands) -> None:
        self._world = world
        self._commands = commands

    def verbs(self) -> dict[str, Callable[..., View]]:
        """By name, as surfaces call them."""
        return {"notes": self.notes, "changelog": self.changelog, "provenance": self.provenance, "stable": self.stable}

    def notes(self, release: str, audience: str = "users") -> View:
        """What a release brings since the last one of its line, for one audience."""
        if audience not in AUDIENCES:
            raise Refused(f"there are no notes for {audience}", (f"they are for {', '.join(AUDIENCES)}",))
        found = self._release(release)
        past, entries = self._entries(found)
        return {
            "release": found.name,
            "since": past.last.name if past.last else None,
            "audience": audience,
            "entries": [_entry_view(one) for one in entries],
            "text": changelog.notes(entries, audience),
        }

    def changelog(self, release: str | None = None, old: str | None = None, service: str | None = None) -> View:
        """The changelog with a section for this release (the newest, if none is named); `old` is the file as it stands, edits and all."""
        found = self._release(release) if release else self._newest(service)
        folder = self._world.pipelines.versions(found.service).folders.get(found.service, "")
        path = f"{folder}/CHANGELOG.md" if folder else "CHANGELOG.md"
        if old is None:
            old = self._world.repositories[found.service].read(found.commit, path) or ""
        _, entries = self._entries(found)
        text = changelog.release(old, found.version, found.cut_at.date(), entries)
        return {"release": found.name, "path": path, "changed": text != old, "text": text}

    def provenance(self, release: str) -> View:
        """Where the artifact came from: an in-toto statement, as it was recorded when the release was cut."""
        found = self._release(release)
        told = [one.event.data for one in self._world.records.events(f"release:{found.name}") if one.event.what in {"cut", "became stable"}]
        statement = next((data["provenance"] for data in told if "provenance" in data), None)
        if statement is None:
            taken = any(data.get("taken") for data in told)
            why = "it was built elsewhere; whoever built it can tell" if taken else "it was cut before Headway kept this"
            raise Refused(f"there is no provenance of {found.name}", (why,))
        return {"release": found.name, "digest": found.digest, "statement": statement}

    def stable(self, release: str, by: str, tag: bool = False, sign: bool = False) -> View:
        """A candidate becomes the release that it is a candidate of: the same artifact, the same commit, nothing is built."""
        candidate = self._release(release)
        of = version(candidate.version)
        core = str(of.core) if of is not None else candidate.version
        name = f"{candidate.service}@{core}"
        there = self._world.releases.get(name)
        if against := self._objections(candidate, core, there):
            raise Refused(f"{candidate.name} does not become {core}", against)
        tagging = Tagging(sign) if tag or sign else None
        if tagging is not None:
            may_tag(self._world, candidate.service, core, candidate.ref, ReleaseTag("", candidate.commit, signed=sign))
        if there is None:
            now = self._world.clock.now()
            there = replace(candidate, version=core, cut_by=by, cut_at=now)
            self._world.releases.add(there, (self._became(candidate, there, by),))
            made = Cut(there, (f"the artifact and the commit of {candidate.name}; nothing was built",), new=True)
        else:
            made = Cut(there, ("it became stable before",), new=False)
        made = tagged(self._world, made, by, tagging)
        return {
            **release_view(made.release),
            "candidate": candidate.name,
            "evidence": list(made.evidence),
            "new": made.new,
            "tag": made.tag,
        }

    # -- small parts

    def _objections(self, candidate: Release, core: str, there: Release | None) -> Sequence[str]:
        """Everything that speaks against it, at once."""
        if core == candidate.version:
            return (f"{core} is stable already",)
        if is_label(candidate.version, candidate.ref):
            return (f"it is what the branch {candidate.ref} calls its builds, and no candidate; cut one, such as {core}-rc.1",)
        if there is not None and (there.digest, there.commit) != (candidate.digest, candidate.commit):
            return (
                f"{there.name} exists: {there.digest} from {there.commit[:10]}; this is {candidate.digest} from {candidate.commit[:10]}",
            )
        against = [f"it was withdrawn: {candidate.withdrawn}"] if candidate.withdrawn is not None else []
        quarantined = [one for one in self._world.words.quarantines(candidate.service) if one.release == candidate.name]
        against += [f"it is quarantined since {one.environment}: {'; '.join(one.why)}" for one in quarantined]
        if there is not None:
            return against
        past = self._past(candidate)
        greater = [tag for tag in past.tags if tag.version.stable and str(tag.version) == core and tag.commit != candidate.commit]
        against += [f"{tag.name} exists already, at {tag.commit[:10]}" for tag in greater[:1]]
        wanted = version(core)
        if past.last is not None and wanted is not None and past.last.version > wanted:
            against.append(f"{core} is not greater than {past.last.name}, which this commit contains")
        return against

    def _became(self, candidate: Release, stable: Release, by: str) -> Event:
        before = self._world.records.events(f"release:{candidate.name}")
        told = next((one.event.data for one in before if one.event.what == "cut"), {})
        kept = {key: told[key] for key in ("provenance", "taken") if key in told}
        data = {"candidate": candidate.name, "commit": stable.commit, "digest": stable.digest, **kept}
        return Event(stable.cut_at, by, "became stable", (f"it is {candidate.name}: the same artifact, the same commit",), data)

    def _past(self, release: Release, *, before: bool = False) -> History:
        """The release's past; with `before`, as it was before this version."""
        policy = self._world.pipelines.versions(release.service)
        folder = policy.folders.get(release.service, "")
        named = naming(folder, None if folder else policy.tag)
        also = known([one for one in self._world.releases.all(release.service, most=MANY) if one.name != release.name])
        below = version(release.version)
        if before and below is not None:
            named, also = replace(named, below=below), tuple(tag for tag in also if tag.version < below)
        return self._world.repositories[release.service].history(release.commit, named, line_of_branch(release.ref), also, folder)

    def _entries(self, release: Release) -> tuple[History, Sequence[Entry]]:
        past = self._past(release, before=True)
        policy = self._world.pipelines.versions(release.service)
        return past, changelog.entries(past.changes, policy, past.inside, past.absent)

    def _release(self, name: str) -> Release:
        found = self._world.releases.get(str(self._commands.release(name)["release"]))
        assert found is not None, "it was there a moment ago"
        return found

    def _newest(self, service: str | None) -> Release:
        """The newest release, leaving out what branches call their builds."""
        found = self._world.releases.all(service, most=MANY)
        if service is None and len({one.service for one in found}) > 1:
            raise Refused("say which release, or --service", sorted({one.service for one in found}))
        newest = next((one for one in found if not is_label(one.version, one.ref)), None)
        if newest is None:
            raise Refused("there is no release yet", ("do: headway release cut",))
        return newest


def _entry_view(entry: Entry) -> View:
    return {
        "section": entry.section,
        "text": entry.text,
        "commit": entry.commit,
        "breaking": list(entry.breaking),
        "scope": entry.scope,
        "type": entry.type,
    }
