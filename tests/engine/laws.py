"""DESIGN.md's list of what must always hold, as far as a simulated world can break it."""

from collections import Counter
from dataclasses import dataclass, field

from simulated import RELEASES, Told
from watched import Broken

from headway.environments.model import Place
from headway.promotion.model import Stage
from headway.rollout.model import ALL, NONE, Kind, Rollout, SetWeights
from headway.rollout.phases import ACTIVE, ENDED, Phase
from headway.testing import FakePlatform, FakeWorld, Script
from headway.testing.tables import Row


@dataclass
class Laws:
    """Looks at the ledger after every write, and at everything in the end. Knows the world's tables, asks no port."""

    fakes: FakeWorld
    platform: FakePlatform
    told: Told
    last: dict[str, Rollout] = field(default_factory=dict)
    phases: set[Phase] = field(default_factory=set)

    def after_a_write(self) -> None:
        rows = self.fakes.ledger.tables.rows
        active = Counter(row.rollout.place for row in rows.values() if row.rollout.phase in ACTIVE)
        if crowded := [place for place, number in active.items() if number > 1]:
            raise Broken(f"two active rollouts in {crowded[0]}")
        for name, row in rows.items():
            before, after = self.last.get(name), row.rollout
            if before is not None and before is not after and before != after:
                self._changed(before, after, row)
                self.phases.add(after.phase)
            self.last[name] = after

    def _changed(self, before: Rollout, after: Rollout, row: Row) -> None:
        if before.phase is Phase.PENDING and after.phase is Phase.RUNNING and after.kind is Kind.PROMOTION:
            self._entered(after)
        if before.phase in ACTIVE - {Phase.ROLLING_BACK} and after.phase is Phase.ROLLING_BACK:
            self._turned_back(before, after)
        if after.phase in ENDED and before.phase not in ENDED and before.phase is not Phase.PENDING:
            self._ended(after)
        if not row.why.strip():
            raise Broken(f"{after.id} does not say why it waits")

    # -- a release enters a stage only when every gate agreed to exactly it

    def _entered(self, rollout: Rollout) -> None:
        tables, plan = self.fakes.ledger.tables, rollout.plan
        stage = self.fakes.pipelines.stage(rollout.place)
        release = tables.releases[rollout.release]
        assert plan is not None
        if plan.new.digest != release.digest or plan.binding["release"] != release.digest:
            raise Broken(f"{rollout.id} runs {plan.new.digest}, the release is {release.digest}")
        passed = {one.environment for where, one in tables.passed if one.digest == release.digest and one.what == "rollout" and one.good}
        if missing := set(stage.after) - passed:
            raise Broken(f"{rollout.release} entered {rollout.place} without having passed {missing}")
        self._approved(rollout, stage)
        for quarantine in tables.quarantines:
            if self.told.order.index(quarantine.commit) <= self.told.order.index(release.commit):
                raise Broken(f"{rollout.release} entered {rollout.place} with the commits of {quarantine.release}")

    def _approved(self, rollout: Rollout, stage: Stage) -> None:
        plan = rollout.plan
        assert plan is not None
        said = [one for one in self.fakes.ledger.tables.approvals if one.release == rollout.release]
        here = [one for one in said if one.environment == stage.environment.name and one.by not in {"ada", rollout.asked_by}]
        bound = {one.by for one in here if one.yes and (one.release_digest, one.target_digest) == (plan.new.digest, plan.binding["target"])}
        if len(bound) < stage.approvals.needed:
            raise Broken(f"{rollout.release} entered {rollout.place} with {len(bound)} of {stage.approvals.needed} approvals")

    # -- a failed verdict is acted on in the same turn, and the release is marked

    def _turned_back(self, before: Rollout, after: Rollout) -> None:
        plan, site = after.plan, self.platform.sites.get(after.place)
        assert plan is not None
        if after.kind is Kind.PROMOTION and before.paused_from is not Phase.ROLLING_BACK and not self._marked(after):
            raise Broken(f"{after.release} goes back and is not in quarantine")
        if site is None or after.trouble is not None or not site.weights.get(plan.new.name):
            return
        if plan.old is not None and (plan.old.name == plan.new.name or self._ready(after.place, plan.old.name) < plan.replicas):
            return
        effect = after.intent.effect if after.intent else None
        if not isinstance(effect, SetWeights) or effect.weights.get(plan.new.name):
            raise Broken(f"{after.id} turned back and left the traffic where it was: {effect}")

    def _marked(self, rollout: Rollout) -> bool:
        plan = rollout.plan
        assert plan is not None
        same = plan.old is not None and plan.old.digest == plan.new.digest
        return same or any(one.release == rollout.release for one in self.told.quarantined())

    # -- completed: all traffic on the new one; rolled back: all on the old one, and it is healthy

    def _ended(self, rollout: Rollout) -> None:
        plan, site = rollout.plan, self.platform.sites[rollout.place]
        assert plan is not None
        same = plan.old is not None and plan.old.name == plan.new.name
        stays = rollout.phase is Phase.COMPLETED or (rollout.phase is Phase.GIVEN_UP and rollout.weight == ALL)
        keeps = plan.new if stays or same else plan.old
        expected = {keeps.name: 100} if keeps else {}
        if site.routes.matches or site.routes.mirrors:
            raise Broken(f"{rollout.id} is {rollout.phase.value} and testers or copies still have a route of their own: {site.routes}")
        nobody = rollout.phase is Phase.GIVEN_UP and not stays  # neither of them answered
        if site.weights != expected and not nobody:
            raise Broken(f"{rollout.id} is {rollout.phase.value} and the traffic goes to {site.weights}, not {expected}")
        if keeps is not None and not nobody and self._script(keeps.version).good and self._ready(rollout.place, keeps.name) < 1:
            raise Broken(f"{rollout.id} is {rollout.phase.value} and nobody is ready at {keeps.name}")
        if rollout.phase is Phase.ROLLED_BACK and not same and site.groups.get(plan.new.name) and site.groups[plan.new.name].started:
            raise Broken(f"{rollout.id} was rolled back and {plan.new.name} still runs")
        bad = self._script(plan.new.version)
        judged = rollout.kind is Kind.PROMOTION and rollout.id not in self.told.advanced and plan.thresholds.mode == "thresholds"
        if rollout.phase is Phase.COMPLETED and judged and (bad.crashes or bad.never_ready or (bad.errors and not bad.spoils_after)):
            raise Broken(f"{rollout.id} completed although {plan.new.version} is {bad}")

    # -- what nobody has decided is visible, and has a bound

    def at_rest(self) -> None:
        """Looked at when nothing is due: whoever waits for a person has no users at stake."""
        for row in self.fakes.ledger.tables.rows.values():
            rollout, plan = row.rollout, row.rollout.plan
            if rollout.phase is not Phase.HELD or row.lease is not None or plan is None or plan.old is None or rollout.trouble:
                continue
            if rollout.invited:
                raise Broken(f"{rollout.id} is held and testers or copies still reach it: {row.why}")
            if rollout.weight != NONE and plan.old.name != plan.new.name:
                raise Broken(f"{rollout.id} is held at {rollout.weight.percent} %: {row.why}")

    def at_the_end(self, *, calm: bool) -> None:
        tables = self.fakes.ledger.tables
        tables.down_until = None
        if faults := self.fakes.ledger.records.verify():
            raise Broken(f"the chain is broken: {faults[0]}")
        for row in tables.rows.values():
            if row.rollout.phase not in ENDED and not self._waits_for_a_lost_release(row.rollout):
                raise Broken(f"{row.rollout.id} never ended: {row.rollout.phase.value}, {row.why}")
        lost = sum(site.traffic.unanswered for site in self.platform.sites.values())
        if calm and lost:
            raise Broken(f"{lost} requests found nobody, and every release was well")

    def _waits_for_a_lost_release(self, rollout: Rollout) -> bool:
        """Going back to a release that died while it was away takes a person, not patience."""
        plan = rollout.plan
        return rollout.phase in ACTIVE and plan is not None and plan.old is not None and not self._script(plan.old.version).good

    def _ready(self, place: Place, name: str) -> int:
        groups = self.platform.sites[place].groups
        return groups[name].ready(self.fakes.clock.now()) if name in groups else 0

    def _script(self, version: str) -> Script:
        return self.platform.scripts[version]


__all__ = ["RELEASES", "Laws"]
