"""Where the table of stories is played: one server, one repository with a service for each story, users at every door.

What differs between platforms is said by a Stage, in two methods.
"""

import random  # noqa: TID251 - any instant will do
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

from headway.errors import HeadwayError, Unavailable
from support.passersby import Door, Passersby
from support.stories import Behaviour, Story, View

RATE = 8.0
KILLS = 3


def until(what: str, true: Callable[[], Any], within: float = 60.0) -> Any:
    """Wait until something is true, and say what was waited for when it never is."""
    end = time.monotonic() + within
    while not (found := true()):
        assert time.monotonic() < end, f"not within {within:g} s: {what}"
        time.sleep(0.2)
    return found


class Stage(Protocol):
    """A platform, as far as the stories need to know it."""

    patience: float
    """Seconds that a story's step may take here."""

    def write(self, service: str, version: str, behaviour: Behaviour) -> Mapping[str, str]:
        """Change the repository's files into this release of the service; what else `cut` must be told of it."""
        ...

    def door(self, act: "Act", service: str) -> tuple[str, int, str]:
        """Address, port and name under which users come to it, as soon as there are some."""
        ...


class Street:
    """The server and what it is asked. `scene` is a Scene of the end-to-end tests, or of the cluster's."""

    def __init__(self, scene: Any, stage: Stage, passersby: Passersby) -> None:
        self.scene = scene
        self.stage = stage
        self.passersby = passersby
        self._committing = threading.Lock()
        self._seen: dict[str, View] = {}
        self._news = threading.Condition()
        self._over = threading.Event()
        self._watch = threading.Thread(target=self._keep_looking, daemon=True)
        self._watch.start()
        self._killed = threading.Event()

    def play(self, told: Sequence[Story]) -> None:
        """All of them at once; those in which Headway is killed afterwards, for it is one Headway."""
        for some in ([one for one in told if one.row.name != "killed"], [one for one in told if one.row.name == "killed"]):
            self.doomed = threading.Barrier(len(some) + 1) if some and some[0].row.name == "killed" else None
            with ThreadPoolExecutor(max_workers=len(some) or 1) as pool:
                playing = [pool.submit(self._play, one) for one in some]
                if self.doomed is not None:
                    self._kill()
                for one in playing:
                    one.result()

    def close(self) -> None:
        self._over.set()
        self._watch.join()

    def _play(self, story: Story) -> None:
        try:
            act = Act(self, story)
            act.open()
            story.view = self.scene.ask("rollout", target=story.row.play(act)["rollout"])
            story.live, story.served = act.live(), act.door.served_by()
            story.failures = list(act.door.failures)
        except BaseException as trouble:  # it is its test's to tell
            story.trouble = trouble
            if self.doomed is not None:
                self.doomed.abort()
        finally:
            story.done.set()

    # -- Headway is killed

    def be_killed(self) -> None:
        """For every story that wants it at the same time; returns when it is over."""
        assert self.doomed is not None
        self.doomed.wait()
        self._killed.wait()

    def _kill(self) -> None:
        assert self.doomed is not None
        try:
            self.doomed.wait()
            for _ in range(KILLS):
                time.sleep(random.uniform(0.0, 2.0))  # any instant will do, so chance picks it
                self.scene.kill()
                self.scene.start()
        except threading.BrokenBarrierError:
            pass  # a story has failed, and tells
        finally:
            self._killed.set()

    # -- looking, once for all of them

    def when(self, rollout: str, good: Callable[[View], object], what: str) -> View:
        end = time.monotonic() + self.stage.patience
        with self._news:
            while not (rollout in self._seen and good(self._seen[rollout])):
                self._news.wait(timeout=1.0)
                assert time.monotonic() < end, f"waited {self.stage.patience:g} s for {what}; found {self._seen.get(rollout)}"
            return self._seen[rollout]

    def _keep_looking(self) -> None:
        while not self._over.wait(0.25):
            try:
                found = self.scene.ask("rollouts", most=1000)["rollouts"]
            except HeadwayError:
                continue  # it has been killed
            with self._news:
                self._seen = {one["rollout"]: one for one in found}
                self._news.notify_all()

    def commit(self, service: str, version: str, behaviour: Behaviour) -> str:
        """A commit, and a release of it."""
        with self._committing:
            told = self.stage.write(service, version, behaviour)
            commit = self.scene.repo.commit(f"feat: {service} {version}")
        made: View = self.scene.ask("cut", revision=commit, by="alice", service=service, version=version, **told)
        return str(made["release"])


class Act:
    """What people do in one story."""

    door: Door
    first: str
    """The rollout of 1.0.0."""

    def __init__(self, street: Street, story: Story) -> None:
        self.street = street
        self.service = story.service
        self.environment = story.strategy

    def open(self) -> None:
        """1.0.0 takes the place, and users come."""
        self.first = self.release("1.0.0")
        self.door = self.street.passersby.at(*self.street.stage.door(self, self.service))
        view = self.end(self.first)
        assert view["phase"] == "completed", view
        self.door.failures.clear()  # it opens first at one of the proxy's threads, then at the others

    def release(self, version: str, behaviour: Behaviour | None = None) -> str:
        """Cut it and promote it."""
        self.street.commit(self.service, version, behaviour or {})
        return self.promote(version)

    def promote(self, version: str) -> str:
        return str(self._ask("promote", release=f"{self.service}@{version}", environment=self.environment, by="alice")["rollout"])

    def back(self, why: str) -> str:
        return str(self._ask("rollback", environment=self.environment, by="alice", why=why, service=self.service)["rollout"])

    def tell(self, word: str, rollout: str, why: str) -> None:
        self._ask("tell", word=word, target=rollout, by="alice", why=why)

    def clear(self, version: str, why: str) -> None:
        self._ask("clear", release=f"{self.service}@{version}", by="alice", why=why)

    def when(self, rollout: str, good: Callable[[View], object], what: str) -> View:
        return self.street.when(rollout, good, f"{what} of {self.service}")

    def end(self, rollout: str) -> View:
        return self.when(rollout, lambda one: one["ended"], "the end")

    def look(self, rollout: str) -> View:
        return self._ask("rollout", target=rollout)

    def place(self) -> View:
        """What runs there."""
        places: list[View] = self._ask("status", service=self.service)["places"]
        return next(one for one in places if one["environment"] == self.environment)

    def live(self) -> str:
        return str((self.place()["live"] or {}).get("version"))

    def pass_time(self, seconds: float) -> None:
        """Where nothing shall happen there is nothing to wait for."""
        time.sleep(seconds)

    def _ask(self, verb: str, **arguments: object) -> View:
        end = time.monotonic() + self.street.stage.patience
        while True:
            try:
                answer: View = self.street.scene.ask(verb, **arguments)
                return answer
            except Unavailable:  # so many ask at once, on a machine that others use too
                if time.monotonic() > end:
                    raise
                time.sleep(0.5)
