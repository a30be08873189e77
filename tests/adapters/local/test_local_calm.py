"""An environment in which nothing happens costs next to nothing, and what happens is seen nevertheless."""

import os
import signal
import threading
import time

import pytest
from local_stand import PLACE, Stand, eventually, release

from headway.adapters.local import supervisor

FOREVER = 600.0


def calm(stand: Stand) -> supervisor.Supervisor:
    stand.scale(release("1", grace=0.3), 2)
    stand.weigh(web_1=100)
    minder = stand.local._supervisors["prod"]
    eventually(lambda: not minder._keeper.moving)
    return minder


@pytest.fixture
def never_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "CALM", FOREVER)


def test_a_calm_environment_is_looked_at_seldom(stand: Stand) -> None:
    minder = calm(stand)
    before, processor = minder._passes, time.process_time()
    threading.Event().wait(2.2)
    assert minder._passes - before <= 2
    # Measured 0.15 % of a core; a busy machine makes it more.
    assert time.process_time() - processor < 0.15


@pytest.mark.usefixtures("never_by_itself")
def test_a_replica_that_dies_is_replaced_at_once(stand: Stand) -> None:
    calm(stand)
    before = set(stand.replicas("web-1"))
    victim = stand.replicas("web-1")[min(before)]
    os.kill(victim.pid, signal.SIGKILL)
    eventually(lambda: len(stand.replicas("web-1")) == 2 and set(stand.replicas("web-1")) != before)


@pytest.mark.usefixtures("never_by_itself")
def test_an_envoy_that_dies_is_started_at_once(stand: Stand) -> None:
    calm(stand)
    before = stand.envoy()
    os.kill(before.pid, signal.SIGKILL)
    eventually(lambda: bool(stand.envoys()) and stand.envoy() != before)


@pytest.mark.usefixtures("never_by_itself")
def test_who_looks_sees_what_is_so_now(stand: Stand) -> None:
    calm(stand)
    victim = next(iter(stand.replicas("web-1").values()))
    os.kill(victim.pid, signal.SIGSTOP)
    eventually(lambda: stand.group("web-1").ready == 1)


@pytest.mark.usefixtures("never_by_itself")
def test_what_is_asked_for_happens_at_once(stand: Stand) -> None:
    calm(stand)
    stand.scale(release("2"), 1)
    stand.weigh(web_2=100)
    stand.scale(release("1"), 0)
    assert stand.get()[:2] == (200, "web-2")


def test_looking_never_waits_for_a_pass_that_takes_long(stand: Stand) -> None:
    minder = calm(stand)
    eventually(lambda: time.monotonic() - minder._tried > supervisor.FRESH)
    with minder._lock:  # as a long pass holds it
        began = time.monotonic()
        assert stand.local.look(PLACE).weights == {"web-1": 100}
        assert time.monotonic() - began < 2.0
