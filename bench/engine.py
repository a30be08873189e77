"""Rollouts per second and commits per rollout, and what 10,000 waiting rollouts cost; on SQLite and PostgreSQL.

The engine and the ledger are the product's own; the platform is the fake of headway.testing, so that only Headway is measured.
Each rollout is a canary 10, 50, 100 with its verdicts, in virtual time, by one thread; its instances are ready at once, so that looking
whether they are is not what is measured. With a disk that is waited for, and without: SQLite on a tmpfs, PostgreSQL with `fsync` off.

    python -m bench engine [--rollouts 200] [--runs 5] [--waiting 10000] [--only sqlite|postgresql|waiting]
"""

import argparse
import gc
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from statistics import median

import psutil
from sqlalchemy import select

from headway.adapters.ledger import Ledger, open_ledger
from headway.adapters.ledger.schema import rollouts
from headway.analysis.model import Thresholds
from headway.engine.commands import Commands
from headway.engine.controller import LEASE, turn
from headway.engine.worker import Worker
from headway.errors import Fenced
from headway.ports import World
from headway.promotion.model import Approvals
from headway.testing import FakeWorld, Script, sample_release, sample_stage

JUDGED = Thresholds(needs=1, min_time=1.0)
"""Judged at every weight, but with no long watching: polls are not what is measured here."""


VERSIONS = ("1.0.0", "1.1.0")


def world_on(ledger: Ledger, services: int, **rules: object) -> tuple[FakeWorld, World]:
    """A fake world whose records are really on this ledger, with so many services that each have a release."""
    fake = FakeWorld()
    fake.platform.requests = 200.0
    fake.platform.scripts |= dict.fromkeys(VERSIONS, Script(ready_after=0.0, stops_after=0.0))
    world = replace(
        fake.world,
        rollouts=ledger.rollouts,
        records=ledger.records,
        releases=ledger.releases,
        words=ledger.words,
        statements=ledger.statements,
        trains=ledger.trains,
        outbox=ledger.outbox,
    )
    for number in range(services):
        name = f"s{number}"
        fake.pipelines.declared.append(sample_stage("production", service=name, **rules))
        for version in VERSIONS:
            ledger.releases.add(fake.release(sample_release(version, service=name)), ())
    return fake, world


@contextmanager
def commits(ledger: Ledger) -> Iterator[list[int]]:
    """Counts the transactions that were to write something and were kept."""
    count, database = [0], ledger.database
    doors = ("writing", "recording")

    def counted(door: Callable[[], AbstractContextManager[object]]) -> Callable[[], AbstractContextManager[object]]:
        @contextmanager
        def through() -> Iterator[object]:
            with door() as on:
                yield on
            count[0] += 1

        return through

    for name in doors:
        setattr(database, name, counted(getattr(database, name)))
    try:
        yield count
    finally:
        for name in doors:
            delattr(database, name)


@dataclass(frozen=True)
class Run:
    """One measurement."""

    rate: float
    cpu: float
    """Milliseconds of processor for each rollout, Headway's process alone."""
    commits: float


def rollouts_per_second(url: str, number: int) -> Run:
    """Every rollout from queued to completed, one after another, by one thread; each takes over from a release that is live."""
    ledger = open_ledger(url)
    fake, world = world_on(ledger, number, strategy="canary", weights=(10, 50), soak=1.0, keep_warm=0.0, thresholds=JUDGED)
    commands = Commands(world)
    for version in VERSIONS:
        for index in range(number):
            commands.promote(f"s{index}@{version}", "production", "alice")
        began, used = time.perf_counter(), time.process_time()
        with commits(ledger) as count:
            complete(number, fake, world)
    wall, cpu = time.perf_counter() - began, time.process_time() - used
    said = [one.event.what for one in ledger.records.events(ledger.records.standings(most=1)[0].rollout.id)]
    assert sum(what.startswith("route") for what in said) == 3, said
    ledger.close()
    return Run(number / wall, 1000 * cpu / number, count[0] / number)


def complete(number: int, fake: FakeWorld, world: World) -> None:
    """Turn until so many have completed."""
    done = 0
    while done < number:
        now = fake.clock.now()
        held = world.rollouts.claim(now, now + LEASE, "bench", 16)
        if not held:
            fake.clock.pass_time(1)
        for one in held:
            done += finish(one, fake, world)


def finish(held: object, fake: FakeWorld, world: World) -> int:
    """Turn one rollout until it is given back; 1 if it completed."""
    turned = turn(held, fake.clock.now(), world)  # type: ignore[arg-type]
    while turned.held is not None:
        fake.clock.go_to(turned.again)
        try:
            turned = turn(turned.held, turned.saved, world)
        except Fenced:
            return 0
    standing = world.records.standing(held.rollout.id)  # type: ignore[attr-defined]
    return int(standing is not None and standing.rollout.phase.value == "completed" and standing.rollout.tidied)


