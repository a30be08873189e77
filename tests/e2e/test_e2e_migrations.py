"""A release with changes to stored data, on its way from dev to production, on real databases."""

import os
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from scene import File, Scene, by_health, lost_by_headway

USERS = "-- migrate:up\nCREATE TABLE users (id integer primary key, phone text);\n-- migrate:down\nDROP TABLE users;\n"
MAIL = "-- migrate:up\nALTER TABLE users ADD COLUMN mail text;\n-- migrate:verify\nSELECT count(*) = 0 FROM users WHERE mail <> '';\n"
WRONG = "-- migrate:up\nCREATE TABLE notes (id integer);\n-- migrate:verify\nSELECT count(*) > 0 FROM notes;\n"
DROP = "-- migrate:up\nALTER TABLE users DROP COLUMN phone;\n"
FILL = "-- migrate:backfill table=users key=id batch=10\nUPDATE users SET mail = 'none' WHERE id BETWEEN :first AND :last;\n"


def with_databases(file: File) -> None:
    by_health(file)
    environments = file["environments"]
    file["environments"] = {
        "dev": environments["dev"] | {"trigger": {"merge": "main"}, "database": {"url": "env:TALLY_DEV", "lint": "off", "rehearse": "off"}},
        "production": environments["production"] | {"after": "dev", "approvals": 0, "database": {"url": "env:TALLY_PRODUCTION"}},
    }


def with_migrations(file: File) -> None:
    file["services"]["tally"]["migrations"] = "migrations"


def ship(scene: Scene, version: str, fault: str | None = None, fixes: str | None = None, **files: str) -> None:
    """A release with these migrations besides those there are."""
    folder = scene.repo.folder / "migrations"
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / f"{name}.sql").write_text(text)
    scene.repo.release(version, fault=fault, trailers=[f"Fixes: {fixes}"] if fixes else (), edit=with_migrations)
    scene.push()


def unship(scene: Scene, *names: str) -> None:
    for name in names:
        (scene.repo.folder / "migrations" / f"{name}.sql").unlink()


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def scene(scenes: Callable[..., Scene], data: Path) -> Iterator[Scene]:
    made = scenes(with_databases, TALLY_DEV=f"sqlite:///{data}/dev.db", TALLY_PRODUCTION=f"sqlite:///{data}/production.db")
    made.ended("1.0.0", "dev")
    ship(made, "1.1.0", **{"0001_users": USERS})
    made.ended("1.1.0", "dev")
    made.headway("promote", "1.1.0", "--to", "production", "--wait", "60")
    return made


def tables(data: Path, environment: str) -> str:
    with closing(sqlite3.connect(data / f"{environment}.db")) as on:
        return "\n".join(text for (text,) in on.execute("select sql from sqlite_master where sql is not null"))


def test_a_release_brings_its_migrations_to_each_environment_in_turn(scene: Scene, data: Path) -> None:
    assert "users" in tables(data, "dev")
    view = scene.ended("1.1.0")
    assert "back up the database" in view["steps"][0]
    assert "0001_users (expand)" in view["steps"][0]
    assert any(event["what"].startswith("migrated the database") for event in view["events"])
    assert "users" in tables(data, "production")
    assert scene.live() == "1.1.0"


def test_a_migration_that_fails_leaves_nothing_and_the_old_release_serves_on(scene: Scene, data: Path) -> None:
    with scene.users("dev") as users:
        ship(scene, "1.2.0", **{"0002_notes": WRONG})
        view = scene.ended("1.2.0", "dev", phase="rolled back")
        counts = users.leave()
    assert "0002_notes.sql" in view["why"]
    assert "expected one true value" in view["why"]
    assert "notes" not in tables(data, "dev")
    assert scene.live("dev") == "1.1.0"
    assert lost_by_headway(counts) == []
    unship(scene, "0002_notes")


def test_a_bad_release_goes_back_on_the_schema_as_it_grew(scene: Scene, data: Path) -> None:
    ship(scene, "1.3.0", fault="crash", fixes="1.2.0", **{"0002_mail": MAIL})
    view = scene.ended("1.3.0", "dev", phase="rolled back")
    assert "the schema keeps 0002_mail" in view["why"]
    assert "mail" in tables(data, "dev")
    assert scene.live("dev") == "1.1.0"


