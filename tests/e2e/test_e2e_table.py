"""The table of stories on this machine: real processes, a real Envoy, users at every door. On a cluster: tests/cluster."""

import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from scene import Scene

from support.passersby import Passersby
from support.stories import READY_WITHIN, REQUEST_TIMEOUT, ROWS, RULES, STRATEGIES, Behaviour, Story, stories
from support.street import RATE, Act, Street, until

TABLE = stories()


class Here:
    """This machine."""

    patience = 120.0

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, service: str, version: str, behaviour: Behaviour) -> Mapping[str, str]:
        told = self._folder / "behaviour" / f"{service}.json"
        told.write_text(json.dumps({"VERSION": version, **behaviour}))
        return {}

    def door(self, act: Act, service: str) -> tuple[str, int, str]:
        address = urlsplit(until(f"an address of {service}", lambda: act.place()["url"]))
        assert address.hostname and address.port
        return address.hostname, address.port, address.netloc


@pytest.fixture(scope="module", params=STRATEGIES)
def played(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, Story]]:
    """The stories of one strategy, played. One after the other: each service has some watches in an Envoy, and a user of Linux has 128."""
    table = [one for one in TABLE if one.strategy == request.param]
    scene = Scene(tmp_path_factory.mktemp("scene"))
    folder = scene.repo.folder
    (folder / "behaviour").mkdir(parents=True)
    shutil.copy(Path(__file__).parents[1] / "support" / "little.py", folder / "little.py")
    told = {"ready_within": READY_WITHIN, "request_timeout": REQUEST_TIMEOUT, "stop_grace": "2s"}
    services = {one.service: {"run": f"python3 little.py {one.service}", **told} for one in table}
    environments = {request.param: {**RULES, "strategy": STRATEGIES[request.param]}}
    (folder / "headway.yaml").write_text(json.dumps({"headway": 1, "services": services, "environments": environments}))
    scene.repo.git("init", "--quiet", "--initial-branch=main")
    scene.repo.commit("feat: a street of shops")
    try:
        scene.start()
        with Passersby(RATE) as passersby:
            street = Street(scene, Here(folder), passersby)
            try:
                street.play(table)
            finally:
                street.close()
        yield {one.row.name: one for one in table}
    finally:
        scene.end()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", [one.name for one in ROWS])
def test_it_ends_on_this_machine_as_the_table_says(played: Mapping[str, Story], name: str) -> None:
    played[name].check()
