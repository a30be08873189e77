"""The verbs by the team's own tool, on both stores: alembic, Django and dbmate for real."""

import os
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import tool_projects as projects
from databases_bench import Bench
from tool_projects import BROKEN, DROP, PHONE, TABLE, migrations, name

from headway.adapters.databases import foreign_verbs
from headway.adapters.databases.address import address
from headway.adapters.databases.store import Busy
from headway.errors import Contradiction, Failed, HeadwayError, InvalidSpec, Refused, Unavailable

TOOLS = ["alembic", "django", "dbmate"]
once = pytest.mark.parametrize(("store", "tool"), [("lite", "alembic"), ("pg", "django")])
"""What is ours and not the tool's is looked at once on each store."""
both = pytest.mark.parametrize("tool", TOOLS)


@both
def test_the_whole_way(bench: Bench, tool: str) -> None:
    made = migrations(bench, tool, TABLE, PHONE)
    assert [one["name"] for one in made.status()["pending"]] == [name(tool, 1), name(tool, 2)]
    done = made.up(backup=False)
    assert [one["title"] for one in done["applied"]] == [name(tool, 1), name(tool, 2)]
    assert "users" in bench.tables()
    after = made.status()
    assert (len(after["applied"]), after["pending"], after["objections"]) == (2, [], [])
    assert made.up()["applied"] == []
    with pytest.raises(Refused, match="cannot be counted"):
        made.down(1, accept_loss=False)
    taken = made.down(1, accept_loss=True)
    assert [one["title"] for one in taken["taken_down"]] == [name(tool, 2)]
    assert Path(taken["backup"]).exists()
    assert "phone" not in str(columns(bench))


def columns(bench: Bench) -> list[str]:
    if bench.is_postgres:
        return [one[0] for one in bench.ask("select column_name from information_schema.columns where table_name = 'users'")]
    return [one[1] for one in bench.ask("pragma table_info(users)")]


@both
def test_it_keeps_what_it_promises_when_a_migration_fails(bench: Bench, tool: str) -> None:
    """Each adapter declares whether a failed migration leaves half of itself; the real tool is held to it."""
    made = migrations(bench, tool, TABLE, BROKEN)
    with pytest.raises(Failed, match="ended with"):
        made.up()
    assert ("half" not in bench.tables()) is made.promises.atomic


@once
def test_a_contract_is_known_from_the_sql_and_waits_in_production(store: str, tool: str, request: pytest.FixtureRequest) -> None:
    bench: Bench = request.getfixturevalue(store)
    made = migrations(bench, tool, TABLE)
    made.up(backup=False)
    made = replace(migrations(bench, tool, TABLE, PHONE, DROP), traffic=True)
    view = made.status()
    assert [one["kind"] for one in view["pending"]] == ["expand", "contract"]
    done = made.up(backup=False)
    assert (done["applied"], done["waiting"]) == ([], [name(tool, 2), name(tool, 3)])
    assert done["why"] == [f"{name(tool, 3)} takes something away and waits until no running release needs it"]
    assert any("users.name: 0 values" in one for one in done["way_back"])
    assert len(made.up(backup=False, contracts=True)["applied"]) == 2


@once
def test_it_is_rehearsed_on_a_clone(store: str, tool: str, request: pytest.FixtureRequest) -> None:
    bench: Bench = request.getfixturevalue(store)
    migrations(bench, tool, TABLE).up(backup=False)
    made = migrations(bench, tool, TABLE, PHONE)
    done = made.rehearse()
    assert done["applied"] == (name(tool, 2),)
    assert "the catalog is as it was" in done["notes"][-1]
    assert "phone" not in columns(bench)
    forgetful = (["alter table users add column phone text", "create index i on users (phone)"], ["drop index i"])
    with pytest.raises(Failed, match="the schema is not what it was before"):
        migrations(bench, tool, TABLE, forgetful).rehearse()


def test_a_tool_that_goes_elsewhere_is_found_before_it_does(lite: Bench) -> None:
    made = migrations(lite, "alembic", TABLE)
    elsewhere = f"sqlite:///{lite.folder}/elsewhere.db"
    made = replace(made, argv=("env", f"DATABASE_URL={elsewhere}", *made.argv))
    with pytest.raises(Refused, match="may work on another database"):
        made.up()
    assert not (lite.folder / "elsewhere.db").exists() or lite.tables() == set()


def test_a_database_ahead_of_the_files_is_refused(lite: Bench) -> None:
    made = migrations(lite, "alembic", TABLE, PHONE)
    made.up(backup=False)
    (made.folder / "m/versions/r2.py").unlink()
    again = migrations(lite, "alembic", TABLE)
    assert again.status()["unknown"] == ["r2"]
    with pytest.raises(Refused, match="the database is ahead of these files: it has r2"):
        again.up()


def test_branches_are_told_apart(lite: Bench) -> None:
    made = migrations(lite, "alembic", TABLE, PHONE)
    made.up(backup=False)
    side = projects.REVISION.format(name="side", before="r1", ups=["create table side (id int)"], downs=["drop table side"])
    (made.folder / "m/versions/side.py").write_text(side)
    view = migrations(lite, "alembic", TABLE, PHONE).status()
    assert ([one["name"] for one in view["applied"]], [one["name"] for one in view["pending"]]) == (["r1", "r2"], ["side"])


