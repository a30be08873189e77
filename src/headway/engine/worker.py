"""Turns every rollout that is due, several at a time, and never lets one bad rollout starve the rest."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

from headway.engine.controller import LEASE, Turned, turn
from headway.engine.measures import Measures
from headway.errors import Fenced, HeadwayError, Unavailable
from headway.ports import Event, Held, World

log = structlog.get_logger()

IDLE = 0.5
"""Seconds between looks for due work when nobody wakes us; people's words through this server wake us at once."""
STUMBLE = timedelta(seconds=5)
"""How long a rollout whose turn broke is left alone."""


@dataclass
class _Item:
    held: Held
    saved: datetime
    again: datetime
    busy: bool = False


class Worker:
    """Claims due rollouts, keeps those that are watched closely, gives back those that wait long."""

    def __init__(
        self, world: World, new_token: Callable[[], str], *, threads: int = 8, most: int = 500, measures: Measures | None = None
    ) -> None:
        self._world = world
        self._new_token = new_token
        self._threads = threads
        self._most = most
        self._measures = measures or Measures()
        self._items: dict[str, _Item] = {}
        self._change = threading.Condition()
        self._stopping = False
        self._woken = False

    def run(self) -> None:
        """Work until stop(); what is held then runs out its lease or is taken up again by the next start."""
        self._take_over()
        with ThreadPoolExecutor(self._threads, thread_name_prefix="turn") as pool:
            while not self._stopping:
                self._claim()
                for item in self._due():
                    pool.submit(self._turn, item)
                self._sleep()

    def stop(self) -> None:
        """End after the turns under way."""
        with self._change:
            self._stopping = True
            self._change.notify_all()

    def wake(self) -> None:
        """Somebody spoke: look at everything now."""
        with self._change:
            self._woken = True
            self._change.notify_all()

    def _take_over(self) -> None:
        """What the Headway before us held is ours at once: nobody waits for the lease of the dead."""
        if not self._world.host:
            return
        try:
            self._world.rollouts.take_over(self._world.host, self._world.clock.now())
        except Unavailable as error:
            log.warning("cannot take over; leases run out by themselves", error=str(error))

    def _claim(self) -> None:
        now = self._world.clock.now()
        with self._change:
            room = min(self._most - len(self._items), 4 * self._threads)
        if room <= 0:
            return
        try:
            claimed = self._world.rollouts.claim(now, now + LEASE, self._new_token(), room, self._world.host)
        except Unavailable as error:
            log.warning("cannot claim work", error=str(error))
            return
        with self._change:
            for held in claimed:
                self._items[held.rollout.id] = _Item(held, saved=now, again=now)

    def _due(self) -> list[_Item]:
        now = self._world.clock.now()
        with self._change:
            due = [item for item in self._items.values() if not item.busy and (self._woken or item.again <= now)]
            self._woken = False
            for item in due:
                item.busy = True
        return sorted(due, key=lambda item: item.again)

    def _sleep(self) -> None:
        with self._change:
            if self._stopping or self._woken:
                return
            now = self._world.clock.now()
            waits = [(item.again - now).total_seconds() for item in self._items.values() if not item.busy]
            self._change.wait(max(0.0, min([IDLE, *waits])))

    def _turn(self, item: _Item) -> None:
        began = self._world.clock.now()
        turned = self._turned(item)
        self._measures.turned(max(0.0, (self._world.clock.now() - began).total_seconds()))
        with self._change:
            if turned is None or turned.held is None:
                # Only this one: it may have been claimed anew while the turn took its time.
                if self._items.get(item.held.rollout.id) is item:
                    del self._items[item.held.rollout.id]
            else:
                item.held, item.again, item.saved = turned.held, turned.again, turned.saved
            item.busy = False
            self._change.notify_all()

    def _turned(self, item: _Item) -> Turned | None:
        rollout = item.held.rollout
        try:
            return turn(item.held, item.saved, self._world)
        except Fenced as error:
            log.info("somebody newer has this rollout", rollout=rollout.id, error=str(error))
        except HeadwayError as error:
            self._set_aside(item.held, str(error))
        except Exception as error:
            # A defect of ours in one rollout must be seen and must not stop the others.
            log.exception("a turn broke", rollout=rollout.id)
            self._set_aside(item.held, f"Headway stumbled over itself: {error!r}")
        return None

    def _set_aside(self, held: Held, trouble: str) -> None:
        """Write the error on the record and come back later."""
        now = self._world.clock.now()
        event = () if held.rollout.trouble == trouble else (Event(now, "headway", "in trouble", (trouble,)),)
        try:
            marked = replace(held.rollout, trouble=trouble, trouble_tries=held.rollout.trouble_tries + 1, troubled_at=now)
            held = replace(held, signals=())  # not heard yet, so not consumed
            self._world.rollouts.save(held, marked, why=f"{trouble}; trying again", due=now + STUMBLE, until=None, events=event, now=now)
        except HeadwayError as error:
            log.warning("could not note the trouble", rollout=held.rollout.id, error=str(error))
