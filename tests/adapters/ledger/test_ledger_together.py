"""Many at once: threads and processes on one ledger, some of them killed."""

import os
import signal
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from threading import Barrier

import pytest
from sqlalchemy import text

from headway.adapters.ledger import Ledger, open_ledger
from headway.environments.model import Place
from headway.errors import Contradiction
from headway.promotion.model import Passed
from headway.rollout.seen import Signal, Word
from support.ledger_processes import hold_then_save, open_at_once, processes, write_forever
from support.records import MINUTE, NOON, PRODUCTION, begin, end, event, pending, release, started, step, take

THREADS = 8


@contextmanager
def running(target, url: str, *arguments: object) -> Iterator[tuple[BaseProcess, Connection]]:
    context = processes()
    ours, theirs = context.Pipe()
    process = context.Process(target=target, args=(url, theirs, *arguments), daemon=True)
    process.start()
    theirs.close()
    try:
        yield process, ours
    finally:
        process.kill()
        process.join()
        ours.close()


def test_eight_threads_claim_fifty_rollouts_and_none_twice(ledger: Ledger) -> None:
    for number in range(50):
        ledger.rollouts.add(pending(f"r{number}", place=Place("tally", f"env{number}")), ())
    together = Barrier(THREADS)

    def claim(worker: int) -> list[str]:
        together.wait()
        mine: list[str] = []
        while got := ledger.rollouts.claim(NOON, NOON + MINUTE, f"worker {worker}", 3):
            mine += [held.rollout.id for held in got]
        return mine

    with ThreadPoolExecutor(THREADS) as pool:
        claimed = Counter(each for mine in pool.map(claim, range(THREADS)) for each in mine)
    # On PostgreSQL a look may skip what another has locked for the moment and find nothing: the next look finds it.
    claimed.update(held.rollout.id for held in ledger.rollouts.claim(NOON, NOON + MINUTE, "last", 50))
    assert claimed == Counter({f"r{number}": 1 for number in range(50)})


def test_of_eight_that_start_at_one_place_at_once_one_does(ledger: Ledger) -> None:
    for number in range(THREADS):
        ledger.rollouts.add(pending(f"r{number}"), ())
    helds = ledger.rollouts.claim(NOON, NOON + MINUTE, "me", THREADS)
    together = Barrier(THREADS)

    def start(held) -> bool:
        together.wait()
        try:
            step(ledger, held, lambda it: started(it, 1))
        except Contradiction:
            return False
        return True

    with ThreadPoolExecutor(THREADS) as pool:
        assert sorted(pool.map(start, helds)) == [False] * (THREADS - 1) + [True]
    assert ledger.records.place(PRODUCTION).generation == 1


def test_signals_from_many_are_all_heard_once_while_the_rollout_turns(ledger: Ledger) -> None:
    held = begin(ledger, pending("r1"))
    heard: list[str] = []

    def speak(person: int) -> None:
        for number in range(5):
            ledger.rollouts.signal("r1", Signal(Word.WAKE, f"{person}.{number}", NOON), (event("woken"),))

    with ThreadPoolExecutor(THREADS) as pool:
        speaking = [pool.submit(speak, person) for person in range(THREADS)]
        while not all(each.done() for each in speaking):
            held = ledger.rollouts.refresh(held)
            heard += [each.by for each in held.signals]
            held = step(ledger, held, lambda it: it)
        for each in speaking:
            each.result()
    step(ledger, held, lambda it: it, last=True)
    heard += [each.by for held in ledger.rollouts.claim(NOON, NOON + MINUTE, "me", 1) for each in held.signals]
    assert Counter(heard) == Counter({f"{person}.{number}": 1 for person in range(THREADS) for number in range(5)})
    assert ledger.records.verify() == ()


def test_many_write_into_one_new_stream_and_the_chain_holds(ledger: Ledger) -> None:
    together = Barrier(THREADS)

    def cut_and_tick(number: int) -> None:
        together.wait()
        ledger.releases.add(release(), (event("cut"),))
        good = Passed("tally@1.0.0", "sha256:1.0.0", "staging", f"check {number}", True, NOON, "bob")
        ledger.words.tick(good, event(f"tick {number}"))

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(cut_and_tick, range(THREADS)))
    assert len(ledger.records.events("release:tally@1.0.0")) == THREADS + 1
    assert ledger.records.verify() == ()


def test_a_holder_that_was_stopped_and_goes_on_is_fenced(ledger: Ledger, url: str) -> None:
    ledger.rollouts.add(pending("r1"), ())
    with running(hold_then_save, url) as (process, pipe):
        assert pipe.recv() == "held"
        os.kill(process.pid, signal.SIGSTOP)
        pipe.send("go on")
        step(ledger, take(ledger, "r1", NOON + MINUTE, "successor"), lambda it: replace(it, turn=1), last=True)
        os.kill(process.pid, signal.SIGCONT)
        assert "r1 is held by nobody now, no longer by stopped" in pipe.recv()
    assert ledger.records.standing("r1").rollout.turn == 1


def test_a_new_ledger_that_four_open_at_once_is_made_once(url: str) -> None:
    with running(open_at_once, url) as (_, a), running(open_at_once, url) as (_, b), running(open_at_once, url) as (_, c):
        for pipe in (a, b, c):
            assert pipe.recv() == "ready"
        for pipe in (a, b, c):
            pipe.send("now")
        opened = open_ledger(url)
        assert [pipe.recv() for pipe in (a, b, c)] == ["opened"] * 3
        assert opened.records.verify() == ()
        opened.close()


@pytest.mark.timeout(120)
def test_kill_after_kill_leaves_no_half_written_record(ledger: Ledger, url: str) -> None:
    ledger.rollouts.add(pending("r1", created=NOON.replace(hour=0)), ())
    seen = 0
    for life in range(1, 11):
        with running(write_forever, url, life) as (process, pipe):
            for _ in range(1 + life * 7 % 6):
                seen = pipe.recv()
            process.kill()
        turn = ledger.records.standing("r1").rollout.turn
        assert turn >= seen
        assert_whole(ledger, turn)
    assert seen > 10


def assert_whole(ledger: Ledger, turn: int) -> None:
    """The record, its columns, its events and its notices all tell of the same turn."""
    found = ledger.records.standing("r1")
    assert found.why == f"turn {turn}"
    assert [each.event.data["turn"] for each in ledger.records.events("r1", most=9999)] == list(range(1, turn + 1))
    with ledger.database.reading() as on:
        assert on.execute(text("select count(*) from outbox")).scalar_one() == turn
        assert on.execute(text("select turn from rollouts")).scalar_one() == turn
    assert ledger.records.place(PRODUCTION).generation == 1
    assert ledger.records.verify() == ()


def test_replicas_that_all_finish_their_places_agree(ledger: Ledger, url: str) -> None:
    other = open_ledger(url)
    try:
        end(other, begin(ledger, pending("r1", "1.0.0")))
        end(ledger, begin(other, pending("r2", "1.1.0")))
        assert ledger.records.place(PRODUCTION) == other.records.place(PRODUCTION)
        assert other.records.place(PRODUCTION).live_release == "tally@1.1.0"
    finally:
        other.close()
