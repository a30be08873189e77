"""Kills by the hundred, on both stores and on the real platform; what must always hold is looked at after each.

Of a thousand kills -9, nine of ten are of processes whose engine, worker and ledger are real and whose targets are on paper, so that
every effect can be counted; one of ten is of a real `headway serve` with real Envoys, services and users.

    python -m bench chaos [--kills 1000] [--seed N] [--only paper|real] [--store sqlite|postgresql]
"""

import argparse
import random  # noqa: TID251 - any instant will do
import secrets
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from bench._stage import Scene, lost_by_headway, machine, postgres, say, stage, straight_to_production
from headway.adapters.ledger import open_ledger
from headway.adapters.local.declared import load as declared

SECRET = "BENCH_TOKEN"
STORES = ("sqlite", "postgresql")


def paper(store: str, kills: int, seed: int) -> None:
    """One server on SQLite, with full disks; two on PostgreSQL, killed, and stopped and continued."""
    from support.storm import Storm

    servers = 2 if store == "postgresql" else 1
    with tempfile.TemporaryDirectory() as folder, _url(store, folder) as url, Storm(url, Path(folder) / "paper", seed, servers) as storm:
        began = time.monotonic()
        for number in range(kills):
            storm.ask()
            storm.kill()
            if servers > 1 and number % 5 == 0:
                storm.stop_and_go()
            if servers == 1 and number % 20 == 0:
                storm.fill_the_disk(0.5)
        storm.end()
        ends = ", ".join(f"{number} {phase}" for phase, number in sorted(storm.outcomes().items()))
        deaths = f"{storm.killed} killed, {storm.stopped} stopped and continued, {storm.filled} times a full disk"
        say(f"{store}, {servers} server(s), targets on paper: {deaths}; {sum(storm.outcomes().values())} rollouts ({ends}),")
        migrated = sum(map(len, storm.data.seen.values()))
        let_in = f"{len(storm.gates.seen)} let in after {storm.gates.spoken} words"
        say(f"  {storm.effects} effects, {let_in}, {migrated} that migrated a database:")
        say(f"  0 lost, 0 repeated, never two at once; {time.monotonic() - began:.0f} s, seed {seed}")


def real(store: str, kills: int, seed: int) -> None:
    """A real server is killed within canaries, good and bad, under users; then, each on its own account, Envoys and replicas."""
    chance = random.Random(seed)
    secret = secrets.token_hex(16)
    told = {SECRET: secret}
    with tempfile.TemporaryDirectory() as folder, _url(store, folder, real=True) as url, stage(_steps, url, **told) as scene:
        with scene.users():
            scene.ended("1.0.0")
        began, rollouts, killed, bad, knew = time.monotonic(), 0, 0, [], False
        with scene.users() as users:
            while killed < kills:
                rollouts += 1
                version, good = f"1.{rollouts}.0", rollouts % 3 != 0
                # A bad one that is fixed: its commits come again only inside of a release that says so.
                scene.repo.release(version, fault="none" if good else "errors", trailers=(f"Fixes: 1.{rollouts - 1}.0",))
                scene.push()
                view = scene.rollout(version)
                while killed < kills:
                    time.sleep(chance.uniform(0.0, 1.5))
                    if scene.ask("rollout", target=view["rollout"])["ended"]:
                        break
                    scene.kill()
                    killed += 1
                    _look(scene, url)
                    knew = _told_nobody(scene, secret) or knew
                    so_far = users.traffic.snapshot().total
                    named = f"v{version.replace('.', '-')}-"
                    blamed = [] if good else [{"workload": one} for one in so_far.shares if one.startswith(named)]
                    if lost := lost_by_headway(so_far, *bad, *blamed):
                        raise AssertionError(f"{len(lost)} requests lost (seed {seed}): {lost[:5]}")
                    scene.start()
                ended = scene.when(view, lambda one: one["ended"], f"the end of {version}")
                if ended["phase"] != ("completed" if good else "rolled back"):
                    raise AssertionError(f"{version} is {ended['phase']}: {ended['why']}")
                bad += [] if good else [ended]
            counts = users.leave()
        if not knew:
            raise AssertionError("no replica was told the secret that is looked for")
        lost = lost_by_headway(counts, *bad)
        if lost:
            raise AssertionError(f"{len(lost)} requests lost (seed {seed}): {lost[:5]}")
        say(f"{store}, real server, Envoy, service and users: {killed} killed in {rollouts} rollouts, {len(bad)} of them bad;")
        took = f"{time.monotonic() - began:.0f} s, seed {seed}"
        say(f"  0 lost, 0 repeated, 0 of {counts.requests} requests failed but by a bad release; {took}")
        _others(scene, chance)


