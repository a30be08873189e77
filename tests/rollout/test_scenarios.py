"""The stories that every way of rolling out is asked to survive, on the engine itself and in virtual time."""

from dataclasses import replace

import pytest
from fated import HERE, NEW, OLD, REPLICAS, Fated

from headway.errors import Refused
from headway.rollout.model import SetReplicas
from headway.rollout.phases import Phase
from headway.rollout.routing import Mark, Routing
from headway.testing.scripts import ERRORS, GOOD, NEVER_READY, SILENT, Script

CANARY: dict[str, object] = {"strategy": "canary", "weights": (10, 50)}
NEXT = "3.0.0"


def ended(place: Fated, rollout: str, phase: Phase = Phase.COMPLETED, within: float = 180) -> None:
    place.until(lambda: place.rollout(rollout).phase in {Phase.COMPLETED, Phase.ROLLED_BACK, Phase.CANCELLED}, within)
    assert place.rollout(rollout).phase is phase, place.why(rollout)


def at_weight(place: Fated, rollout: str, percent: int) -> None:
    place.until(lambda: place.rollout(rollout).weight.percent >= percent, within=90)


class TestOneAfterTheOther:
    def test_good_bad_good(self) -> None:
        place = Fated(CANARY)
        ended(place, place.ask(NEW, ERRORS), Phase.ROLLED_BACK)
        assert place.shares() == {OLD: 100}
        place.commands.clear("tally@2.0.0", "bob", "fixed in the next")
        ended(place, place.ask(NEXT))
        assert (place.shares(), place.live(), place.dropped()) == ({NEXT: 100}, NEXT, 0)

    def test_bad_bad_leaves_the_good_one_where_it_was(self) -> None:
        place = Fated(CANARY)
        ended(place, place.ask(NEW, ERRORS), Phase.ROLLED_BACK)
        place.commands.clear("tally@2.0.0", "bob", "fixed, they say")
        ended(place, place.ask(NEXT, NEVER_READY), Phase.ROLLED_BACK)
        assert (place.shares(), place.live(), place.ready(OLD), place.dropped()) == ({OLD: 100}, OLD, REPLICAS, 0)
        assert (place.started(NEW), place.started(NEXT)) == (0, 0)
        assert "3.0.0" in place.quarantined()

    def test_the_same_bad_release_is_not_taken_twice(self) -> None:
        place = Fated(CANARY)
        ended(place, place.ask(NEW, ERRORS), Phase.ROLLED_BACK)
        again = place.ask(NEW, ERRORS)
        place.pass_time(30)
        assert place.rollout(again).phase is Phase.PENDING
        assert place.shares() == {OLD: 100}


class TestWhatPeopleSay:
    def test_abort_then_again(self) -> None:
        place = Fated(CANARY)
        first = place.ask(NEW)
        at_weight(place, first, 10)
        place.say("abort", first)
        ended(place, first, Phase.ROLLED_BACK)
        place.commands.clear("tally@2.0.0", "bob", "the wrong afternoon")
        ended(place, place.ask(NEW))
        assert place.shares() == {NEW: 100}

    def test_advance_ends_each_wait_and_no_more_than_that(self) -> None:
        place = Fated({**CANARY, "soak": 300.0})
        rollout = place.ask(NEW)
        at_weight(place, rollout, 10)
        before = place.now
        place.say("advance", rollout)
        at_weight(place, rollout, 50)
        place.say("advance", rollout)
        at_weight(place, rollout, 100)
        assert (place.now - before).total_seconds() < 10
        place.pass_time(60)
        assert place.rollout(rollout).phase is Phase.RUNNING
        place.say("advance", rollout)
        ended(place, rollout, within=5)

    def test_retry_of_a_held_one_takes_up_the_weight_it_had(self) -> None:
        place = Fated(CANARY)
        rollout = place.ask(NEW, SILENT)
        place.until(lambda: place.rollout(rollout).phase is Phase.HELD, within=120)
        place.until(lambda: place.shares() == {OLD: 100}, within=10)
        assert place.ready(NEW) > 0
        for group in place.site.groups.values():
            group.script = GOOD
        place.say("retry", rollout)
        ended(place, rollout)
        assert [share for share in place.weights_of(NEW) if share] == [10, 10, 50, 100]

    def test_an_advance_does_not_save_a_bad_one(self) -> None:
        place = Fated(CANARY)
        rollout = place.ask(NEW, Script(errors=0.5, spoils_after=12.0))
        at_weight(place, rollout, 10)
        place.say("advance", rollout)
        ended(place, rollout, Phase.ROLLED_BACK)
        assert place.shares() == {OLD: 100}


