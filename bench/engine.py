"""Rollouts per second and commits per rollout, and what 10,000 waiting rollouts cost; on SQLite and PostgreSQL.

The engine and the ledger are the product's own; the platform is the fake of headway.testing, so that only Headway is measured.
Each rollout is a canary 10, 50, 100 with its verdicts, in virtual time.

    python -m bench engine [--database URL] [--rollouts 200] [--waiting 10000]
"""

import argparse
import os
import resource
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from sqlalchemy import event

from headway.adapters.ledger import Ledger, open_ledger
from headway.analysis.model import Thresholds
from headway.engine.commands import Commands
from headway.engine.controller import LEASE, turn
from headway.engine.worker import Worker
from headway.errors import Fenced
from headway.ports import World
from headway.promotion.model import Approvals
from headway.testing import FakeWorld, sample_release, sample_stage

JUDGED = Thresholds(needs=1, min_time=1.0)
"""Judged at every weight, but with no long watching: polls are not what is measured here."""


def world_on(ledger: Ledger, services: int, **rules: object) -> tuple[FakeWorld, World]:
    """A fake world whose records are really on this ledger, with so many services that each have a release."""
    fake = FakeWorld()
    fake.platform.requests = 200.0
    world = replace(
        fake.world, rollouts=ledger.rollouts, records=ledger.records, releases=ledger.releases, words=ledger.words, outbox=ledger.outbox
    )
    for number in range(services):
        name = f"s{number}"
        fake.pipelines.declared.append(sample_stage("production", service=name, **rules))
        release = sample_release("1.0.0", service=name)
        fake.repository.commits.clear()
        fake.release(release)
        ledger.releases.add(release, ())
    return fake, world


@contextmanager
def commits(ledger: Ledger) -> Iterator[list[int]]:
    """Counts the transactions that were committed with a write in them."""
    count = [0]

    def committed(_: object) -> None:
        count[0] += 1

    engine = ledger.database.engine
    event.listen(engine, "commit", committed)
    try:
        yield count
    finally:
        event.remove(engine, "commit", committed)


def rollouts_per_second(url: str, number: int) -> None:
    """Every rollout from queued to completed, one after another, by one thread."""
    ledger = open_ledger(url)
    fake, world = world_on(ledger, number, strategy="canary", weights=(10, 50), soak=1.0, keep_warm=0.0, thresholds=JUDGED)
    commands = Commands(world)
    for index in range(number):
        commands.promote(f"s{index}@1.0.0", "production", "alice")
    done, began, used = 0, time.perf_counter(), time.process_time()
    with commits(ledger) as count:
        while done < number:
            now = fake.clock.now()
            held = world.rollouts.claim(now, now + LEASE, "bench", 16)
            if not held:
                fake.clock.pass_time(1)
            for one in held:
                done += finish(one, fake, world)
    wall, cpu = time.perf_counter() - began, time.process_time() - used
    kind = url.partition(":")[0]
    each = f"{1000 * cpu / number:.1f} ms of processor and {count[0] / number:.1f} commits each"
    say(f"{kind}: {number / wall:.0f} rollouts/s ({number} in {wall:.1f} s), {each}")
    ledger.close()


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


def waiting(url: str, number: int, seconds: float = 10.0) -> None:
    """Rollouts that wait for an approval: what they cost the server that has them."""
    ledger = open_ledger(url)
    fake, world = world_on(ledger, number, approvals=Approvals(needed=1))
    commands = Commands(world)
    for index in range(number):
        commands.promote(f"s{index}@1.0.0", "production", "alice")
    worker = Worker(world, lambda: "bench")
    thread = threading.Thread(target=worker.run)
    thread.start()
    settled = time.perf_counter()
    while any(one.due is not None and one.due <= fake.clock.now() for one in world.records.standings(ended=False, most=number)):
        time.sleep(0.5)
    settled = time.perf_counter() - settled
    used, began = time.process_time(), time.perf_counter()
    time.sleep(seconds)
    share = (time.process_time() - used) / (time.perf_counter() - began)
    worker.stop()
    thread.join()
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    cost = f"{100 * share:.2f} % of a core; peak memory {memory:.0f} MiB, fakes included"
    say(f"{number} waiting: looked at once in {settled:.1f} s, then {cost}")
    ledger.close()


def say(line: str) -> None:
    """A line of results."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> None:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m bench engine")
    parser.add_argument("--database", default="")
    parser.add_argument("--rollouts", type=int, default=200)
    parser.add_argument("--waiting", type=int, default=0)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        url = chosen.database or f"sqlite:///{Path(folder) / 'ledger.db'}"
        say(f"{os.cpu_count()} processors, Python {sys.version.split()[0]}, {url.partition(':')[0]}")
        if chosen.waiting:
            waiting(url, chosen.waiting)
        else:
            rollouts_per_second(url, chosen.rollouts)


if __name__ == "__main__":
    main()