def _others(scene: Scene, chance: random.Random) -> None:
    """Envoys and replicas: their own requests die with them, and that is counted; they come back by themselves."""
    for what in ("Envoy", "replica"):
        back, failed, asked = [], 0, 0
        for _ in range(10):
            with scene.users() as users:
                time.sleep(0.5)
                before = _alive(scene, what)
                victim = chance.choice(sorted(before))
                psutil.Process(victim).kill()
                began = time.monotonic()
                while victim in (there := _alive(scene, what)) or len(there) < len(before):
                    time.sleep(0.02)
                back.append(time.monotonic() - began)
                time.sleep(0.5)
                counts = users.leave()
                failed, asked = failed + counts.failed, asked + counts.requests
        back.sort()
        there = f"back after {back[len(back) // 2]:.2f} s (median, {back[-1]:.2f} at most)"
        say(f"  {what} killed {len(back)} times: {there}; {failed} of {asked} requests")


def _alive(scene: Scene, what: str) -> set[int]:
    found = set()
    for process in scene.processes():
        with suppress(psutil.Error):
            line = process.cmdline()
            service = "tally" in line and not any("shim" in word for word in line)
            if process.name() == "envoy" if what == "Envoy" else service:
                found.add(process.pid)
    return found


def _look(scene: Scene, url: str | None) -> None:
    """What must always hold, while nobody is there: the record, and that the target never was ahead of it."""
    from support.always import Always, Broken

    ledger = open_ledger(url or f"sqlite:///{scene.home / 'ledger.db'}")
    try:
        Always(ledger).look({})
        if faults := ledger.records.verify():
            raise Broken(faults[0])
        for environment in (scene.home / "environments").iterdir():
            for place in declared(environment / "environment.json").places.values():
                rows = [one.rollout for one in ledger.records.standings() if one.rollout.generation == place.fence.generation]
                if not any(row.turn >= place.fence.turn for row in rows) and place.fence.generation:
                    raise Broken(f"{environment.name} was written by {place.fence}, and no record has heard of it")
    finally:
        ledger.close()


def _told_nobody(scene: Scene, secret: str) -> bool:
    """The service knows its secret by its environment; no file of Headway's has it, and nobody's command line. Does anybody know it?"""
    knows = False
    for path in scene.home.rglob("*"):
        with suppress(OSError):  # files come and go
            if path.is_file() and secret.encode() in path.read_bytes():
                raise AssertionError(f"a secret is in {path.relative_to(scene.home)}")
    for process in scene.processes():
        with suppress(psutil.Error):
            if any(secret in word for word in process.cmdline()):
                raise AssertionError(f"a secret is on the command line of {process.name()}")
            knows = knows or process.environ().get(SECRET) == secret
    return knows


def _steps(file: dict) -> None:  # type: ignore[type-arg]
    straight_to_production(file)
    production = file["environments"]["production"]
    production |= {"strategy": {"canary": [10, 50, 100]}, "keep_warm": "1s", "replicas": 2}
    production["secrets"] = {**production.get("secrets", {}), SECRET: f"env:{SECRET}"}
    production["analysis"] |= {"min_time": "1s", "hold_for": "10m", "max_wait": "10m"}


@contextmanager
def _url(store: str, folder: str, *, real: bool = False) -> Iterator[str | None]:
    if store == "postgresql":
        with postgres() as url:
            yield url
    else:
        yield None if real else f"sqlite:///{folder}/ledger.db"


def main() -> None:
    """Kill as asked."""
    parser = argparse.ArgumentParser(prog="python -m bench chaos")
    parser.add_argument("--kills", type=int, default=1000, help="in all")
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))
    parser.add_argument("--only", choices=["paper", "real"])
    parser.add_argument("--store", choices=STORES)
    chosen = parser.parse_args()
    stores = [chosen.store] if chosen.store else list(STORES)
    say(f"{machine()}, seed {chosen.seed}")
    each = chosen.kills // len(stores)
    for store in stores:
        if chosen.only != "real":
            paper(store, each if chosen.only else each * 9 // 10, chosen.seed)
        if chosen.only != "paper":
            real(store, each if chosen.only else each - each * 9 // 10, chosen.seed)


if __name__ == "__main__":
    main()
