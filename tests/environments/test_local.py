"""The local stage: what a service is told on its author's machine, and which changes start it again."""

import pytest

from headway.environments.configuration import Setting
from headway.environments.local import SOURCES, Local, address_name, matters, told


def plain(**values: str) -> dict[str, Setting]:
    return {name: Setting(value, "headway.yaml:1") for name, value in values.items()}


def test_a_developers_defaults_win_over_the_file_and_local_wins_over_them() -> None:
    configuration = told(plain(LOG_LEVEL="info", GREETING="hello", DEBUG="false"), Local(settings=plain(GREETING="hi"))).configuration
    assert configuration.values == {"LOG_LEVEL": "debug", "DEBUG": "true", "GREETING": "hi"}
    assert told({}, Local(settings=plain(LOG_LEVEL="trace"))).configuration.values["LOG_LEVEL"] == "trace"


def test_a_value_here_replaces_a_secret_of_the_file() -> None:
    base = {"KEY": Setting("env:KEY", "headway.yaml:1", secret=True)}
    assert told(base, Local(settings=plain(KEY="not secret"))).configuration.secrets == {}


def test_a_mock_is_found_by_a_variable_of_its_name() -> None:
    assert address_name("card-payments") == "CARD_PAYMENTS_URL"


@pytest.mark.parametrize(
    ("path", "watch", "counts"),
    [
        pytest.param("shop/app.py", SOURCES, True, id="a source file, however deep"),
        pytest.param("app.py", SOURCES, True, id="one at the root"),
        pytest.param("headway.yaml", ("shop/*",), True, id="the file itself, always"),
        pytest.param("shop.db", SOURCES, False, id="data that the service writes"),
        pytest.param("vendor/lib.py", SOURCES, False, id="what tools fill"),
        pytest.param(".cache/x.py", SOURCES, False, id="a hidden folder"),
        pytest.param("data/a/b.json", ("data/*.json",), True, id="a star crosses folders"),
        pytest.param("app.py", ("**/*.py",), True, id="two stars are folders or none"),
        pytest.param("app.py", ("shop/*",), False, id="not watched"),
    ],
)
def test_a_change_starts_it_again_if_it_is_watched(path: str, watch: tuple[str, ...], counts: bool) -> None:
    assert matters([path], watch) == ((path,) if counts else ())
