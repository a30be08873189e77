"""DESIGN.md's list of what must always hold, read from a ledger and from what reached its targets, whoever has just died.

`tests/engine/laws.py` holds the same laws over worlds in virtual time, where every write can be watched. Here somebody else's processes
write, and this looks at what they left.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from sqlalchemy import Row, select

from headway.adapters.ledger import Ledger, chain
from headway.adapters.ledger.codec import decode
from headway.adapters.ledger.schema import events, quarantines, rollouts, signals
from headway.environments.model import Place
from headway.rollout.phases import ACTIVE, ENDED, Phase
from headway.rollout.seen import Signal, Word
from support.broken import Broken
from support.paper import Entry

FINAL = {phase.value for phase in ENDED}
Journals = Mapping[Place, Sequence[Entry]]
RUNNING = {phase.value for phase in ACTIVE}
__all__ = ["Always", "Broken"]


@dataclass
class Always:
    """Looks after every death, and at the end. Raises Broken with the first law that does not hold."""

    ledger: Ledger
    stopped: set[str] = field(default_factory=set)
    """The lives that were stopped and went on: what they had begun may be done by a successor, and then once more, unharmfully, by them."""
    read: Counter[Place] = field(default_factory=Counter)
    ends: dict[str, str] = field(default_factory=dict)
    secret: str = ""
    """What must be written nowhere."""
    looks: int = 0
    _event: int = 0

    def look(self, journals: Journals) -> None:
        """After a death. What was looked at before is not looked at again."""
        self.looks += 1
        rows = self._rows()
        self._never_two(rows.values())
        for row in rows.values():
            self._told(row)
        self._heard()
        self._marked(rows.values())
        self._unsaid()
        for place, journal in journals.items():
            self._effects(place, journal, rows)

    def at_the_end(self, journals: Journals, weights: Mapping[Place, Mapping[str, int]], asked: Sequence[str]) -> None:
        """When nothing is due any more."""
        self.look(journals)
        rows = self._rows()
        if lost := [name for name in asked if name not in rows]:
            raise Broken(f"{len(lost)} rollouts that were asked for are on no record: {lost[0]}")
        if unended := [row for row in rows.values() if row.phase not in FINAL]:
            raise Broken(f"{unended[0].id} never ended: {unended[0].phase}, {unended[0].why}")
        if faults := self.ledger.records.verify():
            raise Broken(f"the chain is broken: {faults[0]}")
        for place, routed in weights.items():
            live = self.ledger.records.place(place).live
            if routed != ({live.name: 100} if live else {}):
                raise Broken(f"{live.name if live else 'nothing'} is live in {place} and the traffic goes to {routed}")

    def _rows(self) -> dict[str, Row]:
        with self.ledger.database.snapshot() as on:
            names = ("id", "service", "environment", "release", "kind", "phase", "turn", "why")
            query = select(*(rollouts.c[name] for name in names))
            return {row.id: row for row in on.execute(query)}

    def _never_two(self, rows) -> None:
        active = Counter((row.service, row.environment) for row in rows if row.phase in RUNNING)
        if crowded := [where for where, number in active.items() if number > 1]:
            raise Broken(f"two active rollouts in {crowded[0]}")

    def _told(self, row: Row) -> None:
        if not row.why.strip():
            raise Broken(f"{row.id} does not say why it waits")
        if row.phase in FINAL and self.ends.setdefault(row.id, row.phase) != row.phase:
            raise Broken(f"{row.id} was {self.ends[row.id]} for good and is {row.phase} now")

    def _heard(self) -> None:
        """Nothing ends over a word that nobody has read. What a newer one took the place of had not begun: there was nothing to say."""
        ran = FINAL - {Phase.CANCELLED.value}
        with self.ledger.database.reading() as on:
            unread = select(signals).join(rollouts, rollouts.c.id == signals.c.rollout).where(rollouts.c.phase.in_(ran))
            said = [(row.rollout, decode(Signal, row.body)) for row in on.execute(unread)]
        if lost := [(name, one) for name, one in said if one.word is not Word.WAKE]:
            raise Broken(f"{lost[0][1].by} said {lost[0][1].word.value} to {lost[0][0]}, which ended without having heard it")

    def _marked(self, rows) -> None:
        """A release that was turned back is in quarantine, by the same write that turned it back."""
        with self.ledger.database.reading() as on:
            marked = {(row.service, row.release) for row in on.execute(select(quarantines.c.service, quarantines.c.release))}
        turned = [row for row in rows if row.kind == "promotion" and row.phase in {"rolling back", "rolled back", "given up"}]
        if unmarked := [row for row in turned if (row.service, row.release) not in marked]:
            raise Broken(f"{unmarked[0].id} is {unmarked[0].phase}, and {unmarked[0].release} is in no quarantine")

    def _unsaid(self) -> None:
        """The secret is in no event and no record, of which those are read that came since."""
        if not self.secret:
            return
        with self.ledger.database.reading() as on:
            came = on.execute(select(events.c.id, events.c.body).where(events.c.id > self._event).order_by(events.c.id)).all()
            told = on.execute(select(rollouts.c.id, rollouts.c.record, rollouts.c.why).order_by(rollouts.c.updated.desc()).limit(40)).all()
        if any(self.secret in row.body for row in came) or any(self.secret in row.record + row.why for row in told):
            raise Broken("a secret is on the record")
        self._event = max((row.id for row in came), default=self._event)

    def _effects(self, place: Place, journal: Sequence[Entry], rows: Mapping[str, Row]) -> None:
        fresh = journal[self.read[place] :]
        for before, after in pairwise(journal[max(0, self.read[place] - 1) :]):
            if after.fence < before.fence:
                raise Broken(f"{after.key} of {after.life} came after {before.key} of {before.life} in {place}")
        for entry in fresh:
            row = rows.get(entry.rollout)
            if row is None or row.turn < entry.fence.turn:
                raise Broken(f"{entry.key} was done, and the record has not heard of it")
            if entry.again and entry.life not in self.stopped:
                raise Broken(f"{entry.key} was done, and done again by {entry.life}")
        for name in {entry.rollout for entry in fresh}:
            said = self._chained(name)
            if unsaid := [entry.what for entry in fresh if entry.rollout == name and entry.what not in said]:
                raise Broken(f"{name} has no event: {unsaid[0]}")
        self.read[place] = len(journal)

    def _chained(self, stream: str) -> set[str]:
        """What the events of a stream say, which must follow each other."""
        with self.ledger.database.reading() as on:
            rows = on.execute(select(events).where(events.c.stream == stream).order_by(events.c.number)).all()
        last = chain.START
        for number, row in enumerate(rows, 1):
            if row.number != number or chain.link(last, row.body) != row.hash:
                raise Broken(f"{stream}: event {row.number} does not follow the one before it")
            last = row.hash
        return {chain.recorded(row).event.what for row in rows}
