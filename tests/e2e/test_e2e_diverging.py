"""Branches and their data: one dev whose database is made anew for whoever diverged, and a database of its own for each branch."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import psutil
import pytest
from scene import File, Scene, by_health

USERS = "-- migrate:up\nCREATE TABLE users (id integer primary key, phone text);\n"
PEOPLE = "-- migrate:up\nCREATE TABLE people (id integer primary key, mail text);\n"


def with_data(file: File) -> None:
    by_health(file)
    dev = file["environments"]["dev"] | {"trigger": {"push": ["feature/*"]}, "checks": [], "data": "synthetic"}
    secrets = {"DATABASE_URL": "env:TALLY_EACH"}
    file["environments"] = {
        "dev": dev | {"diverged": "reset", "database": {"url": "env:TALLY_DEV", "seed": ["seed.sql", "sleep 1.5"]}},
        "each": dev | {"per_branch": True, "secrets": secrets, "database": {"url": "env:TALLY_EACH", "seed": "seed.sql"}},
        "production": file["environments"]["production"] | {"after": "dev", "database": "env:TALLY_PRODUCTION", "checks": []},
    }


def with_migrations(file: File) -> None:
    file["services"]["tally"]["migrations"] = "migrations"


def branch(scene: Scene, version: str, name: str, seed: str, **migrations: str) -> None:
    """A branch from main with migrations of its own, pushed."""
    repo = scene.repo
    repo.git("checkout", "--quiet", "-b", name, "main")
    (repo.folder / "migrations").mkdir(exist_ok=True)
    for title, text in migrations.items():
        (repo.folder / "migrations" / f"{title}.sql").write_text(text)
    (repo.folder / "seed.sql").write_text(seed)
    repo.release(version, edit=with_migrations)
    scene.push()


def ask(path: Path, query: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as on:
        return on.execute(query).fetchall()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def scene(scenes: Callable[..., Scene], folder: Path) -> Iterator[Scene]:
    urls = {f"TALLY_{name.upper()}": f"sqlite:///{folder}/{name}.db" for name in ("dev", "each", "production")}
    made = scenes(with_data, **urls)
    branch(made, "1.1.0", "feature/x", "INSERT INTO users VALUES (1, '0123');", **{"0001_users": USERS})
    made.ended("1.1.0", "dev")
    made.ended("1.1.0", "each.feature-x")
    yield made


def test_each_branch_has_a_database_of_its_own_and_its_service_is_told_which(scene: Scene, folder: Path) -> None:
    assert ask(folder / "each.each.feature-x.db", "select id, phone from users") == [(1, "0123")]
    assert not (folder / "each.db").exists(), "that of the file is never touched"
    told = {url for one in scene.processes() if (url := _url(one))}
    assert f"sqlite:///{folder}/each.each.feature-x.db" in told


def test_whoever_diverged_gets_dev_s_database_made_anew_also_through_kill_9(scene: Scene, folder: Path) -> None:
    with closing(sqlite3.connect(folder / "dev.db")) as on, on:
        on.execute("insert into users values (7, 'by hand')")
    branch(scene, "1.2.0", "feature/y", "INSERT INTO people VALUES (1, 'ada');", **{"0001_people": PEOPLE})
    scene.when(scene.rollout("1.2.0", "dev"), lambda one: "anew" in one["why"], "the database to be made")
    scene.kill()
    scene.start()
    view = scene.ended("1.2.0", "dev")
    assert "make it anew by 0001_people, seed.sql, sleep 1.5" in view["steps"][0]
    assert "1.2.0 lacks commits of tally@1.1.0" in str(view["events"])
    assert ask(folder / "dev.db", "select id, mail from people") == [(1, "ada")]
    (kept,) = folder.glob("dev.db_before_*")
    assert view["rollout"] in kept.name
    assert (7, "by hand") in ask(kept, "select id, phone from users")
    assert scene.live("dev") == "1.2.0"


def test_somebody_has_it_made_anew_by_hand_but_never_where_data_is_real(scene: Scene, folder: Path) -> None:
    with closing(sqlite3.connect(folder / "dev.db")) as on, on:
        on.execute("delete from people")
    said = scene.headway("data", "reset", "dev", "--why", "somebody emptied it", "--json").json
    scene.headway("wait", str(said["rollout"]), "--timeout", "40")
    assert ask(folder / "dev.db", "select id, mail from people") == [(1, "ada")]
    assert "alice asked for it: somebody emptied it" in scene.headway("audit", "log", str(said["rollout"])).text
    assert "data of production is real" in scene.headway("data", "reset", "production", code=12).text


def test_a_branch_s_database_goes_with_it(scene: Scene, folder: Path) -> None:
    scene.ended("1.2.0", "each.feature-y")
    scene.repo.git("branch", "--quiet", "-D", "feature/x")
    scene.push()
    scene.until(
        lambda: scene.ask("status"), lambda view: "each.feature-x" not in str(view["places"]), "the end of the branch's environment"
    )
    assert [path.name for path in folder.glob("each.each.feature-x*")] == []
    assert "each.each.feature-x.db was removed" in scene.headway("audit", "log").text
    assert ask(folder / "each.each.feature-y.db", "select id, mail from people") == [(1, "ada")]


def _url(process: psutil.Process) -> str | None:
    try:
        return process.environ().get("DATABASE_URL")
    except psutil.Error:
        return None
