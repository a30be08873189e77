"""What runs against what the ledger says: looked at while nothing is on its way, told when it differs, accepted on a person's word.

Set right it is by promoting the same release again: a rollout as any other, which writes everything anew whoever has a hand on it.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta

import structlog

from headway.engine.everywhere import everywhere
from headway.engine.views import View
from headway.environments.model import Place
from headway.errors import HeadwayError, Refused
from headway.ports import Event, Notice, World
from headway.promotion.model import Drift, Stage
from headway.rollout.drift import at_rest, unanswered
from headway.rollout.seen import Edit

log = structlog.get_logger()
US = "headway"
AGAIN = timedelta(seconds=10)
"""A round over all places takes at least this, and at each turn one is looked at: five hundred must not become a load of their own."""


class Drifting:
    """The verbs about drift, and the turn that looks for it."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._round: list[Stage] = []
        self._next = datetime.min.replace(tzinfo=UTC)

    def verbs(self) -> dict[str, Callable[..., View]]:
        """By name, as surfaces call them."""
        return {"drift": self.drift, "accept_drift": self.accept_drift}

    def drift(self, environment: str, service: str | None = None) -> View:
        """Look now: what is not as it was written, whose hand that is, and the ways out."""
        stage = self._stage(environment, service)
        place = Place(stage.service, environment)
        found = self._look_at(stage)
        record = self._world.records.place(place)
        known = _accepted(place, self._world)
        left = unanswered(found, known)
        return {
            "service": place.service,
            "environment": environment,
            "release": record.live_release,
            "differences": [_view(one, known.get(one.key)) for one in found],
            "open": len(left),
            "ways_out": _ways_out(place, record.live_release) if left else [],
        }

    def accept_drift(self, environment: str, by: str, why: str, service: str | None = None) -> View:
        """Let what differs now be as it is, until somebody touches it again or another release comes."""
        if not why.strip():
            raise Refused(f"the drift of {environment} is not accepted", ("say why: it stands on the record",))
        stage = self._stage(environment, service)
        place = Place(stage.service, environment)
        left = unanswered(self._look_at(stage), _accepted(place, self._world))
        if not left:
            raise Refused(f"nothing in {environment} differs from what Headway wrote", ("there is nothing to accept",))
        now, told = self._world.clock.now(), tuple(map(str, left))
        word = Drift(_about(place), environment, by, now, told, tuple(one.key for one in left), accepted=True, text=why)
        self._world.statements.state(word, Event(now, by, f"drift of {place} accepted", (why, *told)))
        self._note(stage, ())
        return self.drift(environment, stage.service)

    def look(self) -> int:
        """One place of the round; whether anything was news. When all had their turn, a new round begins."""
        now = self._world.clock.now()
        if not self._round:
            if now < self._next:
                return 0
            self._round, self._next = list(self._stages()), now + AGAIN
        if not self._round:
            return 0
        stage = self._round.pop()
        place = Place(stage.service, stage.environment.name)
        if self._world.records.place(place).active is not None:
            return 0  # a rollout says itself what is not as it was written
        before = len(_said(place, self._world))
        try:
            self._look_at(stage)
        except HeadwayError as error:
            log.warning("nobody can tell whether a place drifted", place=str(place), why=str(error))
            return 0
        return len(_said(place, self._world)) - before

    # -- small parts

    def _stages(self) -> Iterator[Stage]:
        return (one for one in everywhere(self._world) if one.environment.cluster is not None)

    def _stage(self, environment: str, service: str | None) -> Stage:
        services = [service] if service else list(self._world.pipelines.services())
        found = [one for name in services for one in self._world.pipelines.stages(name) if one.environment.name == environment]
        if len(found) != 1:
            names = ", ".join(sorted(one.service for one in found)) or "none"
            raise Refused(f"say which service in {environment}: --service", (f"those that are there: {names}",))
        return found[0]

    def _look_at(self, stage: Stage) -> tuple[Edit, ...]:
        place = Place(stage.service, stage.environment.name)
        record = self._world.records.place(place)
        if record.live is None or record.live.cluster is None:
            return ()  # on this machine one supervisor is the only one who writes
        if record.active is not None:
            raise Refused(f"{record.active} is under way in {place.environment}", ("a rollout says itself what is not as it was written",))
        found = at_rest(record.live, self._world.platform.look(place))
        if self._world.records.place(place).active is None:  # what began meanwhile moves things on purpose
            self._note(stage, unanswered(found, _accepted(place, self._world)))
        return found

    def _note(self, stage: Stage, left: Sequence[Edit]) -> None:
        """Each change once: on the record, and to people if there is more than before."""
        place, now = Place(stage.service, stage.environment.name), self._world.clock.now()
        keys, last = tuple(one.key for one in left), _last(place, self._world)
        before = last.keys if last is not None else ()
        if keys == before:
            return
        told = tuple(map(str, left))
        what = f"{place} is not as it was written" if left else f"{place} is as it was written again, or accepted"
        new = frozenset(keys) - frozenset(before)
        about = {"service": place.service, "environment": place.environment}
        notices = [Notice(target, what, "; ".join(told), about) for target in (stage.notify if new else ())]
        self._world.statements.state(Drift(_about(place), place.environment, US, now, told, keys), Event(now, US, what, told), notices)


def standing(place: Place, world: World) -> tuple[str, ...]:
    """What was last seen of it that nobody has accepted, in sentences."""
    last = _last(place, world)
    return last.differences if last is not None else ()


def _said(place: Place, world: World) -> list[Drift]:
    return [one for one in world.statements.statements(_about(place), place.environment) if isinstance(one, Drift)]


def _last(place: Place, world: World) -> Drift | None:
    return next((one for one in reversed(_said(place, world)) if not one.accepted), None)


def _accepted(place: Place, world: World) -> dict[str, Drift]:
    return {key: one for one in _said(place, world) if one.accepted for key in one.keys}


def _about(place: Place) -> str:
    return f"{place.service}@drift"


def _ways_out(place: Place, release: str | None) -> list[str]:
    again = f"headway promote {release} --to {place.environment}" if release else f"promote a release to {place.environment}"
    return [f"set it right: {again}", f"let it be: headway drift {place.environment} --service {place.service} --accept --why REASON"]


def _view(edit: Edit, accepted: Drift | None) -> View:
    return {
        "thing": edit.thing,
        "field": edit.field,
        "was": edit.was,
        "found": edit.found,
        "by": edit.by or None,
        "at": edit.at.isoformat() if edit.at else None,
        "text": str(edit),
        "accepted": f"{accepted.by}: {accepted.text}" if accepted else None,
    }
