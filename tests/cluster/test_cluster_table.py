"""The table of stories on a cluster: the same rows, the same words, the same users. On this machine: tests/e2e/test_e2e_table.py."""

from collections.abc import Callable, Iterator, Mapping

import pytest
from cluster_street import OnTheCluster, playing
from stand import Namespace

from support.stories import STRATEGIES, Story, stories

TABLE = stories()


@pytest.fixture(scope="module")
def played(
    namespaces: Callable[[], Namespace], gateway: str, stats: str, little: Callable[..., str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Mapping[str, Story]]:
    """The whole table, played."""
    places = {strategy: namespaces().name for strategy in STRATEGIES}
    with playing(TABLE, tmp_path_factory.mktemp("scene"), lambda folder: OnTheCluster(folder, gateway, little), places, stats) as street:
        street.play(TABLE)
        yield {one.service: one for one in TABLE}


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", [one.service for one in TABLE])
def test_it_ends_on_the_cluster_as_the_table_says(played: Mapping[str, Story], name: str) -> None:
    played[name].check()
