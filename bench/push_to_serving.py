"""From a push to users being served by it in dev, above what the service itself takes to start.

A commit on the branch that dev follows, then what a `post-receive` hook does (`headway poke`), then the first answer of the new release
through Envoy. The service's own start is the same tree started by hand until it answers; the build copies a file, and nothing is checked.

    python -m bench push_to_serving [--times 10]
"""

import argparse
import http.client
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

from bench._stage import File, Scene, light, load, machine, say, stage

AIM = 1.0


def dev(file: File) -> None:
    """Dev follows main: health, one replica, no checks."""
    light(file)
    production = file["environments"].pop("production")
    file["environments"]["dev"] = {
        **{name: production[name] for name in ("checks", "soak", "keep_warm")},
        "trigger": {"merge": "main"},
        "replicas": 1,
        "strategy": "rolling",
        "analysis": "health",
        "newer": "supersedes",
    }


def own_start(repo: Path) -> float:
    """Seconds until the service answers, started by hand."""
    with tempfile.TemporaryDirectory() as folder:
        with socket.socket() as drawn:
            drawn.bind(("127.0.0.1", 0))
            port = drawn.getsockname()[1]
        began = time.perf_counter()
        process = subprocess.Popen((sys.executable, str(repo / "light" / "light.py")), cwd=folder, env={**os.environ, "PORT": str(port)})
        try:
            _until(lambda: _answers(f"http://127.0.0.1:{port}", "") is not None)
            return time.perf_counter() - began
        finally:
            process.terminate()
            process.wait()


def once(scene: Scene, number: int) -> dict[str, float]:
    """Seconds from the push to each station on the way."""
    url = scene.place("dev")["url"]
    before = _answers(url, "x-headway-release")
    scene.repo.release(f"1.{number}.0")
    began, clock = time.perf_counter(), time.time()  # noqa: TID251 - the events have the clock's time
    scene.push()
    _until(lambda: _answers(url, "x-headway-release") not in {None, before})
    serving = time.perf_counter() - began
    view = scene.rollout(f"1.{number}.0", "dev")
    said = {event["what"].split(" ")[0]: _epoch(event["at"]) - clock for event in reversed(view["events"])}
    return {"asked for": said["promotion"], "started": said["started"], "routed": said["route"], "serving": serving}


def _epoch(moment: str) -> float:
    from datetime import datetime

    return datetime.fromisoformat(moment).timestamp()


def _answers(url: str, header: str) -> str | None:
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=5)
    try:
        connection.request("GET", "/")
        answer = connection.getresponse()
        return (answer.getheader(header) or "") if answer.status == 200 else None
    except OSError:
        return None
    finally:
        connection.close()


def _until(good: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not good():
        assert time.monotonic() < end, "it does not answer"
        time.sleep(0.005)


def main() -> None:
    """As often as asked."""
    parser = argparse.ArgumentParser(prog="python -m bench push_to_serving")
    parser.add_argument("--times", type=int, default=10)
    chosen = parser.parse_args()
    say(machine())
    with stage(dev) as scene:
        scene.ended("1.0.0", "dev")
        alone = median(own_start(scene.repo.folder) for _ in range(chosen.times))
        runs = []
        for number in range(1, chosen.times + 1):
            runs.append(once(scene, number))
            scene.ended(f"1.{number}.0", "dev")
    say("| from the push | median, s | least to most |\n|---|---|---|")
    for station in runs[0]:
        took = [run[station] for run in runs]
        say(f"| {station} | {median(took):.2f} | {min(took):.2f} to {max(took):.2f} |")
    above = median(run["serving"] for run in runs) - alone
    say(f"| the service's own start | {alone:.2f} | |\n| **above it** | **{above:.2f}** | aim: {AIM:.0f} |")
    say(f"{chosen.times} times; {load()}")


if __name__ == "__main__":
    main()