class TestAtTheMomentOfPromotion:
    """The last step, where everything becomes the new release's."""

    def test_a_platform_that_does_not_answer_just_then_is_waited_for(self) -> None:
        place = Fated(CANARY)
        rollout = place.ask(NEW)
        at_weight(place, rollout, 50)
        place.platform.interrupt = lambda what: place.outage(5.0) if what == "before the target heard of it" else None
        place.until(lambda: place.rollout(rollout).trouble is not None, within=30)
        place.platform.interrupt = lambda _: None
        ended(place, rollout)
        assert (place.shares(), place.dropped()) == ({NEW: 100}, 0)

    def test_one_that_turns_bad_with_the_last_share_goes_back(self) -> None:
        place = Fated({**CANARY, "soak": 20.0})
        rollout = place.ask(NEW)
        at_weight(place, rollout, 100)
        for name, group in place.site.groups.items():
            group.script = ERRORS if place.version(name) == NEW else GOOD
        ended(place, rollout, Phase.ROLLED_BACK)
        assert (place.shares(), place.ready(OLD), place.dropped()) == ({OLD: 100}, REPLICAS, 0)

    def test_a_check_that_fails_under_all_the_traffic_brings_it_back(self) -> None:
        from headway.rollout.seen import CheckState
        from headway.testing.checks import CheckScript

        place = Fated(CANARY)
        place.fakes.checks.scripts["smoke 2.0.0"] = CheckScript(CheckState.FAILED)
        ended(place, place.ask(NEW), Phase.ROLLED_BACK)
        assert (place.shares(), place.live()) == ({OLD: 100}, OLD)

    def test_replicas_that_die_just_before_it_get_no_more_traffic(self) -> None:
        place = Fated(CANARY)
        rollout = place.ask(NEW)
        at_weight(place, rollout, 50)
        for name, group in place.site.groups.items():
            if place.version(name) == NEW:
                group.script = replace(GOOD, dies_after=0.0)
        ended(place, rollout, Phase.ROLLED_BACK)
        assert max(place.weights_of(NEW)) == 50
        assert place.shares() == {OLD: 100}


class TestTheWayBackAfterwards:
    def served(self, *versions: str, **rules: object) -> Fated:
        place = Fated({**CANARY, **rules})
        for version in versions:
            ended(place, place.ask(version))
        return place

    def test_a_rollback_brings_back_what_served_before(self) -> None:
        place = self.served(NEW)
        ended(place, place.back())
        assert (place.shares(), place.live(), place.ready(OLD), place.dropped()) == ({OLD: 100}, OLD, REPLICAS, 0)
        assert place.quarantined() == {NEW}

    @pytest.mark.parametrize("strategy", ["blue-green", "canary", "rolling"])
    def test_while_the_old_side_is_warm_the_way_back_is_one_move_and_starts_nothing(self, strategy: str) -> None:
        place = self.served(NEW, strategy=strategy)
        (warm,) = (group for name, group in place.site.groups.items() if place.version(name) == OLD)
        started, shares, before = list(warm.started), len(place.weights_of(OLD)), place.now
        back = place.back()
        place.until(lambda: place.shares() == {OLD: 100}, within=5)
        ended(place, back)
        assert place.weights_of(OLD)[shares:] == [100], "one move"
        assert (list(warm.started), (place.now - before).total_seconds() < 5) == (started, True)
        assert place.dropped() == 0

    def test_a_rollback_of_a_rollback_never_returns_to_the_release_that_was_left(self) -> None:
        place = self.served(NEW, NEXT)
        ended(place, place.back())
        assert place.live() == NEW
        ended(place, place.back())
        assert (place.live(), place.shares()) == (OLD, {OLD: 100})
        with pytest.raises(Refused):
            place.back()

    def test_a_rollback_is_not_superseded_by_a_newer_release_that_comes_while_it_waits(self) -> None:
        place = self.served(NEW, newer="supersedes")
        back = place.back()
        newer = place.ask(NEXT)
        ended(place, back)
        assert place.live() == OLD
        place.pass_time(2)
        # What it contains was rolled back just now, so it waits for a person and not for its turn.
        assert place.rollout(newer).phase is Phase.PENDING
        assert "2.0.0" in place.why(newer)

    def test_a_rollback_goes_back_when_what_it_brings_does_not_start(self) -> None:
        place = self.served(NEW, keep_warm=0.0)
        place.until(lambda: place.started(OLD) == 0, within=60)
        for version in (OLD,):
            place.platform.scripts[version] = NEVER_READY
        gone = [name for name in place.site.groups if place.version(name) == OLD]
        for name in gone:
            del place.site.groups[name]
        ended(place, place.back(), Phase.ROLLED_BACK)
        assert (place.shares(), place.live(), place.dropped()) == ({NEW: 100}, NEW, 0)