def waiting(url: str, number: int, seconds: float = 20.0) -> None:
    """Rollouts that wait for an approval: what they cost the server that has them, above one that has none."""
    ledger = open_ledger(url)
    fake, world = world_on(ledger, number, approvals=Approvals(needed=1))
    commands = Commands(world)
    commands.promote("s0@1.0.0", "production", "alice")
    with working(world):
        time.sleep(2.0)
        idle = resident()
        for index in range(1, number):
            commands.promote(f"s{index}@1.0.0", "production", "alice")
        queued, began = resident(), time.perf_counter()
        while unlooked(ledger, fake):
            time.sleep(0.5)
        settled = time.perf_counter() - began
        used, began = time.process_time(), time.perf_counter()
        time.sleep(seconds)
        share = (time.process_time() - used) / (time.perf_counter() - began)
        memory = f"{resident() - idle:+.0f} MiB resident ({queued - idle:+.0f} of them before the last was looked at)"
    say(f"| {number} waiting, {url.partition(':')[0]} | {100 * share:.2f} % of a core | {memory} | looked at once in {settled:.1f} s |")
    ledger.close()


@contextmanager
def working(world: World) -> Iterator[None]:
    """A worker as the server has it."""
    worker = Worker(world, lambda: "bench")
    thread = threading.Thread(target=worker.run)
    thread.start()
    try:
        yield
    finally:
        worker.stop()
        thread.join()


def unlooked(ledger: Ledger, fake: FakeWorld) -> bool:
    """Is anything due?"""
    with ledger.database.reading() as on:
        return on.execute(select(rollouts.c.id).where(rollouts.c.due <= fake.clock.now()).limit(1)).first() is not None


def resident() -> float:
    """MiB of this process, garbage aside."""
    gc.collect()
    return psutil.Process().memory_info().rss / 2**20


def say(line: str) -> None:
    """A line of results."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


@contextmanager
def stores(only: str | None) -> Iterator[list[tuple[str, Callable[[], AbstractContextManager[str]]]]]:
    """Each store, with a disk that is waited for and without."""
    found: list[tuple[str, Callable[[], AbstractContextManager[str]]]] = []
    if only != "postgresql":
        found.append(("SQLite, disk", partial(on_sqlite, None)))
        if Path("/dev/shm").is_dir():
            found.append(("SQLite, tmpfs", partial(on_sqlite, "/dev/shm")))
    if only != "sqlite":
        from bench._stage import postgres

        found += [("PostgreSQL, fsync on", partial(durable, postgres)), ("PostgreSQL, fsync off", postgres)]
    yield found


@contextmanager
def on_sqlite(folder: str | None) -> Iterator[str]:
    """A ledger in a file."""
    with tempfile.TemporaryDirectory(dir=folder) as made:
        yield f"sqlite:///{made}/ledger.db"


@contextmanager
def durable(postgres: Callable[[], AbstractContextManager[str]]) -> Iterator[str]:
    """The tests' PostgreSQL, as careful as a real one."""
    import psycopg

    with postgres() as url:
        for value in ("on", "off"):
            with psycopg.connect(url, autocommit=True) as on:
                for setting in ("fsync", "synchronous_commit", "full_page_writes"):
                    on.execute(f"alter system set {setting} = {value}")
                on.execute("select pg_reload_conf()")
            if value == "on":
                time.sleep(0.5)  # until every backend has heard of it
                yield url


def main() -> None:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m bench engine")
    parser.add_argument("--rollouts", type=int, default=200)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--waiting", type=int, default=10_000)
    parser.add_argument("--only", choices=["sqlite", "postgresql", "waiting"])
    chosen = parser.parse_args()
    say(f"{os.cpu_count()} processors, Python {sys.version.split()[0]}, load {os.getloadavg()[0]:.1f}")
    if chosen.only != "waiting":
        say("| store | rollouts/s, median (least to most) | ms of processor each | commits each |\n|---|---|---|---|")
        with stores(chosen.only) as found:
            for name, store in found:
                runs = []
                for _ in range(chosen.runs + 1):
                    with store() as url:
                        runs.append(rollouts_per_second(url, chosen.rollouts))
                counted = runs[1:]  # the first warms the caches
                rates = [run.rate for run in counted]
                cpu, written = median(run.cpu for run in counted), median(run.commits for run in counted)
                say(f"| {name} | {median(rates):.0f} ({min(rates):.0f} to {max(rates):.0f}) | {cpu:.1f} | {written:.1f} |")
    if chosen.only in {None, "waiting"}:
        with on_sqlite(None) as url:
            waiting(url, chosen.waiting)


if __name__ == "__main__":
    main()
