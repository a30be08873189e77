"""Each place is on the platform that it is on, and a cluster's client is made when the first place needs it."""

from datetime import timedelta

import pytest

from headway.adapters.platforms import Platforms
from headway.environments.model import Cluster, Place
from headway.errors import Unavailable
from headway.rollout.model import Fence, Intent, SetReplicas
from headway.rollout.plan import workload
from headway.rollout.seen import Probe
from headway.testing import FakeClock, FakePlatform, sample_release, sample_stage

DEV, PRODUCTION = Place("tally", "dev"), Place("tally", "production")


def where(place: Place) -> Cluster | None:
    return Cluster("k8s", "tally") if place == PRODUCTION else None


def test_what_is_asked_of_a_place_goes_to_its_platform_and_no_other() -> None:
    clock = FakeClock()
    local, cluster = FakePlatform(clock), FakePlatform(clock)
    both = Platforms(local, lambda: cluster, where)
    intent = Intent("key", Fence(1, 1), SetReplicas(workload(sample_release(), sample_stage().environment), 2), clock.now())
    both.act(PRODUCTION, intent)
    clock.pass_time(timedelta(seconds=30).total_seconds())
    assert both.probe(PRODUCTION, intent) is Probe.DONE
    assert both.probe(DEV, intent) is Probe.NOT_DONE
    assert [group.ready for group in both.look(PRODUCTION).groups.values()] == [2]
    assert both.look(DEV).groups == {}
    assert both.measure(PRODUCTION).arms.keys() == cluster.measure(PRODUCTION).arms.keys()
    assert both.url(DEV) == local.url(DEV)
    assert both.by_hand(PRODUCTION, "bad", "good") == cluster.by_hand(PRODUCTION, "bad", "good")


def test_a_cluster_that_cannot_be_had_troubles_nobody_who_does_not_need_it() -> None:
    def missing() -> FakePlatform:
        raise Unavailable("pip install 'headway[kubernetes]'")

    both = Platforms(FakePlatform(FakeClock()), missing, where)
    assert both.look(DEV).groups == {}
    with pytest.raises(Unavailable, match="pip install"):
        both.look(PRODUCTION)