class TestNobodyToGoBackTo:
    def test_people_are_told_once_and_the_release_that_answers_serves_until_the_old_one_does(self) -> None:
        place = Fated(CANARY, lawless=True)
        rollout = place.ask(NEW)
        at_weight(place, rollout, 50)
        (old,) = (group for name, group in place.site.groups.items() if place.version(name) == OLD)
        old.script = NEVER_READY
        place.say("abort", rollout)
        place.until(lambda: place.shares() == {NEW: 100}, within=40)
        place.pass_time(120)
        assert place.rollout(rollout).phase is Phase.ROLLING_BACK
        assert "a person must make 1.0.0 start" in place.why(rollout)
        assert [title for title in place.told() if "needs a person" in title] == [
            "tally@2.0.0 cannot be rolled back and needs a person in production"
        ]
        old.script = GOOD
        ended(place, rollout, Phase.ROLLED_BACK)
        assert place.shares() == {OLD: 100}


class TestAnArtifactThatDoesNotExist:
    def test_it_is_trouble_that_stands_on_the_record_and_abort_gets_out_of_it(self) -> None:
        from headway.errors import Unavailable

        place = Fated(CANARY)
        act = place.platform.act

        def missing(where: object, intent: object) -> None:
            effect = intent.effect  # type: ignore[attr-defined]
            if isinstance(effect, SetReplicas) and effect.workload.version == NEW and effect.replicas:
                raise Unavailable("the artifact sha256:2… is not in the store")
            act(where, intent)  # type: ignore[arg-type]

        place.platform.act = missing  # type: ignore[method-assign, assignment]
        rollout = place.ask(NEW)
        place.pass_time(60)
        assert "is not in the store" in place.why(rollout)
        assert place.shares() == {OLD: 100}
        tried = place.rollout(rollout).trouble_tries
        assert 3 < tried < 15
        place.say("abort", rollout)
        ended(place, rollout, Phase.ROLLED_BACK)
        assert (place.shares(), place.live()) == ({OLD: 100}, OLD)


class TestScalingMeanwhile:
    def test_the_file_s_new_number_counts_from_the_next_rollout_on(self) -> None:
        place = Fated(CANARY)
        first = place.ask(NEW)
        at_weight(place, first, 10)
        (stage,) = place.fakes.pipelines.declared
        place.fakes.pipelines.declared = [replace(stage, environment=replace(stage.environment, replicas=2))]
        ended(place, first)
        assert place.ready(NEW) == REPLICAS
        ended(place, place.ask(NEXT))
        assert place.ready(NEXT) == 2

    def test_replicas_that_somebody_took_away_by_hand_are_missed_before_more_traffic_comes(self) -> None:
        place = Fated({**CANARY, "weights": (50,)})
        rollout = place.ask(NEW)
        at_weight(place, rollout, 50)
        (new,) = (group for name, group in place.site.groups.items() if place.version(name) == NEW)
        new.scale(1, place.now)
        place.until(lambda: place.rollout(rollout).phase is not Phase.RUNNING, within=120)
        ended(place, rollout, Phase.ROLLED_BACK)
        assert max(place.weights_of(NEW)) == 50
        assert "replicas of 2.0.0 are ready" in "; ".join(place.rollout(rollout).reasons)

    def test_replicas_that_went_during_the_checks_before_it_are_missed_too(self) -> None:
        place = Fated({"strategy": "blue-green", "preview": ("smoke",)})
        rollout = place.ask(NEW)
        place.until(lambda: place.rollout(rollout).check is not None, within=30)
        (new,) = (group for name, group in place.site.groups.items() if place.version(name) == NEW)
        new.scale(1, place.now)
        place.pass_time(20)
        assert place.why(rollout) == "1 of 4 replicas of 2.0.0 that 100 % of the traffic needs are ready"
        assert place.shares() == {OLD: 100}
        new.scale(REPLICAS, place.now)
        ended(place, rollout)
        assert (place.shares(), place.dropped()) == ({NEW: 100}, 0)

    def test_an_old_release_that_somebody_made_smaller_grows_before_it_gets_the_traffic_back(self) -> None:
        place = Fated({**CANARY, "soak": 60.0})
        rollout = place.ask(NEW)
        at_weight(place, rollout, 100)
        place.until(lambda: place.shares() == {NEW: 100}, within=5)
        (old,) = (group for name, group in place.site.groups.items() if place.version(name) == OLD)
        old.scale(1, place.now)
        place.say("abort", rollout)
        place.until(lambda: place.shares() == {OLD: 100}, within=30)
        assert place.ready(OLD) == REPLICAS
        assert place.dropped() == 0

    def test_without_room_for_both_the_old_one_is_whole_again_before_it_has_everything(self) -> None:
        place = Fated({"strategy": "rolling", "batch": 1, "keep_warm": 0.0})
        rollout = place.ask(NEW)
        at_weight(place, rollout, 50)
        place.say("abort", rollout)
        place.until(lambda: place.shares() == {OLD: 100}, within=60)
        assert place.ready(OLD) == REPLICAS
        ended(place, rollout, Phase.ROLLED_BACK)
        assert place.dropped() == 0


