"""How many requests fail until a dead canary is off: weight 10, 100 requests a second, every answer of the new release a 500.

On the real local platform: real processes behind a real Envoy, users in a process of their own, the limits as `headway.yaml` has them by
default. It is over when the old release has all the traffic again.

    python -m bench dead_canary [--times 10] [--rate 100] [--weight 10]
"""

import argparse
import time
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from statistics import median

from bench._stage import File, Scene, light, load, machine, say, stage
from headway.adapters.traffic import Traffic

AIM = 16


def canary(file: File, *, weight: int) -> None:
    """As a team would have it, but for the soak."""
    light(file)
    file["environments"]["production"] |= {"strategy": {"canary": [weight, 50, 100]}, "replicas": 2, "analysis": {}}


@dataclass(frozen=True)
class Death:
    """One dead release: requests that failed, and seconds from its first share to the verdict, and to its last."""

    failed: int
    verdict: float
    off: float


def once(scene: Scene, users: Traffic, number: int) -> Death:
    """Release it, and wait until it is gone."""
    version = f"1.{number}.0"
    (scene.repo.folder / "light" / "dead").touch()
    scene.repo.release(version, trailers=(f"Fixes: 1.{number - 1}.0",))
    scene.push()
    view = scene.ended(version, phase="rolled back")
    at = [(datetime.fromisoformat(event["at"]), event["what"]) for event in view["events"]]
    shares = [number for number, (_, what) in enumerate(at) if what.startswith("route")]
    given = at[shares[0]][0]
    verdict = next(when for when, what in at if what == "failed verdict")
    # Each event is written before its deed, so the one after the last route says that the route was confirmed.
    off = at[shares[-1] + 1][0]
    time.sleep(1.5)  # the client reports once a second
    failed = users.snapshot().total.failed_by.get(view["workload"], 0)
    return Death(failed, (verdict - given).total_seconds(), (off - given).total_seconds())


def main() -> None:
    """As often as asked."""
    parser = argparse.ArgumentParser(prog="python -m bench dead_canary")
    parser.add_argument("--times", type=int, default=10)
    parser.add_argument("--rate", type=float, default=100.0)
    parser.add_argument("--weight", type=int, default=10)
    chosen = parser.parse_args()
    say(machine())
    with stage(partial(canary, weight=chosen.weight)) as scene:
        with scene.users(rate=chosen.rate):
            scene.ended("1.0.0")
        users = Traffic(scene.place()["url"], rate=chosen.rate)
        users.start()
        try:
            deaths = [once(scene, users, number) for number in range(1, chosen.times + 1)]
            counts = users.stop()
        finally:
            users.kill()
    others = counts.failed - sum(counts.failed_by.values())
    say("| | median | least to most |\n|---|---|---|")
    for what, found in (
        ("requests failed", [death.failed for death in deaths]),
        ("seconds to the verdict", [death.verdict for death in deaths]),
        ("seconds until it was off", [death.off for death in deaths]),
    ):
        say(f"| {what} | {median(found):.4g} | {min(found):.4g} to {max(found):.4g} |")
    how = f"{chosen.times} times, weight {chosen.weight}, {chosen.rate:g} requests a second"
    say(f"{how}; aim: at most {AIM}; {others} failed otherwise; {load()}")


if __name__ == "__main__":
    main()
