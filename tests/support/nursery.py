"""Forks a storm's lives from a process that has imported and done everything once, so that each is at work within milliseconds.

One JSON line in: `["life", url, folder, name, host]` or `["dead", pid]`; one line out when it was born, or when it is gone. When stdin
ends, because the storm is over or has died, so does everybody here. multiprocessing's forkserver will not do: it looks for what to
import where the interpreter starts, not where the tests are.
"""

import contextlib
import json
import os
import signal
import sys
import tempfile
from pathlib import Path

from headway.adapters.ledger import open_ledger
from headway.engine.commands import Commands
from headway.engine.controller import LEASE, turn
from headway.testing import sample_release
from support.storm import SMOKE, live, world_on


def main() -> None:
    """Serve until nobody asks any more."""
    _warm()
    born: set[int] = set()
    _say("ready")
    for line in sys.stdin:
        word, *rest = json.loads(line)
        if word == "dead":
            os.waitpid(rest[0], 0)
            born.discard(rest[0])
            _say("gone")
        elif pid := os.fork():
            born.add(pid)
            _say(pid)
        else:
            url, folder, name, host = rest
            _apart(Path(folder) / "log")
            live(url, Path(folder), name, host)
            os._exit(0)
    for pid in born:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _warm() -> None:
    with tempfile.TemporaryDirectory() as folder:
        ledger = open_ledger(f"sqlite:///{folder}/ledger.db")
        world = world_on(ledger, Path(folder), "warm", "here")
        ledger.releases.add(release := sample_release("1.0.0", service="s0", checks=(SMOKE,)), ())
        Commands(world).promote(release.name, "production", "ada")
        now = world.clock.now()
        (held,) = world.rollouts.claim(now, now + LEASE, "warm", 1, "here")
        turned = turn(held, now, world)
        assert turned.held is not None
        turn(turned.held, now, world)
        ledger.close()


def _apart(log: Path) -> None:
    """What a life prints is no answer of ours."""
    with Path(os.devnull).open() as nothing, log.open("a") as said:
        os.dup2(nothing.fileno(), 0)
        os.dup2(said.fileno(), 1)
        os.dup2(said.fileno(), 2)


def _say(what: object) -> None:
    print(json.dumps(what), flush=True)


if __name__ == "__main__":
    main()
