"""The story that the demo tells, act by act; every word of it is done for real, and looked at before it is believed."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from headway.adapters.traffic.counts import Counts
from headway.adapters.traffic.handle import Snapshot, Traffic
from headway.cli.demo.display import Display
from headway.cli.demo.project import Project
from headway.cli.demo.serving import Serving
from headway.errors import Failed, HeadwayError, Unavailable

PATIENCE = 60.0
RATE = 120.0
"""Requests a second that the users of production make."""


@dataclass
class Outcome:
    """What came of it; the last line of `--json`."""

    completed: list[str] = field(default_factory=list)
    rolled_back: list[str] = field(default_factory=list)
    requests: int = 0
    failed_by_bad_release: int = 0
    failed_by_headway: int = 0
    seconds: float = 0.0
    url: str = ""

    def to_json(self) -> dict[str, object]:
        """As promised in the manual."""
        return {
            "completed": self.completed,
            "rolled_back": self.rolled_back,
            "requests": self.requests,
            "failed_by_bad_release": self.failed_by_bad_release,
            "failed_by_headway": self.failed_by_headway,
            "seconds": round(self.seconds, 1),
        }


class Story:
    """Alice writes, bob approves, carol tests, and users never stop coming."""

    def __init__(self, project: Project, serving: Serving, display: Display, approves: Callable[[str], bool]) -> None:
        self._project = project
        self._serving = serving
        self._display = display
        self._approves = approves
        self._traffic: Traffic | None = None
        self.outcome = Outcome()

    def tell(self) -> Outcome:
        """All of it. Failed, with what was expected and what was found, when something is not as told."""
        began = time.monotonic()
        try:
            self._first_release()
            self._feature()
            self._bad_release()
            self._fix_and_a_killed_server()
            self._count(self._users_leave())
        finally:
            if self._traffic is not None:
                self._traffic.kill()
        self.outcome.seconds = time.monotonic() - began
        return self.outcome

    def look(self) -> tuple[dict[str, Any] | None, Snapshot | None]:
        """For the display; a server that was just killed is no reason to stop looking."""
        try:
            view: dict[str, Any] | None = self._serving.ask("status")
        except HeadwayError:
            view = None
        return view, self._traffic.snapshot() if self._traffic else None

    # -- the acts

    def _first_release(self) -> None:
        self._display.act("1. a first release, dev machine to production")
        self._project.create()
        self._display.does("alice", "git commit -m 'Count votes'  # on main")
        self._display.does("ops", "headway serve --repo tally")
        self._serving.start()
        release = "tally@1.0.0"
        self._in_staging(release)
        rollout = self._to_production(release)
        self._until(lambda: self._serving.ask("rollout", target=rollout), lambda view: view["weight"] == 100, "production to open")
        # Only now: before there is anything to reach, a request that fails is nobody's loss. The soak needs users to judge by.
        self.outcome.url = self._place("production")["url"]
        self._traffic = Traffic(self.outcome.url, rate=RATE)
        self._traffic.start()
        self._display.tells(f"users arrive at {self.outcome.url}: {RATE:.0f} requests a second, each tried once", "green")
        self._completed(release, "production")

    def _feature(self) -> None:
        self._display.act("2. a feature: dev on push, staging on merge, canary in production")
        self._project.git("checkout", "--quiet", "-b", "feature/longer-choices")
        self._project.change("tally/answers.py", "LONGEST_CHOICE = 64", "LONGEST_CHOICE = 100")
        self._project.change("tests/test_unit.py", '"x" * 65', '"x" * 101')
        self._project.commit("feat: take longer choices\n\nRelease-As: 1.1.0")
        self._display.does("alice", "git push origin feature/longer-choices")
        self._serving.ask("poke")
        self._ended(self._newest("dev"), "completed")
        self._display.tells(f"dev runs {self._place('dev')['live']['version']}: built, smoke-tested", "green")
        release = self._merge("feature/longer-choices", "tally@1.1.0")
        self._in_staging(release)
        self._to_production(release)
        self._completed(release, "production")

    def _bad_release(self) -> None:
        self._display.act("3. a bad release: good in staging, a third of its answers wrong in production")
        self._project.change("tally/fault.py", 'FAULT = "none"', 'FAULT = "errors@production"')
        self._project.commit("feat: count faster\n\nRelease-As: 1.2.0")
        self._display.does("alice", "git push origin main  # somebody's bug is in it")
        self._serving.ask("poke")
        release = "tally@1.2.0"
        self._in_staging(release)
        rollout = self._to_production(release)
        view = self._ended(rollout, "rolled back")
        self.outcome.rolled_back.append(release)
        self._display.tells(f"rolled back by itself: {'; '.join(view['reasons'][:1])}", "red")
        live = self._place("production")["live"]["version"]
        _expect("production after the rollback", "1.1.0", live)

    def _fix_and_a_killed_server(self) -> None:
        self._display.act("4. the fix, and a kill -9 of Headway in mid-canary")
        self._project.change("tally/fault.py", 'FAULT = "errors@production"', 'FAULT = "none"')
        self._project.commit("fix: count right as well\n\nFixes: tally@1.2.0\nRelease-As: 1.2.1")
        self._display.does("alice", "git push origin main  # the commit says Fixes: tally@1.2.0")
        self._serving.ask("poke")
        release = "tally@1.2.1"
        self._in_staging(release)
        rollout = self._to_production(release)
        self._until(
            lambda: self._serving.ask("rollout", target=rollout), lambda view: 0 < view["weight"] < 100, "the canary to have weight"
        )
        pid = self._serving.kill()
        self._display.tells(f"kill -9 {pid}: Headway is gone in mid-canary; its processes and users are not", "yellow")
        time.sleep(1.0)  # the world without Headway: this second is part of the story
        self._display.does("ops", "headway serve")
        self._display.tells(f"Headway is back as process {self._serving.start()} and takes up where the record says", "green")
        self._completed(release, "production")

    # -- what people do

    def _merge(self, branch: str, release: str) -> str:
        self._project.git("checkout", "--quiet", "main")
        self._project.git("merge", "--quiet", "--ff-only", branch)
        self._display.does("alice", f"git checkout main && git merge {branch} && git push origin main")
        self._serving.ask("poke")
        return release

    def _in_staging(self, release: str) -> None:
        self._until(lambda: self._serving.ask("rollouts", environment="staging"), lambda view: _has(view, release), f"{release} in staging")
        self._completed(release, "staging", count=False)
        checks = [event["what"].split()[1] for event in self._record(release, "staging") if " passed" in event["what"]]
        self._display.tells(f"staging runs {release}: {', '.join(checks)} passed")
        self._serving.ask("tick", release=release, environment="staging", check="uat", by="carol", good=True, comment="counted, found")
        self._display.does("carol", f"headway tick {release} uat --in staging --pass")

    def _to_production(self, release: str) -> str:
        self._display.does("alice", f"headway promote {release} --to production")
        asked = self._serving.ask("promote", release=release, environment="production", by="alice")
        waits = "; ".join(asked["waits"])
        _expect("what production waits for", "an approval", "an approval" if "approval" in waits else waits or "nothing")
        if not self._approves(f"bob, do you approve {release} for production?"):
            raise Failed(f"bob did not approve {release}; the story ends here")
        self._display.does("bob", f"headway approve {release} --to production")
        self._serving.ask("approve", release=release, environment="production", by="bob", comment="looks right")
        return str(asked["rollout"])

    def _users_leave(self) -> Counts:
        assert self._traffic is not None
        return self._traffic.stop()

    # -- what is looked at before it is believed

    def _completed(self, release: str, environment: str, *, count: bool = True) -> None:
        rollout = next(one for one in self._serving.ask("rollouts", environment=environment)["rollouts"] if one["release"] == release)
        view = self._ended(rollout["rollout"], "completed")
        _expect(f"what {environment} runs", release, str(self._place(environment)["live"]["release"]))
        if count:
            self.outcome.completed.append(release)
            self._display.tells(f"{release} completed in {environment}: {view['why']}", "green")

    def _ended(self, rollout: str, phase: str) -> dict[str, Any]:
        weight = -1

        def tell(view: dict[str, Any]) -> bool:
            nonlocal weight
            if view["environment"] == "production" and view["weight"] != weight:
                weight = view["weight"]
                self._display.tells(f"{view['release']}: {weight} % of production's traffic")
            return bool(view["ended"])

        view = self._until(lambda: self._serving.ask("rollout", target=rollout), tell, f"{rollout} to end")
        if view["phase"] != phase:
            raise Failed(f"{view['release']} in {view['environment']} was to be {phase}; it is {view['phase']}: {view['why']}")
        return view

    def _newest(self, environment: str) -> str:
        view = self._until(
            lambda: self._serving.ask("rollouts", environment=environment),
            lambda view: bool(view["rollouts"]),
            f"a rollout in {environment}",
        )
        return str(view["rollouts"][0]["rollout"])

    def _place(self, environment: str) -> dict[str, Any]:
        places: list[dict[str, Any]] = self._serving.ask("status")["places"]
        return next(place for place in places if place["environment"] == environment)

    def _record(self, release: str, environment: str) -> list[dict[str, Any]]:
        rollouts = self._serving.ask("rollouts", environment=environment)["rollouts"]
        newest = next(one["rollout"] for one in rollouts if one["release"] == release)
        events: list[dict[str, Any]] = self._serving.ask("rollout", target=newest)["events"]
        return events

    def _until(self, look: Callable[[], dict[str, Any]], good: Callable[[dict[str, Any]], bool], what: str) -> dict[str, Any]:
        until = time.monotonic() + PATIENCE
        while True:
            view = look()
            if good(view):
                return view
            if time.monotonic() > until:
                raise Unavailable(f"waited {PATIENCE:.0f} s for {what}; found {_waiting(view)}")
            time.sleep(0.1)

    def _count(self, counts: Counts) -> None:
        """Each failure is the bad release's only if the answer itself says so; all others are ours."""
        bad = {self._workload(release) for release in self.outcome.rolled_back}
        self.outcome.requests = counts.requests
        self.outcome.failed_by_bad_release = sum(failed for name, failed in counts.failed_by.items() if name in bad)
        self.outcome.failed_by_headway = counts.failed - self.outcome.failed_by_bad_release + counts.skipped
        for failure in counts.failures:
            if failure.release not in bad:
                self._display.tells(f"lost by us: {failure.request} {failure.why} at {failure.at:.3f} {failure.release}", "red")

    def _workload(self, release: str) -> str:
        rollouts = self._serving.ask("rollouts", environment="production")["rollouts"]
        return next(str(one["workload"]) for one in rollouts if one["release"] == release)


def _has(view: dict[str, Any], release: str) -> bool:
    return any(one["release"] == release for one in view["rollouts"])


def _waiting(view: dict[str, Any]) -> str:
    if "why" in view:
        return f"{view['phase']}: {view['why']}"
    return "; ".join(f"{one['release']} {one['phase']}: {one['why']}" for one in view.get("rollouts", [])) or "nothing"


def _expect(what: str, wanted: str, found: str) -> None:
    if wanted != found:
        raise Failed(f"{what}: expected {wanted}, found {found}")
