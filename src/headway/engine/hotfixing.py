"""The verbs of hotfixes: from what is live, out on the shorter path, and forward into every open line."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from headway.engine.callers import identity
from headway.engine.commands import Commands
from headway.engine.cutting import cut
from headway.engine.views import View
from headway.environments.model import Place
from headway.errors import HeadwayError, Refused
from headway.ports import Event, Kept, World
from headway.promotion.stages import ROLLOUT
from headway.releases.lines import line_of_branch
from headway.trains.forward import forward
from headway.trains.hotfix import PREFIX, closed, conflicted, dropped, may_ship, may_start, merged, next_version, open_lines, shorter
from headway.trains.model import ENDED, Hotfix, Line, Train
from headway.trains.timetable import branch_of


class Hotfixing:
    """One hotfix after the other, each open until every line has it."""

    def __init__(self, world: World, commands: Commands) -> None:
        self._world = world
        self._commands = commands

    def verbs(self) -> dict[str, Callable[..., View]]:
        """By name, as surfaces call them."""
        return {
            "hotfix_start": self.start,
            "hotfix_ship": self.ship,
            "hotfixes": self.status,
            "hotfix_finish": self.finish,
            "hotfix_drop": self.drop,
        }

    def start(self, by: str, why: str = "", service: str | None = None, environment: str | None = None) -> View:
        """Branch from what is live."""
        name = self._service(service)
        place = self._place(name, environment)
        record = self._world.records.place(place)
        open_ = [one for one in (_hotfix(kept) for kept in self._kept(name)) if one.finished is None]
        if against := may_start(name, record.live_release, why, open_):
            raise Refused(f"no hotfix of {name} can begin", (one.text for one in against))
        assert record.live is not None
        assert record.live_release is not None
        branch = f"{PREFIX}{record.live.version}-{len(self._kept(name)) + 1}"
        self._world.branches[name].create(branch, record.live.commit)
        now = self._world.clock.now()
        skips = self._world.pipelines.stage(place).skipped
        made = Hotfix(
            branch.removeprefix(PREFIX),
            name,
            branch,
            record.live.commit,
            record.live_release,
            by,
            now,
            why.strip(),
            skips,
            environment=place.environment,
        )
        event = Event(now, by, f"started from {made.live} in {place.environment}", (why,), {"branch": branch, "identity": identity()})
        self._world.trains.save(made, None, (event,))
        return self._view(made, place.environment)

    def ship(self, by: str, service: str | None = None, hotfix: str | None = None, environment: str | None = None) -> View:
        """Cut what is on its branch, and ask for it on the shorter path."""
        kept = self._find(self._service(service), hotfix)
        fix = _hotfix(kept)
        place, repository = self._place(fix.service, environment), self._world.repositories[fix.service]
        head = repository.resolve(fix.branch).id
        live = self._world.records.place(place).live_release
        descends = repository.contains(head, fix.base)
        if against := may_ship(fix, head, live, descends=descends):
            raise Refused(f"{fix.id} cannot go out", (one.text for one in against))
        known = self._world.releases.all(fix.service, most=1000)
        again = next((one for one in known if one.commit == head and one.ref == fix.branch), None)
        version = again.version if again else next_version(fix.live.rpartition("@")[2], [one.version for one in known])
        made = cut(self._world, fix.service, head, by, version=version, ref=fix.branch).release
        now = self._world.clock.now()
        shipped = replace(fix, release=made.name, commit=head, lines=self._lines(fix))
        event = Event(now, by, f"cut as {made.name}", (fix.why,), {"commit": head, "skips": list(fix.skips), "identity": identity()})
        self._world.trains.save(shipped, kept.revision, (event,))
        asked = self._promote(shipped, place, by)
        return {**self._view(shipped, place.environment), "asked": asked}

    def status(self, service: str | None = None) -> View:
        """Every hotfix, and the lines that still lack it. Looks at the branches as they are now."""
        services = [service] if service else list(self._world.pipelines.services())
        return {"hotfixes": [self._view(_hotfix(self._seen(kept)), None) for name in services for kept in self._kept(name)]}

    def finish(self, by: str, service: str | None = None, hotfix: str | None = None) -> View:
        """Merge it forward into every open line; what conflicts stays open, with its files, until a person has merged it."""
        kept = self._seen(self._find(self._service(service), hotfix))
        fix = _hotfix(kept)
        if fix.release is None or fix.commit is None:
            raise Refused(f"{fix.id} has not gone out", (f"headway hotfix ship {fix.id}",))
        now, told = self._world.clock.now(), []
        by_hand: list[str] = []
        commit, release = fix.commit, fix.release
        for line in open_lines(fix):
            try:
                message = f"Merge {fix.id} ({release}) into {line.branch}\n\n{fix.why}"
                outcome = self._world.branches[fix.service].merge(line.branch, commit, by, message)
            except Refused as error:
                by_hand.append(str(error))
                continue
            if outcome.commit is not None:
                fix = merged(fix, line.branch, outcome.commit)
                told.append(Event(now, by, f"merged into {line.branch}", (), {"commit": outcome.commit, "identity": identity()}))
            else:
                fix = conflicted(fix, line.branch, outcome.conflicts)
                told.append(Event(now, by, f"conflicts with {line.branch}", outcome.conflicts))
        fix = closed(fix, now, out=self._out(fix))
        if fix.finished:
            told.append(Event(now, by, "finished: every open line has it"))
        if told:
            self._world.trains.save(fix, kept.revision, told)
        return {**self._view(fix, None), "by_hand": by_hand}

    def drop(self, by: str, why: str, service: str | None = None, hotfix: str | None = None) -> View:
        """Give it up, with a reason: it was not the fix, or another one was. What it left on branches and in places stays."""
        kept = self._find(self._service(service), hotfix)
        fix = _hotfix(kept)
        if not why.strip():
            raise Refused(f"{fix.id} is not given up without a reason", ("--why says it",))
        now = self._world.clock.now()
        given_up = dropped(fix, why, now)
        self._world.trains.save(given_up, kept.revision, (Event(now, by, "given up", (why,), {"identity": identity()}),))
        return self._view(given_up, None)

    # -- small parts

    def _out(self, fix: Hotfix) -> bool:
        """Whether what it made has completed where the broken release was live."""
        release = self._world.releases.get(fix.release) if fix.release else None
        if release is None:
            return False
        passed = self._world.words.passed(release.digest, fix.service)
        return any(one.what == ROLLOUT and one.good and fix.environment in {"", one.environment} for one in passed)

    def _seen(self, kept: Kept) -> Kept:
        """The hotfix with the lines as they are now: what a person merged is done, and a line that came since is open."""
        fix = _hotfix(kept)
        if fix.commit is None or fix.finished is not None:
            return kept
        heads, now = self._world.repositories[fix.service].refs(), self._world.clock.now()
        known = {one.branch: one for one in fix.lines}
        found = tuple(self._line(fix, known.get(one.branch, one), heads.get(one.branch)) for one in self._lines(fix))
        seen = closed(replace(fix, lines=found), now, out=self._out(fix))
        if seen == fix:
            return kept
        done = [one for one in found if one.done and (one.branch not in known or not known[one.branch].done)]
        said = [Event(now, "headway", f"{one.branch} has it{', picked' if one.picked else ''}", (), {"commit": one.done}) for one in done]
        lost = [one.branch for one in found if not one.done and one.branch in known and known[one.branch].done]
        said += [Event(now, "headway", f"{branch} has it no longer") for branch in lost]
        finished = [Event(now, "headway", "finished: every open line has it")] if seen.finished else []
        self._world.trains.save(seen, kept.revision, (*said, *finished) or (Event(now, "headway", "lines changed"),))
        return Kept(seen, kept.revision + 1)

    def _line(self, fix: Hotfix, line: Line, head: str | None) -> Line:
        """The line as it is now: has the fix by a merge, by commits of its own that make the same change, or lacks it."""
        repository = self._world.repositories[fix.service]
        if head is None or fix.commit is None:
            return line
        if repository.contains(head, fix.commit):
            return Line(line.branch, done=head if line.done is None or line.picked else line.done)
        files = [one.path for one in repository.changed(fix.base, fix.commit)]
        ours = repository.landed(fix.base, fix.commit, files)
        there = forward(ours, repository.altogether(fix.base, fix.commit), repository.landed(fix.base, head, files))
        if there.whole:
            return Line(line.branch, done=list(there.carriers.values())[-1], picked=True)
        return Line(line.branch, conflict=line.conflict, lacks=there.lacks if there.carriers else ())

    def _lines(self, fix: Hotfix) -> tuple[Line, ...]:
        """Every open line: trunk, maintenance branches that contain what was fixed, and trains under way. Done ones stay known."""
        repository = self._world.repositories[fix.service]
        heads = repository.refs()
        trunks = {stage.trigger.merge for stage in self._world.pipelines.stages(fix.service) if stage.trigger.merge}
        trunks |= {one.branch for one in self._world.pipelines.trains(fix.service)}
        trains = {
            branch_of(train)
            for train in (kept.train for kept in self._world.trains.trains(fix.service))
            if isinstance(train, Train) and train.state not in ENDED
        }
        maintained = {
            name
            for name, commit in heads.items()
            if not name.startswith("refs/") and line_of_branch(name) is not None and repository.contains(commit, fix.base)
        }
        known = {one.branch: one for one in fix.lines}
        names = [name for name in sorted(trunks | trains | maintained) if name in heads and name != fix.branch]
        return tuple(known.get(name, Line(name)) for name in sorted({*known, *names}))

    def _promote(self, fix: Hotfix, place: Place, by: str) -> list[View]:
        """Into every stage of the shorter path."""
        assert fix.release is not None
        stages = self._world.pipelines.stages(fix.service)
        target = shorter(next(one for one in stages if one.environment.name == place.environment), stages)
        asked: list[View] = []
        for name in (*target.after, place.environment):
            try:
                asked.append(self._commands.promote(fix.release, name, by))
            except HeadwayError as error:
                asked.append({"environment": name, "release": fix.release, "waits": [str(error)], "refused": True})
        return asked

    def _view(self, fix: Hotfix, environment: str | None) -> View:
        return {
            "hotfix": fix.id,
            "service": fix.service,
            "branch": fix.branch,
            "base": fix.base,
            "live": fix.live,
            "why": fix.why,
            "by": fix.by,
            "skips": list(fix.skips),
            "environment": environment,
            "release": fix.release,
            "commit": fix.commit,
            "lines": [
                {"branch": one.branch, "done": one.done, "picked": one.picked, "lacks": list(one.lacks), "conflict": list(one.conflict)}
                for one in fix.lines
            ],
            "open": [one.branch for one in open_lines(fix)],
            "out": self._out(fix),
            "finished": fix.finished.isoformat() if fix.finished else None,
            "dropped": fix.dropped,
        }

    def _place(self, service: str, environment: str | None) -> Place:
        stages = self._world.pipelines.stages(service)
        return Place(service, environment or stages[-1].environment.name)

    def _kept(self, service: str) -> Sequence[Kept]:
        return self._world.trains.hotfixes(service)

    def _find(self, service: str, name: str | None) -> Kept:
        kept = self._kept(service)
        found = [one for one in kept if _hotfix(one).id == name] if name else [one for one in kept if _hotfix(one).finished is None]
        if len(found) != 1:
            known = ", ".join(_hotfix(one).id for one in kept) or "none"
            raise Refused(f"there is no hotfix {name}" if name else f"{len(found)} hotfixes are open; name one", (f"there are: {known}",))
        return found[0]

    def _service(self, service: str | None) -> str:
        services = list(self._world.pipelines.services())
        if service is not None and service in services:
            return service
        if service is not None or len(services) != 1:
            raise Refused("say which service: --service", (f"there are: {', '.join(services) or 'none'}",))
        return services[0]


def _hotfix(kept: Kept) -> Hotfix:
    assert isinstance(kept.train, Hotfix)
    return kept.train