class TestWhoMeetsItFirst:
    testers = Routing((Mark("header", "X-Tester", "yes"),), alone=10.0)

    def test_a_release_that_fails_for_testers_never_has_a_user(self) -> None:
        place = Fated({**CANARY, "routing": self.testers})
        place.platform.testers = 5.0
        ended(place, place.ask(NEW, ERRORS), Phase.ROLLED_BACK)
        assert max(place.weights_of(NEW)) == 0
        assert place.site.routes.matches == ()

    def test_that_nobody_tested_it_keeps_nobody_waiting(self) -> None:
        place = Fated({**CANARY, "routing": self.testers})
        ended(place, place.ask(NEW))
        assert place.shares() == {NEW: 100}

    def test_a_release_that_fails_for_copies_never_has_a_user(self) -> None:
        place = Fated({**CANARY, "routing": Routing(mirror=50)})
        rollout = place.ask(NEW, ERRORS)
        ended(place, rollout, Phase.ROLLED_BACK)
        assert max(place.weights_of(NEW)) == 0
        assert "errors:" in "; ".join(place.rollout(rollout).reasons)
        answered = place.platform.measure(HERE).arms
        assert sum(arm.failures for arm in answered.values()) == 0
        assert place.site.routes.mirrors == {}

    def test_copies_end_with_the_first_share_and_testers_with_the_last(self) -> None:
        place = Fated({**CANARY, "routing": replace(self.testers, mirror=50)})
        rollout = place.ask(NEW)
        place.until(lambda: place.rollout(rollout).invited, within=60)
        assert (len(place.site.routes.matches), list(place.site.routes.mirrors.values())) == (1, [50])
        at_weight(place, rollout, 10)
        assert (len(place.site.routes.matches), dict(place.site.routes.mirrors)) == (1, {})
        ended(place, rollout)
        assert place.site.routes.matches == ()

    def test_testers_lose_it_while_it_is_held_and_have_it_again_after_retry(self) -> None:
        place = Fated({**CANARY, "routing": replace(self.testers, mirror=50)})
        rollout = place.ask(NEW, SILENT)
        place.until(lambda: place.rollout(rollout).phase is Phase.HELD, within=120)
        place.until(lambda: not place.site.routes.matches, within=10)
        for group in place.site.groups.values():
            group.script = GOOD
        place.say("retry", rollout)
        place.until(lambda: bool(place.site.routes.matches), within=10)
        ended(place, rollout)


class TestTheDrill:
    def test_production_s_plan_says_how_long_the_way_back_took_in_staging(self) -> None:
        place = Fated({"strategy": "blue-green", "drill": True})
        (production,) = place.fakes.pipelines.declared
        following = replace(production, environment=replace(production.environment, name="next"), after=("production",), drill=False)
        place.fakes.pipelines.declared.append(following)
        ended(place, place.ask(NEW))
        assert place.weights_of(NEW)[1:] == [100, 0, 100]
        way_back = place.commands.plan("tally@2.0.0", "next", "ada")["way_back"]
        assert any(str(line).startswith("drilled in production: it took ") for line in way_back)  # type: ignore[attr-defined]

    def test_what_is_held_back_is_held_back_again_after_it(self) -> None:
        place = Fated({**CANARY, "weights": (50,), "holdback": 5, "drill": True})
        ended(place, place.ask(NEW))
        assert place.weights_of(NEW)[1:] == [50, 95, 0, 95, 100]
