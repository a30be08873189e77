"""Requests dropped by Headway's own planned moves, under 500 requests a second and more: none is to be.

Users come from a process of their own over loopback, each request tried once; what nobody answered counts, whoever is to blame.
Each kind of move is made again and again until so many requests have gone by.

    python -m bench drops [--requests 100000] [--rate 500] [--only KIND]

KIND is one of: weights, blue-green, rolling, headway, envoy.
"""

import argparse
import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

from bench._stage import Counts, File, Scene, light, machine, say, stage
from headway.adapters.traffic import Traffic


def weights(file: File) -> None:
    """Fifteen changes of weight for each release, then a drain."""
    light(file)
    shares = [1, 2, 5, 10, 20, 30, 40, 50, 60, 70, 80, 90, 95, 99, 100]
    file["environments"]["production"] |= {"strategy": {"canary": shares}}


def blue_green(file: File) -> None:
    """One flip for each release, then a drain."""
    light(file)
    file["environments"]["production"] |= {"strategy": "blue-green"}


def rolling(file: File) -> None:
    """Replica by replica, the old ones drained as the new ones come."""
    light(file)
    file["environments"]["production"] |= {"strategy": "rolling", "replicas": 3}


def release(scene: Scene, number: int) -> int:
    """Another release takes over; how many moves that were."""
    scene.repo.release(f"1.{number}.0")
    scene.push()
    view = scene.ended(f"1.{number}.0")
    return sum(event["what"].startswith(("route", "set ")) for event in view["events"])


def restart_headway(scene: Scene, _: int) -> int:
    """An orderly end and a new start, as an upgrade does it."""
    assert scene.server is not None
    scene.server.send_signal(signal.SIGTERM)
    scene.server.wait(timeout=30)
    scene.start()
    return 1


def restart_envoy(scene: Scene, _: int) -> int:
    """What an update of Envoy is: the next start of Headway finds another version installed, and has a new Envoy take over from the old.

    Only the note of which version runs is changed here, so that the installed one counts as newer.
    """
    runs = scene.home / "environments" / "production" / "envoy" / "runs"
    newest = max(runs.iterdir(), key=_number)
    about = newest / "about.json"
    about.write_text(json.dumps(json.loads(about.read_text()) | {"version": "0.0.0"}))
    restart_headway(scene, _)
    end = time.monotonic() + 60
    while envoys(scene) != 1 or not any(_number(run) > _number(newest) for run in runs.iterdir()):
        assert time.monotonic() < end, "the old Envoy did not hand over"
        time.sleep(0.05)
    return 1


def _number(run: Path) -> int:
    """Of a run of Envoy: the tenth comes after the ninth."""
    return int(run.name) if run.name.isdigit() else -1


def envoys(scene: Scene) -> int:
    """How many run."""
    return sum(process.name() == "envoy" for process in scene.processes())


Move = Callable[[Scene, int], int]
KINDS: dict[str, tuple[str, Callable[[File], None], Move]] = {
    "weights": ("changes of weight, with drains", weights, release),
    "blue-green": ("blue-green flips, with drains", blue_green, release),
    "rolling": ("rolling, replica by replica", rolling, release),
    "headway": ("Headway ended and started", weights, restart_headway),
    "envoy": ("Envoy replaced (hot restart)", weights, restart_envoy),
}


def measure(kind: str, requests: int, rate: float) -> tuple[Counts, int, float]:
    """What became of so many requests while this kind of move was made, how many moves, and how long it took."""
    _, edit, move = KINDS[kind]
    with stage(edit) as scene:
        with scene.users():  # nobody is good without users
            scene.ended("1.0.0")
        users = Traffic(scene.place()["url"], rate=rate)
        users.start()
        began, moves, number = time.monotonic(), 0, 0
        try:
            while users.snapshot().total.requests < requests:
                number += 1
                moves += move(scene, number)
            counts = users.stop()
        finally:
            users.kill()
        return counts, moves, time.monotonic() - began


def main() -> None:
    """Each kind in turn."""
    parser = argparse.ArgumentParser(prog="python -m bench drops")
    parser.add_argument("--requests", type=int, default=100_000, help="of each kind, at least")
    parser.add_argument("--rate", type=float, default=500.0, help="requests a second")
    parser.add_argument("--only", choices=list(KINDS))
    chosen = parser.parse_args()
    say(machine())
    say("| move | moves | requests | a second | dropped | of 100,000 | p99, ms | load |\n|---|---|---|---|---|---|---|---|")
    for kind in [chosen.only] if chosen.only else KINDS:
        counts, moves, took = measure(kind, chosen.requests, chosen.rate)
        lost = counts.failed + counts.skipped
        share = 100_000 * lost / (counts.requests + counts.skipped)
        p99 = 1000 * (counts.percentile(99) or 0)
        say(
            f"| {KINDS[kind][0]} | {moves} | {counts.requests:,} | {counts.requests / took:.0f} | {lost} | {share:.2f} "
            f"| {p99:.0f} | {os.getloadavg()[0]:.1f} |"
        )
        for failure in counts.failures[:5]:
            say(f"|   | {failure.request}: {failure.why}, by {failure.release or 'nobody'} | | | | | | |")


if __name__ == "__main__":
    main()
