"""Somebody else's service, two of its releases: from a pin in requirements.txt through dev and staging to users, and back.

Nobody here wrote datasette. Its releases come from the package index that pip is configured for, at test time.
"""

import json
import sqlite3
import urllib.request
from pathlib import Path

import pytest
from scene import File, Scene, lost_by_headway

from support.index import reachable

pytestmark = pytest.mark.timeout(300)  # two builds from an index, six rollouts
OLD, NEW = "0.65.4", "0.65.5"
PATHS = ("/-/versions.json", "/books/book.json", "/books/book")


def hurried(file: File) -> None:
    """What `headway init` wrote, with the waits of a story that people read to its end."""
    environments = file["environments"]
    for name in ("dev", "staging"):
        environments[name] |= {"replicas": 1, "soak": "0s", "keep_warm": "0s"}
    production = environments["production"]
    production["analysis"] |= {"needs": 20, "min_time": "1s"}
    production |= {"replicas": 2, "strategy": {"canary": [20, 100]}, "soak": "1s", "keep_warm": "1m", "holdback": 0}
    file["services"]["books"] |= {"health": "/-/versions.json", "stop_grace": "5s"}


@pytest.fixture
def scene(tmp_path_factory: pytest.TempPathFactory):
    reachable()
    folder = tmp_path_factory.mktemp("books")
    # What pip has fetched for one build it need not fetch for the next.
    made = Scene(folder, environment={"PIP_CACHE_DIR": str(folder / "pip"), "HEADWAY_BUILD_VARIABLES": "PIP_CACHE_DIR"}, service="books")
    yield made
    made.end()


def library(folder: Path) -> None:
    """Something to show: a small database, in the repository."""
    folder.mkdir()
    with sqlite3.connect(folder / "books.db") as database:
        database.execute("create table book (title text, year integer)")
        database.executemany("insert into book values (?, ?)", (("Emma", 1815), ("Middlemarch", 1871), ("Orlando", 1928)))
    database.close()
    (folder / "Procfile").write_text("web: datasette serve --immutable books.db --host 127.0.0.1 --port $PORT\n")


def pinned(scene: Scene, version: str) -> None:
    (scene.repo.folder / "requirements.txt").write_text(f"datasette=={version}\n")


def says(scene: Scene, environment: str) -> str:
    """The version that the service itself tells."""
    with urllib.request.urlopen(scene.place(environment)["url"] + "/-/versions.json", timeout=5) as reply:
        return str(json.load(reply)["datasette"]["version"])


def test_an_upgrade_of_somebody_elses_service_costs_no_request_and_neither_does_its_way_back(scene: Scene) -> None:
    repo = scene.repo
    library(repo.folder)
    pinned(scene, OLD)
    repo.git("init", "--quiet", "--initial-branch=main")
    scene.headway("init", str(repo.folder))
    repo.edit(hurried)
    repo.commit(f"feat: show our books\n\nRelease-As: {OLD}")
    scene.start()
    scene.ended(OLD, "staging")
    scene.headway("promote", OLD, "--to", "production", code=11)
    scene.headway("approve", OLD, "--to", "production", by="bob")
    with scene.users(rate=60, paths=PATHS) as users:
        scene.ended(OLD)
        assert says(scene, "production") == OLD

        repo.git("switch", "--quiet", "--create", "feature/upgrade")
        pinned(scene, NEW)
        repo.commit(f"feat: datasette {NEW}\n\nRelease-As: {NEW}")
        scene.push()
        scene.ended(NEW, "dev")
        assert says(scene, "dev") == NEW
        repo.git("switch", "--quiet", "main")
        repo.git("merge", "--quiet", "--ff-only", "feature/upgrade")
        scene.push()
        scene.ended(NEW, "staging")
        scene.headway("approve", NEW, "--to", "production", by="bob")
        scene.headway("promote", NEW, "--to", "production")
        canary = scene.shifted(NEW)
        assert canary["weight"] == 20
        scene.ended(NEW)
        assert says(scene, "production") == NEW
        assert len({scene.place(name)["live"]["digest"] for name in ("dev", "staging", "production")}) == 1, "it was built twice"

        scene.headway("rollback", "production", "--why", "a plugin of ours needs the old one")
        scene.until(scene.place, lambda place: not place["rollouts"], "the way back to end")
        assert says(scene, "production") == OLD
    counts = users.leave()
    assert lost_by_headway(counts) == []
    assert counts.failed == 0
    assert set(counts.shares) >= {scene.place()["live"]["workload"], canary["workload"]}
