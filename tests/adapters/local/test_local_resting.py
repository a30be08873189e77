"""An environment that rests: nothing runs, everything is kept, and what is written there starts it again."""

from pathlib import Path

import pytest
from local_stand import PLACE, Stand, eventually, platform, release

from headway.adapters.local import processes
from headway.adapters.local.platform import RESTING
from headway.environments.model import Place
from headway.errors import Unavailable
from headway.rollout.model import Fence, SetReplicas

BRANCH = Place("web", "dev.feature-x")
SHOP = Place("shop", "dev.feature-x")


def serving(stand: Stand) -> Stand:
    stand.scale(release("1"), 1)
    stand.weigh(web_1=100)
    return stand


def test_at_rest_nothing_runs_and_what_is_asked_for_next_brings_it_back_at_the_same_address(home: Path) -> None:
    local = platform(home)
    stand = serving(Stand(local, BRANCH))
    url = local.url(BRANCH)
    running = (stand.envoy(), *stand.replicas("web-1").values())
    (home / "dev.feature-x" / "web" / "state" / "votes").write_text("7")
    local.rest("dev.feature-x")
    local.rest("dev.feature-x")
    assert not any(processes.lives(one) for one in running)
    assert local.look(BRANCH).groups == {}
    with pytest.raises(Unavailable, match="is stopped"):
        local.url(BRANCH)
    local.close()
    again = platform(home)
    assert again.adopt() == (), "a restart of Headway wakes nobody"
    second = Stand(again, BRANCH)
    second.local.act(BRANCH, second.intent(SetReplicas(release("2"), 1), Fence(9, 1)))
    assert again.url(BRANCH) == url
    eventually(lambda: second.settled("web-2", 1))
    eventually(lambda: second.settled("web-1", 1))
    assert second.get()[:2] == (200, "web-1"), "what was live is live again"
    assert (home / "dev.feature-x" / "web" / "state" / "votes").read_text() == "7"
    again.close(stop=True)


def test_a_rest_that_a_crash_interrupted_is_finished(home: Path) -> None:
    first = serving(Stand(platform(home), BRANCH))
    replica, *_ = first.replicas("web-1").values()
    first.local.close()
    (home / "dev.feature-x" / RESTING).write_bytes(b"going to rest\n")
    local = platform(home)
    assert local.adopt() == ()
    assert processes.lives(replica)
    local.rest("dev.feature-x")
    assert not processes.lives(replica)
    local.close()


def test_what_is_cleared_is_gone_and_the_environment_with_its_last_service(home: Path) -> None:
    local = platform(home)
    serving(Stand(local, BRANCH))
    serving(Stand(local, SHOP))
    elsewhere = serving(Stand(local, PLACE))
    local.clear(BRANCH)
    assert (home / "dev.feature-x" / "shop").is_dir()
    local.clear(SHOP)
    assert not (home / "dev.feature-x").exists()
    local.clear(SHOP)
    assert elsewhere.get()[:2] == (200, "web-1")
    local.close(stop=True)


def test_one_that_rests_is_cleared_too(home: Path) -> None:
    local = platform(home)
    serving(Stand(local, BRANCH))
    local.rest("dev.feature-x")
    local.clear(BRANCH)
    assert not (home / "dev.feature-x").exists()
    local.clear(BRANCH)
    assert not (home / "dev.feature-x").exists(), "asking makes nothing"
    local.close(stop=True)
