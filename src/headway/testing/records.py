"""The other ports of the ledger in memory: reading the record, releases, what people said, notices, refs."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from headway.environments.branches import BranchEnvironment, State
from headway.environments.model import Place
from headway.errors import Refused
from headway.ports import Event, Notice, PlaceRecord, Recorded, Standing, Tallied
from headway.promotion.model import Approval, Passed, Quarantine
from headway.releases.model import Release
from headway.rollout.phases import ENDED, Phase
from headway.testing.tables import Row, Tables, link


@dataclass
class MemoryRecords:
    """`ports.Records`."""

    tables: Tables

    def place(self, place: Place) -> PlaceRecord:
        with self.tables.reading():
            return self.tables.place(place)

    def standing(self, id: str) -> Standing | None:
        with self.tables.reading():
            row = self.tables.rows.get(id)
            return None if row is None else _standing(row)

    def standings(self, *, place: Place | None = None, ended: bool = True, most: int = 200) -> Sequence[Standing]:
        with self.tables.reading():
            found = [
                row
                for row in self.tables.rows.values()
                if (place is None or row.rollout.place == place) and (ended or row.rollout.phase not in ENDED)
            ]
            newest = sorted(found, key=lambda row: (row.rollout.created, row.rollout.id), reverse=True)
            return tuple(_standing(row) for row in newest[:most])

    def tally(self) -> Sequence[Tallied]:
        with self.tables.reading():
            by: dict[tuple[str, str], list[datetime]] = {}
            for rollout in (row.rollout for row in self.tables.rows.values() if row.rollout.phase not in ENDED):
                by.setdefault((rollout.place.environment, rollout.phase.value), []).append(rollout.created)
            return tuple(Tallied(*key, len(asked), min(asked)) for key, asked in sorted(by.items()))

    def waiting(self, service: str) -> Sequence[str]:
        with self.tables.reading():
            rollouts = [row.rollout for row in self.tables.rows.values()]
            found = [one for one in rollouts if one.place.service == service and one.phase is Phase.PENDING]
            return tuple(one.id for one in sorted(found, key=lambda one: (one.created, one.id)))

    def events(self, id: str | None = None, most: int = 1000) -> Sequence[Recorded]:
        with self.tables.reading():
            return tuple(one for one in self.tables.recorded if id in (None, one.stream))[-most:]

    def verify(self) -> Sequence[str]:
        with self.tables.reading():
            faults, last = [], dict[str, Recorded]()
            for one in self.tables.recorded:
                before = last.get(one.stream)
                if one.number != (before.number + 1 if before else 1):
                    faults.append(f"{one.stream}: event {one.number} is out of order")
                if one.hash != link(before.hash if before else "", one.stream, one.number, one.event):
                    faults.append(f"{one.stream}: event {one.number} was edited, or the one before it was")
                last[one.stream] = one
            faults += [f"{stream}: its end is missing" for stream, end in self.tables.ends.items() if last.get(stream) != end]
            return tuple(faults)


@dataclass
class MemoryReleases:
    """`ports.Releases`."""

    tables: Tables

    def add(self, release: Release, events: Sequence[Event]) -> None:
        with self.tables.writing("release"):
            there = self.tables.releases.get(release.name)
            if there is None:
                self.tables.releases[release.name] = release
                self.tables.say(f"release:{release.name}", events)
            elif differences := _differences(there, release):
                raise Refused(f"{release.name} is recorded already, and it is another one", differences)

    def get(self, name: str) -> Release | None:
        with self.tables.reading():
            return self.tables.releases.get(name)

    def all(self, service: str | None = None, most: int = 200) -> Sequence[Release]:
        with self.tables.reading():
            found = [one for one in self.tables.releases.values() if service in (None, one.service)]
            return tuple(sorted(found, key=lambda one: (one.cut_at, one.name), reverse=True)[:most])

    def withdraw(self, name: str, why: str, event: Event) -> None:
        with self.tables.writing("withdraw"):
            release = self.tables.releases.get(name)
            if release is None:
                raise Refused(f"there is no release {name}")
            if release.withdrawn is None:
                self.tables.releases[name] = replace(release, withdrawn=why)
                self.tables.say(f"release:{name}", (event,))


@dataclass
class MemoryWords:
    """`ports.Words`."""

    tables: Tables

    def approve(self, approval: Approval, event: Event) -> None:
        with self.tables.writing("approve"):
            self.tables.approvals.append(approval)
            self.tables.say(f"release:{approval.release}", (event,))

    def approvals(self, release: str, environment: str) -> Sequence[Approval]:
        with self.tables.reading():
            return tuple(one for one in self.tables.approvals if (one.release, one.environment) == (release, environment))

    def passed(self, digest: str, service: str) -> Sequence[Passed]:
        with self.tables.reading():
            return tuple(one for where, one in self.tables.passed if (where, one.digest) == (service, digest))

    def tick(self, passed: Passed, event: Event) -> None:
        with self.tables.writing("tick"):
            self.tables.passed.append((passed.release.rpartition("@")[0], passed))
            self.tables.say(f"release:{passed.release}", (event,))

    def quarantines(self, service: str) -> Sequence[Quarantine]:
        with self.tables.reading():
            return tuple(one for one in self.tables.quarantines if one.service == service)

    def clear(self, release: str, event: Event) -> None:
        with self.tables.writing("clear"):
            standing = [one for one in self.tables.quarantines if one.release != release]
            if len(standing) < len(self.tables.quarantines):
                self.tables.quarantines[:] = standing
                self.tables.say(f"release:{release}", (event,))


TAKEN_FOR = timedelta(seconds=60)
"""A notice that was handed out is not handed out again for so long."""


@dataclass
class MemoryOutbox:
    """`ports.Outbox`."""

    tables: Tables

    def due(self, now: datetime, most: int) -> Sequence[tuple[int, Notice, int]]:
        with self.tables.writing("hand out"):
            ready = [(number, one) for number, one in self.tables.letters.items() if one.due is not None and one.due <= now][:most]
            for _, letter in ready:
                letter.due = now + TAKEN_FOR
            return tuple((number, one.notice, one.tries) for number, one in ready)

    def delivered(self, number: int, now: datetime) -> None:
        with self.tables.writing("delivered"):
            letter = self.tables.letters[number]
            letter.due, letter.delivered = None, now

    def failed(self, number: int, why: str, again: datetime | None) -> None:
        with self.tables.writing("not delivered"):
            letter = self.tables.letters[number]
            if letter.delivered is None:
                letter.due, letter.tries, letter.why = again, letter.tries + 1, why


@dataclass
class MemoryRefs:
    """`ports.SeenRefs`."""

    tables: Tables
    noted: dict[tuple[str, str], str] = field(default_factory=dict)

    def seen(self, repository: str, ref: str) -> str | None:
        with self.tables.reading():
            return self.noted.get((repository, ref))

    def note(self, repository: str, ref: str, commit: str, event: Event) -> None:
        with self.tables.writing("note"):
            self.noted[repository, ref] = commit
            self.tables.say(f"repository:{repository}", (event,))


@dataclass
class MemoryBranched:
    """`ports.Branched`."""

    tables: Tables
    kept: dict[Place, BranchEnvironment] = field(default_factory=dict)

    def save(self, one: BranchEnvironment, event: Event) -> None:
        with self.tables.writing("save branch environment"):
            if one.state is State.LEAVING:
                self.tables.vacate(one.place)
            self.kept[one.place] = one
            self.tables.say(f"environment:{one.place.service}/{one.place.environment}", (event,))

    def get(self, place: Place) -> BranchEnvironment | None:
        with self.tables.reading():
            return self.kept.get(place)

    def all(self, service: str | None = None) -> Sequence[BranchEnvironment]:
        with self.tables.reading():
            there = (one for one in self.kept.values() if one.state is not State.ENDED and service in {None, one.place.service})
            return tuple(sorted(there, key=lambda one: (one.created, one.place)))


def _differences(found: Release, given: Release) -> tuple[str, ...]:
    """How two releases of one name differ; who cut it, and when, does not make it another."""
    names = ("commit", "ref", "digest", "run", "author", "checks", "requires")
    pairs = ((name, getattr(found, name), getattr(given, name)) for name in names)
    return tuple(f"{name}: recorded {old!s}, given {new!s}" for name, old, new in pairs if old != new)


def _standing(row: Row) -> Standing:
    return Standing(row.rollout, row.why, row.due, row.updated)
