"""Scenes for the end-to-end tests; every one is taken down, also when its test fails."""

import os
from collections.abc import Callable, Iterator

import pytest
from scene import Edit, Scene, quick

Play = Callable[..., Scene]


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Play]:
    """Makes scenes for a module. `serve=False`: a repository and a home, and no server yet."""
    yield from _scenes(tmp_path_factory)


@pytest.fixture
def play(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Play]:
    """Makes scenes for one test."""
    yield from _scenes(tmp_path_factory)


def _scenes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Play]:
    made: list[Scene] = []

    def make(edit: Edit = quick, *, serve: bool = True, database: str | None = None, **environment: str) -> Scene:
        scene = Scene(tmp_path_factory.mktemp("scene"), database=database, environment=environment)
        made.append(scene)
        scene.repo.found(edit)
        if serve:
            scene.start()
        return scene

    yield make
    troubles = []
    for scene in reversed(made):
        try:
            scene.end()
        except Exception as trouble:
            troubles.append(trouble)
    if troubles:
        raise ExceptionGroup("a scene did not end well", troubles)


@pytest.fixture(autouse=True, scope="session")
def _our_own_name() -> None:
    """Whoever runs the tests has settings of their own, which are no part of the stories."""
    for name in ("HEADWAY_HOME", "HEADWAY_USER", "HEADWAY_DATABASE"):
        os.environ.pop(name, None)
