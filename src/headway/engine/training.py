"""The verbs of trains, and the turn that cuts them, holds them and has them depart."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import assert_never

import structlog

from headway.engine.callers import identity
from headway.engine.candidate import Asked, consider
from headway.engine.commands import Commands
from headway.engine.cutting import cut
from headway.engine.everywhere import timetabled
from headway.engine.facts import questions
from headway.engine.views import View
from headway.environments.model import Place
from headway.errors import HeadwayError, Refused
from headway.ports import Event, Kept, World
from headway.promotion import freezes
from headway.promotion.gates import objections as closed
from headway.promotion.model import Objection
from headway.trains.calendar import icalendar
from headway.trains.departure import Cut, Depart, Eject, Miss, Wait, carried, decide, ended, scheduled
from headway.trains.going import called, go_objections, last_words, rides, void, voided
from headway.trains.hotfix import next_version
from headway.trains.late import aboard, approved, asked, boarded, ejected, find, objections, present, taken_back
from headway.trains.model import ENDED, LateChange, Timetable, Train
from headway.trains.punctuality import punctuality
from headway.trains.timetable import before, branch_of, next_departure

log = structlog.get_logger()
US = "headway"
LATELY = timedelta(days=1)


class Training:
    """Trains by their timetables; a turn does nothing but what `decide` says, and writes it down."""

    def __init__(self, world: World, commands: Commands) -> None:
        self._world = world
        self._commands = commands

    def verbs(self) -> dict[str, Callable[..., View]]:
        """By name, as surfaces call them."""
        return {
            "trains": self.trains,
            "train_cut": self.cut_now,
            "train_board": self.board,
            "train_go": self.go,
            "train_depart": self.depart,
            "train_end": self.end,
            "train_calendar": self.calendar,
        }

    # -- the clock's part

    def look(self) -> int:
        """Schedule what the timetables need, and do what is due; how many trains moved."""
        moved = 0
        for service, timetables in timetabled(self._world):
            try:
                moved += self._look_at(service, {one.name: one for one in timetables})
            except HeadwayError as error:
                log.warning("the trains of this service stand still", service=service, error=str(error))
        return moved

    def _look_at(self, service: str, timetables: dict[str, Timetable]) -> int:
        moved = self._schedule(service, timetables) if timetables else 0
        for kept in self._kept(service) if timetables else ():
            train = _train(kept)
            if train.timetable not in timetables:
                continue
            self._again(timetables[train.timetable], train)
            if train.state not in ENDED:
                moved += self._turn(timetables[train.timetable], kept, self._world.clock.now())
        return moved

    def _again(self, timetable: Timetable, train: Train) -> None:
        """Ask for what the record says was asked for: we may have died between writing it down and asking."""
        if train.release is None or (train.departed is not None and self._world.clock.now() - train.departed > LATELY):
            return
        target = self._world.pipelines.stage(Place(train.service, timetable.to))
        wanted = {"departed": (timetable.to,), "ongoing": target.after, "held": target.after}.get(train.state, ())
        for name in wanted:
            standing = self._world.records.standings(place=Place(train.service, name))
            if not any(one.rollout.release == train.release for one in standing):
                with suppress(HeadwayError):  # what keeps it out of there is shown where it keeps the train
                    self._commands.promote(train.release, name, US, automatic=True)

    def _schedule(self, service: str, timetables: dict[str, Timetable]) -> int:
        now, trains = self._world.clock.now(), [_train(one) for one in self._kept(service)]
        wanted = [train for one in timetables.values() if (train := scheduled(one, trains, now)) is not None]
        if not wanted:
            return 0
        first = min(wanted, key=lambda train: (train.departs, train.timetable))
        told = Event(now, US, "scheduled", (f"departs {first.departs.isoformat()}, is cut {first.cuts.isoformat()}",))
        self._world.trains.save(first, None, (told,))
        return 1

    def _turn(self, timetable: Timetable, kept: Kept, now: datetime) -> int:
        train = _train(kept)
        others = [_train(one) for one in self._kept(train.service)]
        against = self._against(timetable, train, now) if now >= train.departs and train.state != "upcoming" else ()
        move = decide(timetable, train, against, now, others=others)
        match move:
            case Wait():
                return 0
            case Cut():
                self._cut(timetable, kept, US, now)
            case Depart():
                self._depart(timetable, kept, US, now)
            case Eject(commits, why):
                self._eject(timetable, kept, commits, why, now)
            case Miss(state, why):
                self._world.trains.save(ended(train, move, now), kept.revision, (Event(now, US, state, why),))
            case _:
                assert_never(move)
        return 1

    # -- verbs

    def trains(self, service: str | None = None) -> View:
        """The trains, newest first: what rides, what keeps each, and how many left on time."""
        now = self._world.clock.now()
        services = [service] if service else list(self._world.pipelines.services())
        views: list[View] = []
        every: list[Train] = []
        for name in services:
            timetables = {one.name: one for one in self._world.pipelines.trains(name)}
            mine = [_train(one) for one in self._kept(name)]
            every += mine
            views += [self._view(timetables.get(one.timetable), one, now) for one in mine]
        kept = punctuality(every)
        return {
            "trains": views,
            "timetables": [_timetable_view(one, now) for name in services for one in self._world.pipelines.trains(name)],
            "on_time": {
                "rate": kept.rate,
                "on_time": kept.on_time,
                "late": kept.late,
                "missed": kept.missed,
                "carried": kept.carried,
                "reasons": [{"train": train, "why": why} for train, why in kept.reasons],
            },
        }

    def cut_now(self, by: str, service: str | None = None) -> View:
        """Cut the upcoming train now, before its time."""
        name = self._service(service)
        timetables = {one.name: one for one in self._world.pipelines.trains(name)}
        self._schedule(name, timetables)
        kept = self._find(name, "upcoming")
        if ahead := next((one for one in self._kept(name) if _train(one).state in {"ongoing", "held"}), None):
            raise Refused(f"{_train(kept).id} cannot be cut", (f"{_train(ahead).id} is still under way; one at a time",))
        now = self._world.clock.now()
        cut_train = self._cut(timetables[_train(kept).timetable], kept, by, now)
        return self._view(timetables[cut_train.timetable], cut_train, now)

    def board(self, commit: str, by: str, why: str = "", kind: str = "", service: str | None = None) -> View:
        """Ask for a late change (with `kind` and `why`), or say yes to one that was asked for; it boards once nothing is against it."""
        name = self._service(service)
        kept = self._under_way(name)
        train, timetable, now = _train(kept), self._timetable(name, _train(kept).timetable), self._world.clock.now()
        repository = self._world.repositories[name]
        wanted = repository.resolve(commit).id
        there = find(train, wanted)
        if there is not None and there.boarded is not None and kind:  # it rides as what it was agreed to, whatever it is called now
            return {**self._view(timetable, train, now), "waits": [], "boarded": True}
        if there is None or kind:
            if kind not in {"feature", "fix", "blocker"}:
                raise Refused(f"{wanted[:10]} has not been asked for yet", ("ask with --kind feature|fix|blocker and --why",))
            train = asked(train, LateChange(wanted, by, now, why, kind))
            back = taken_back(there, next(one for one in train.late if one.commit == wanted))
            event = Event(now, by, f"asked for {wanted[:10]} to board late", (why, *back), {"kind": kind, "identity": identity()})
        else:
            train = approved(train, wanted, by, now)
            event = Event(now, by, f"said yes to {wanted[:10]} boarding late", (why,) if why else (), {"identity": identity()})
        kept = self._save(train, kept, (event,))
        change = find(train, wanted)
        assert change is not None
        if change.boarded is not None:
            return {**self._view(timetable, train, now), "waits": [], "boarded": True}
        on_trunk = repository.contains(repository.refs()[timetable.branch], wanted)
        revoked = self._world.pipelines.stage(Place(name, timetable.to)).revoked
        if against := objections(timetable, train, change, now, on_trunk=on_trunk, revoked=revoked):
            return {**self._view(timetable, train, now), "waits": [one.text for one in against], "boarded": False}
        train = self._board(timetable, kept, change, by, now)
        return {**self._view(timetable, train, now), "waits": [], "boarded": True}

    def go(self, by: str, go: bool = True, why: str = "", service: str | None = None) -> View:
        """Say go or no-go for the train under way."""
        name = self._service(service)
        kept = self._under_way(name)
        if not go and not why.strip():
            raise Refused("a no-go needs a reason", ("--why says it",))
        now, word = self._world.clock.now(), "go" if go else "no-go"
        timetable = self._timetable(name, _train(kept).timetable)
        train = called(_train(kept), by, now, go, why)
        bound = {"release": train.release, "rides": rides(train), "identity": identity()}
        self._save(train, kept, (Event(now, by, f"said {word}", (why,) if why else (), bound),))
        return self._view(timetable, train, now)

    def depart(self, by: str, service: str | None = None) -> View:
        """Have the train under way depart now, if nothing but the time is against it."""
        name = self._service(service)
        kept = self._under_way(name)
        train, now = _train(kept), self._world.clock.now()
        timetable = self._timetable(name, train.timetable)
        if against := self._against(timetable, train, now, by):
            raise Refused(f"{train.id} cannot depart", (one.text for one in against))
        return self._view(timetable, self._depart(timetable, kept, by, now), now)

    def end(self, state: str, by: str, why: str = "", service: str | None = None) -> View:
        """Hold, slip or cancel the train under way (or the upcoming one), for a reason."""
        name = self._service(service)
        if state not in {"held", "slipped", "cancelled"}:
            raise Refused(f"a train cannot be {state}", ("hold, slip or cancel it",))
        if not why.strip():
            raise Refused("that needs a reason", ("--why says it; it is shown with the on-time rate",))
        kept = self._under_way(name) if state == "held" else self._any(name)
        train, now = ended(_train(kept), Miss(state, (f"{by}: {why}",)), self._world.clock.now()), self._world.clock.now()
        self._save(train, kept, (Event(now, by, state, (why,), {"identity": identity()}),))
        return self._view(self._timetable(name, train.timetable), train, now)

    def calendar(self, service: str | None = None) -> View:
        """The timetable as iCalendar."""
        services = [service] if service else list(self._world.pipelines.services())
        timetables = [one for name in services for one in self._world.pipelines.trains(name)]
        trains = [_train(kept) for name in services for kept in self._kept(name)]
        return {"calendar": icalendar(timetables, trains, self._world.clock.now())}

    # -- deeds

    def _cut(self, timetable: Timetable, kept: Kept, by: str, now: datetime) -> Train:
        """What is on the branch now rides: a branch of the train's own, a release, and the way to the departure begins."""
        train = _train(kept)
        head = self._world.repositories[train.service].resolve(timetable.branch).id
        self._world.branches[train.service].create(branch_of(train), head)
        made = cut(self._world, train.service, head, by, ref=timetable.branch).release
        left_behind = carried(timetable, [_train(one) for one in self._kept(train.service)])
        ongoing = replace(train, state="ongoing", commit=head, release=made.name, carried=left_behind)
        told = Event(now, by, "cut", (f"{timetable.branch} at {head[:10]} rides as {made.name}",), {"commit": head, "release": made.name})
        self._save(ongoing, kept, (told,))
        self._again(timetable, ongoing)
        return ongoing

    def _board(self, timetable: Timetable, kept: Kept, change: LateChange, by: str, now: datetime) -> Train:
        train = _train(kept)
        picked = self._world.branches[train.service].pick(branch_of(train), change.commit, by)
        if picked.commit is None:
            raise Refused(f"{change.commit[:10]} does not fit on {train.id}", (f"it conflicts in {one}" for one in picked.conflicts))
        made = cut(self._world, train.service, picked.commit, by, ref=branch_of(train), version=self._next(train)).release
        riding = boarded(train, change.commit, made.name, now)
        told = Event(now, by, f"{change.commit[:10]} boarded", (change.why,), {"release": made.name, "rides": rides(riding)})
        self._save(riding, kept, (told, *_void_now(train, riding, by, now)))
        self._again(timetable, riding)
        return riding

    def _eject(self, timetable: Timetable, kept: Kept, commits: Sequence[str], why: tuple[str, ...], now: datetime) -> None:
        """What was cut rides again, without what boarded late."""
        train = _train(kept)
        assert train.commit is not None
        made = cut(self._world, train.service, train.commit, US, ref=timetable.branch).release
        left = ejected(train, commits, made.name, "; ".join(why))
        what = f"ejected {', '.join(one[:10] for one in commits)}"
        told = Event(now, US, what, why, {"release": made.name, "rides": rides(left)})
        self._save(left, kept, (told, *_void_now(train, left, US, now)))
        self._again(timetable, left)

    def _depart(self, timetable: Timetable, kept: Kept, by: str, now: datetime) -> Train:
        train = _train(kept)
        assert train.release is not None
        # Written first: if we die before asking, the next look asks.
        left = ended(train, Depart(), now)
        self._save(left, kept, (Event(now, by, f"departed with {train.release} for {timetable.to}"),))
        self._commands.promote(train.release, timetable.to, by, automatic=by == US)
        return left

    def _against(self, timetable: Timetable, train: Train, now: datetime, by: str = US) -> tuple[Objection, ...]:
        """Everything that keeps it from departing, but for the time."""
        if train.release is None:
            return (Objection(f"{train.id} has not been cut"),)
        place = Place(train.service, timetable.to)
        stage = self._world.pipelines.stage(place)
        considered = consider(Asked(train.release, place, by, automatic=by == US), self._world, now)
        open_changes = tuple(
            Objection(f"{one.commit[:10]} was approved to board and has not: {one.why}")
            for one in train.late
            if one.boarded is None and one.ejected is None and one.approved
        )
        phase = present(timetable, train, now)
        gates = replace(stage, gates=phase.gates, checklist=())
        shut = closed(considered.candidate, phase.gates, questions(considered.release, gates, considered.candidate, self._world, now), now)
        refusals = (Objection(text, "final") for text in considered.refusals)
        return (
            *refusals,
            *(Objection(text) for text in considered.waits),
            *go_objections(timetable, train, stage.revoked),
            *shut,
            *open_changes,
        )

    # -- small parts

    def _next(self, train: Train) -> str | None:
        """The version of the same train with one more change; a train that rides as a pre-release gets another of its branch."""
        version = (train.release or "").rpartition("@")[2]
        known = [one.version for one in self._world.releases.all(train.service, most=1000)]
        return None if not version or "-" in version else next_version(version, known)

    def _view(self, timetable: Timetable | None, train: Train, now: datetime) -> View:
        against: tuple[Objection, ...] = ()
        frozen = ""
        if timetable is not None and train.state not in ENDED:
            if train.state != "upcoming":
                against = self._against(timetable, train, now)
            stage = self._world.pipelines.stage(Place(train.service, timetable.to))
            hit = freezes.in_force(stage.freezes, timetable.to, "promote", US, automatic=True, now=train.departs)
            frozen = f"{timetable.to} will be frozen by {hit[0].freeze.name} then, until {hit[0].until.isoformat()}" if hit else ""
        phase = present(timetable, train, now).name if timetable and train.state in {"ongoing", "held"} else None
        return {
            "train": train.id,
            "service": train.service,
            "timetable": train.timetable,
            "state": train.state,
            "cuts": train.cuts.isoformat(),
            "departs": train.departs.isoformat(),
            "departed": train.departed.isoformat() if train.departed else None,
            "phase": phase,
            "release": train.release,
            "commit": train.commit,
            "aboard_late": [one.commit for one in aboard(train)],
            "late": [_late_view(one) for one in train.late],
            "rides": rides(train) if train.release else None,
            "calls": [
                {"by": one.by, "go": one.go, "why": one.why, "release": one.release, "rides": one.rides, "void": void(train, one)}
                for one in last_words(train)
            ],
            "carried": self._carried(timetable, train),
            "objections": [*(one.text for one in against), *([frozen] if frozen else [])],
            "reasons": list(train.reasons),
        }

    def _carried(self, timetable: Timetable | None, train: Train) -> list[str]:
        if timetable is None or train.state != "upcoming":
            return list(train.carried)
        return list(carried(timetable, [_train(one) for one in self._kept(train.service)]))

    def _save(self, train: Train, kept: Kept, events: Sequence[Event]) -> Kept:
        self._world.trains.save(train, kept.revision, events)
        return Kept(train, kept.revision + 1)

    def _kept(self, service: str) -> Sequence[Kept]:
        return self._world.trains.trains(service)

    def _find(self, service: str, *states: str) -> Kept:
        found = next((one for one in self._kept(service) if _train(one).state in states), None)
        if found is None:
            known = ", ".join(one.name for one in self._world.pipelines.trains(service)) or "none; see `trains:` in headway.yaml"
            raise Refused(f"no train of {service} is {' or '.join(states)}", (f"its timetables: {known}",))
        return found

    def _under_way(self, service: str) -> Kept:
        return self._find(service, "ongoing", "held")

    def _any(self, service: str) -> Kept:
        found = next((one for one in self._kept(service) if _train(one).state in {"ongoing", "held"}), None)
        return found or self._find(service, "upcoming")

    def _timetable(self, service: str, name: str) -> Timetable:
        found = next((one for one in self._world.pipelines.trains(service) if one.name == name), None)
        if found is None:
            raise Refused(f"headway.yaml has no train {name} any more", ("cancel what is under way: headway train cancel --why ...",))
        return found

    def _service(self, service: str | None) -> str:
        if service is not None:
            return service
        riding = [name for name in self._world.pipelines.services() if self._world.pipelines.trains(name)]
        if len(riding) != 1:
            raise Refused("say which service: --service", (f"those with trains: {', '.join(riding) or 'none'}",))
        return riding[0]


def _train(kept: Kept) -> Train:
    assert isinstance(kept.train, Train)
    return kept.train


def _void_now(was: Train, after: Train, by: str, now: datetime) -> tuple[Event, ...]:
    return tuple(Event(now, by, f"{name}'s go is void", (why,)) for name, why in voided(was, after))


def _late_view(change: LateChange) -> View:
    return {
        "commit": change.commit,
        "kind": change.kind,
        "by": change.by,
        "why": change.why,
        "approved": [by for by, _ in change.approved],
        "unsaid": list(change.unsaid),
        "boarded": change.boarded.isoformat() if change.boarded else None,
        "ejected": change.ejected,
    }


def _timetable_view(timetable: Timetable, now: datetime) -> View:
    departs = next_departure(timetable, now)
    return {
        "timetable": timetable.name,
        "service": timetable.service,
        "departs": f"{timetable.departs}, {timetable.timezone}",
        "next": departs.isoformat(),
        "cut": before(timetable, departs, timetable.cut).isoformat(),
        "to": timetable.to,
        "missed": timetable.missed,
    }
