"""The memory ledger's ticks, advice, overrides, trains and hotfixes."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from headway.errors import Fenced, Refused
from headway.ports import Event, Kept, Notice
from headway.promotion.model import Statement
from headway.testing.tables import Letter, Tables
from headway.trains.model import Hotfix, Train
from headway.trains.timetable import track


@dataclass
class MemoryStatements:
    """`ports.Statements`."""

    tables: Tables
    said: list[Statement] = field(default_factory=list)

    def state(self, statement: Statement, event: Event, notices: Sequence[Notice] = ()) -> None:
        with self.tables.writing("state"):
            self.said.append(statement)
            self.tables.say(f"release:{statement.release}", (event,))
            _post(self.tables, event, notices)

    def statements(self, release: str, environment: str) -> Sequence[Statement]:
        with self.tables.reading():
            return tuple(one for one in self.said if (one.release, one.environment) == (release, environment))


@dataclass
class MemoryTrains:
    """`ports.Trains`."""

    tables: Tables
    kept: dict[str, Kept] = field(default_factory=dict)

    def save(self, train: Train | Hotfix, revision: int | None, events: Sequence[Event], notices: Sequence[Notice] = ()) -> None:
        with self.tables.writing("save train"):
            there = self.kept.get(train.id)
            if (there.revision if there else None) != revision:
                if revision is None:
                    raise Refused(f"{train.id} cannot be kept so", (f"{train.service} has a train there already",))
                raise Fenced(f"{train.id} has moved on since it was read: look again")
            if isinstance(train, Train) and track(train) is not None:
                others = (one.train for one in self.kept.values() if isinstance(one.train, Train) and one.train.id != train.id)
                if any((other.service, track(other)) == (train.service, track(train)) for other in others):
                    raise Refused(f"{train.id} cannot be kept so", (f"{train.service} has a train there already",))
            self.kept[train.id] = Kept(train, (revision or 0) + 1)
            self.tables.say(f"{'train' if isinstance(train, Train) else 'hotfix'}:{train.id}", events)
            _post(self.tables, events[-1] if events else None, notices)

    def trains(self, service: str, most: int = 100) -> Sequence[Kept]:
        with self.tables.reading():
            found = [(one.train, one) for one in self.kept.values() if isinstance(one.train, Train) and one.train.service == service]
            return tuple(one for _, one in sorted(found, key=lambda pair: pair[0].departs, reverse=True)[:most])

    def hotfixes(self, service: str, most: int = 100) -> Sequence[Kept]:
        with self.tables.reading():
            found = [(one.train, one) for one in self.kept.values() if isinstance(one.train, Hotfix) and one.train.service == service]
            return tuple(one for _, one in sorted(found, key=lambda pair: pair[0].at, reverse=True)[:most])


def _post(tables: Tables, event: Event | None, notices: Sequence[Notice]) -> None:
    for notice in notices:
        tables.letters[len(tables.letters) + 1] = Letter(notice, due=event.at if event else tables.clock.now())