def test_what_takes_something_away_comes_with_the_second_promotion_and_then_a_rollback_says_what_is_gone(scene: Scene, data: Path) -> None:
    with closing(sqlite3.connect(data / "dev.db")) as on, on:
        on.executemany("insert into users (id, phone) values (?, ?)", [(number, "0123") for number in range(1, 26)])
    ship(scene, "1.4.0", fault="none", fixes="1.3.0", **{"0003_fill": FILL, "0004_drop": DROP})
    scene.ended("1.4.0", "dev")
    with closing(sqlite3.connect(data / "dev.db")) as on:
        assert on.execute("select count(*) from users where mail = 'none'").fetchone() == (25,)
        assert on.execute("select count(phone) from users").fetchone() == (25,)
    plan = scene.headway("plan", "1.4.0", "--to", "dev").text
    assert "after 0004_drop there is no automatic way back: it drops users.phone (users.phone: 25 values)" in plan
    scene.headway("promote", "1.4.0", "--to", "dev", "--wait", "60")
    assert "phone" not in tables(data, "dev")
    said = scene.headway("rollback", "dev", "--why", "people miss it", code=12).text
    assert "took users.phone: 25 values" in said


def test_a_file_that_changed_is_refused_before_anything_is_touched(scene: Scene, data: Path) -> None:
    before = tables(data, "dev")
    ship(scene, "1.5.0", **{"0001_users": USERS.replace("phone text", "phone integer")})
    scene.until(lambda: scene.ask("releases"), lambda view: "tally@1.5.0" in str(view), "the release")
    said = scene.headway("plan", "1.5.0", "--to", "dev", code=12).text
    assert "0001_users.sql changed after it was applied" in said
    assert tables(data, "dev") == before


# -- PostgreSQL


def test_kill_9_of_the_server_in_the_middle_of_a_migration_changes_nothing(play: Callable[..., Scene], postgres: Any) -> None:
    with postgres.database() as dev, postgres.database() as production:
        scene = play(with_databases, TALLY_DEV=dev, TALLY_PRODUCTION=production)
        scene.ended("1.0.0", "dev")
        ship(scene, "1.1.0", **{"0001_users": USERS})
        scene.ended("1.1.0", "dev")
        ship(scene, "1.2.0", **{"0002_slow": "-- migrate:up\nSELECT pg_sleep(3);\nCREATE TABLE slow (id integer);\n"})
        view = scene.when(scene.rollout("1.2.0", "dev"), lambda one: "migrating" in one["why"], "the migration to run")
        assert "0002_slow" in view["why"]
        scene.kill()
        scene.start()
        done = scene.ended("1.2.0", "dev")
        assert sum(event["what"].startswith("migrate the database") for event in done["events"]) == 1
        import psycopg

        with psycopg.connect(dev) as on:
            assert on.execute("select version from schema_migrations order by 1").fetchall() == [(1,), (2,)]


def test_the_run_itself_killed_is_begun_again_and_applied_once(play: Callable[..., Scene], postgres: Any) -> None:
    with postgres.database() as dev, postgres.database() as production:
        scene = play(with_databases, TALLY_DEV=dev, TALLY_PRODUCTION=production)
        scene.ended("1.0.0", "dev")
        ship(scene, "1.1.0", **{"0001_slow": "-- migrate:up\nSELECT pg_sleep(2);\nCREATE TABLE slow (id integer);\n"})
        (run,) = _working(scene)
        os.kill(run, signal.SIGKILL)
        scene.ended("1.1.0", "dev")
        import psycopg

        with psycopg.connect(dev) as on:
            assert on.execute("select version from schema_migrations").fetchall() == [(1,)]


def _working(scene: Scene) -> list[int]:
    end = time.monotonic() + 20
    while not (found := scene.named("headway.adapters.migrating.work")):
        assert time.monotonic() < end
        time.sleep(0.05)
    return found
