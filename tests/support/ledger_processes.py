"""What tests run in processes of their own, to be stopped or killed: they cannot live in a test file."""

import multiprocessing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext

from headway.adapters.ledger import open_ledger
from headway.errors import Fenced
from headway.ports import Event, Notice
from support.records import MINUTE, NOON, started

START = datetime(2026, 3, 1, tzinfo=UTC)


def processes() -> ForkServerContext:
    """Processes that start in milliseconds and share no thread and no connection with the tests."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["support.ledger_processes"])
    return context


def write_forever(url: str, said: Connection, life: int) -> None:
    """Claim and save as fast as possible: each save one turn, one event and one notice more. Says so after every save."""
    ledger = open_ledger(url)
    now = START + timedelta(days=life)  # every life finds the leases of the last one expired
    (held,) = ledger.rollouts.claim(now, now + MINUTE, f"life {life}", 100)
    while True:
        after = held.rollout if held.rollout.generation else started(held.rollout, 1)
        after = replace(after, turn=after.turn + 1)
        why = f"turn {after.turn}"
        told = (Event(now, "writer", why, data={"turn": after.turn}),)
        notices = (Notice("ops", why, "x" * 2000),)
        held = ledger.rollouts.save(held, after, why=why, due=START, until=now + MINUTE, events=told, notices=notices, now=now)
        said.send(after.turn)


def hold_then_save(url: str, said: Connection) -> None:
    """Claim, tell, wait for a word, save, tell how it went."""
    ledger = open_ledger(url)
    (held,) = ledger.rollouts.claim(NOON, NOON + MINUTE, "stopped", 1)
    said.send("held")
    said.recv()
    try:
        ledger.rollouts.save(held, replace(held.rollout, turn=99), why="late", due=None, until=None, now=NOON)
    except Fenced as fenced:
        said.send(str(fenced))
    else:
        said.send("saved")


def open_at_once(url: str, said: Connection) -> None:
    """Wait for the word, then open a ledger that is not there yet."""
    said.send("ready")
    said.recv()
    try:
        open_ledger(url).close()
        said.send("opened")
    except Exception as error:
        said.send(repr(error))