def test_what_cannot_be_told_beforehand_waits_for_a_word(lite: Bench) -> None:
    migrations(lite, "django", TABLE).up(backup=False)
    made = replace(migrations(lite, "django", TABLE), traffic=True)
    (made.folder / "shop/migrations/0002_m.py").write_text(
        "from django.db import migrations\nclass Migration(migrations.Migration):\n    dependencies = [('shop', '0001_m')]\n"
        "    operations = [migrations.RunPython(lambda apps, editor: None, migrations.RunPython.noop)]\n"
    )
    assert [one["kind"] for one in made.status()["pending"]] == ["unclear"]
    assert any("was not linted" in one for one in made.lint()["not_run"])
    done = made.up(backup=False)
    assert "may take something away, which cannot be told beforehand" in done["why"][0]
    assert len(made.up(backup=False, contracts=True)["applied"]) == 1


def test_danger_in_the_tools_sql_blocks_in_production(pg: Bench) -> None:
    migrations(pg, "alembic", TABLE).up(backup=False)
    made = replace(migrations(pg, "alembic", TABLE, (["update users set name = 'x'"], [])), traffic=True)
    with pytest.raises(Refused, match="UPDATE without WHERE"):
        made.up()


def test_a_lock_is_given_up_soon_and_tried_again(pg: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """lock_timeout reaches whatever speaks by libpq."""
    import psycopg

    monkeypatch.setattr(foreign_verbs, "_TRIES", 2)
    pg.ask(TABLE[0][0])
    with psycopg.connect(pg.address.url) as other:
        other.execute("select * from users")
        with pytest.raises(Busy, match=r"lock timeout.*tried 2 times"):
            migrations(pg, "alembic", PHONE).up(backup=False)
    assert "phone" not in columns(pg)


def test_a_database_that_is_away_is_nobodys_fault(lite: Bench, tmp_path: Path) -> None:
    made = migrations(lite, "alembic", TABLE)
    for url in ("postgresql://app:pass-that-nobody-has@127.0.0.1:1/app",):
        with pytest.raises(Unavailable, match=r"127\.0\.0\.1:1") as error:
            replace(made, address=address(url)).status()
        assert "pass-that-nobody-has" not in str(error.value)


def test_headways_own_words_are_refused(lite: Bench) -> None:
    made = migrations(lite, "alembic", TABLE)
    for act in (made.verify, made.repair, lambda: made.up(fill_now=True)):
        with pytest.raises((Refused, InvalidSpec), match="alembic"):
            act()


def test_a_tool_that_only_says_that_it_went_up_is_found(lite: Bench) -> None:
    made = migrations(lite, "alembic", TABLE)
    liar = lite.folder / "liar"
    liar.write_text(f'#!/bin/sh\nfor word; do [ "$word" = upgrade ] && exit 0; done\nexec {sys.executable} -m alembic "$@"\n')
    liar.chmod(0o755)
    with pytest.raises(Contradiction, match="said that it went up, and r1 is not applied"):
        replace(made, argv=(str(liar),)).up()


def test_kill_9_of_headway_while_the_tool_is_at_work(bench: Bench) -> None:
    """The tool goes on; whoever comes next waits for it, and finds what is true."""
    slow = "select pg_sleep(1)" if bench.is_postgres else _SLOW
    made = migrations(bench, "alembic", TABLE, ([slow, *PHONE[0]], PHONE[1]))
    begun = bench.folder / "begun"
    env = (made.folder / "m/env.py").read_text()
    (made.folder / "m/env.py").write_text(
        f"import sys\nfrom pathlib import Path\nif 'upgrade' in sys.argv: Path({str(begun)!r}).touch()\n{env}"
    )
    child = os.fork()
    if child == 0:
        try:
            made.up(backup=False)
        finally:
            os._exit(7)
    until = time.monotonic() + 60
    while not begun.exists():
        assert time.monotonic() < until, "the tool was never started"
        time.sleep(0.02)  # another process's file
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    bench.timeouts = replace(bench.timeouts, patience=30)
    again = migrations(bench, "alembic", TABLE, ([slow, *PHONE[0]], PHONE[1]))
    again.up(backup=False)
    assert (len(again.status()["applied"]), again.status()["pending"]) == (2, [])
    assert columns(bench) == ["id", "name", "phone"]


_SLOW = "with recursive n(i) as (select 1 union all select i + 1 from n where i < 3000000) select count(*) from n"


def test_no_password_is_in_a_command_line_or_in_what_a_tool_says(lite: Bench) -> None:
    """The tool fails and says where it wanted to go."""
    loud = lite.folder / "loud"
    loud.write_text('#!/bin/sh\necho "args: $* cannot reach $DATABASE_URL"; exit 1\n')
    loud.chmod(0o755)
    made = replace(
        migrations(lite, "dbmate", TABLE), argv=(str(loud),), address=address("postgresql://app:pass-that-nobody-has@127.0.0.1:1/app")
    )
    with pytest.raises(HeadwayError) as error:
        made._on(made.address).status()
    assert "127.0.0.1:1" in str(error.value)
    assert "pass-that-nobody-has" not in f"{error.value}{made._on(made.address)!r}"


def test_the_command_line_goes_the_whole_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from headway.cli.main import main

    monkeypatch.chdir(projects.alembic(tmp_path / "project", TABLE, PHONE))
    words = ["--tool", "alembic", "--tool-command", f"{sys.executable} -m alembic", "--database", f"sqlite:///{tmp_path}/app.db"]

    def said(*verb: str) -> str:
        with pytest.raises(SystemExit) as ended:
            main(["--home", str(tmp_path / "home"), "migrate", *verb, *words])
        assert not ended.value.code
        return "".join(capsys.readouterr())

    assert "alembic: a failure may leave a migration half applied" in said("status")
    assert "CREATE TABLE alembic_version" in said("up", "--dry-run")
    assert '"title": "r2"' in said("up", "--json")
    assert "taken down r2" in said("down", "--accept-data-loss")
    assert "it restores" in said("restore", "--drill")
