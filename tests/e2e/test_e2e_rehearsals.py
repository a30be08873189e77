"""Migrations are tried on a clone before people approve them, with the release that runs now started on what comes of it."""

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from scene import File, Scene, View, by_health
from test_e2e_migrations import USERS, WRONG, ship, tables, unship

MAIL = "-- migrate:up\nALTER TABLE users ADD COLUMN mail text;\n-- migrate:down\nALTER TABLE users DROP COLUMN mail;\n"


def with_rehearsals(file: File) -> None:
    by_health(file)
    environments = file["environments"]
    told = {name: {"secrets": {"DATABASE_URL": f"env:{url}"}, "database": f"env:{url}"} for name, url in
            {"dev": "TALLY_DEV", "production": "TALLY_PRODUCTION"}.items()}  # fmt: skip
    file["environments"] = {
        "dev": environments["dev"] | {"trigger": {"merge": "main"}} | told["dev"],
        "production": environments["production"] | {"after": "dev", "approvals": 1, "checks": ["smoke"]} | told["production"],
    }


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def scene(scenes: Callable[..., Scene], data: Path) -> Iterator[Scene]:
    made = scenes(with_rehearsals, TALLY_DEV=f"sqlite:///{data}/dev.db", TALLY_PRODUCTION=f"sqlite:///{data}/production.db")
    made.ended("1.0.0", "dev")
    return made


def rehearsed(scene: Scene, version: str, environment: str, state: str = "passed") -> View:
    return scene.until(
        lambda: scene.ask("rehearsal", release=f"tally@{version}", environment=environment),
        lambda view: view["state"] == state,
        f"the rehearsal of {version} for {environment}",
    )


def test_people_approve_what_was_tried_with_the_release_that_runs_on_the_new_schema(scene: Scene, data: Path) -> None:
    scene.headway("promote", "1.0.0", "--to", "production", code=11)
    scene.headway("approve", "1.0.0", "--to", "production", by="bob")
    scene.ended("1.0.0")
    ship(scene, "1.1.0", **{"0001_users": USERS})
    scene.ended("1.1.0", "dev")
    with closing(sqlite3.connect(data / "production.db")) as on, on:
        on.execute("create table votes (id integer)")
    assert "was not rehearsed yet: 0001_users" in scene.headway("approve", "1.1.0", "--to", "production", by="bob", code=12).text
    scene.headway("promote", "1.1.0", "--to", "production", code=11)
    rehearsed(scene, "1.1.0", "production")
    plan = scene.headway("plan", "1.1.0", "--to", "production").text
    assert "0001_users took" in plan
    assert "1.0.0 runs on the schema of 1.1.0: ready after" in plan
    assert "smoke passed" in plan
    assert "users" not in tables(data, "production")
    assert "smoke passed" in scene.headway("approve", "1.1.0", "--to", "production", by="bob").text
    scene.ended("1.1.0")
    assert "users" in tables(data, "production")


def test_one_that_fails_keeps_the_release_out_with_what_was_found_until_it_is_run_again(scene: Scene, data: Path) -> None:
    ship(scene, "1.2.0", **{"0002_notes": WRONG})
    waiting = scene.rollout("1.2.0", "dev")
    rehearsed(scene, "1.2.0", "dev", "failed")
    assert "expected one true value" in scene.when(waiting, lambda one: "failed" in one["why"], "the objection")["why"]
    assert "notes" not in tables(data, "dev")
    assert scene.live("dev") == "1.1.0"
    again = scene.headway("rehearse", "1.2.0", "--to", "dev", "--wait", "30", code=3)
    assert "0002_notes.sql" in again.text
    assert scene.ask("rehearsal", release="tally@1.2.0", environment="dev")["number"] == 2
    scene.headway("abort", "dev", "--why", "it will be mended")
    unship(scene, "0002_notes")


def test_kill_9_of_the_server_in_mid_rehearsal_and_the_same_one_is_found_again(play: Callable[..., Scene], postgres: Any) -> None:
    with postgres.database() as dev, postgres.database() as production:
        scene = play(with_rehearsals, TALLY_DEV=dev, TALLY_PRODUCTION=production)
        scene.ended("1.0.0", "dev")
        slow = "-- migrate:up\nSELECT pg_sleep(2);\nCREATE TABLE slow (id integer);\n-- migrate:down\nDROP TABLE slow;\n"
        ship(scene, "1.1.0", **{"0001_slow": slow})
        scene.rollout("1.1.0", "dev")
        scene.until(lambda: {"runs": _processes(scene)}, lambda view: view["runs"], "the rehearsal to run")
        scene.kill()
        scene.start()
        scene.ended("1.1.0", "dev")
        told = json.loads(scene.headway("audit", "log", "tally@1.1.0", "--json").out)["events"]
        words = [event["what"] for event in told if "rehearsal" in event["what"]]
        assert words == ["asked for a rehearsal for dev", "rehearsal for dev passed"]
        assert len(list((scene.home / "rehearsals").iterdir())) == 1


def _processes(scene: Scene) -> list[int]:
    return scene.named("headway.adapters.migrating.trial")
