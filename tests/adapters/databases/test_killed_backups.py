"""kill -9 within a backup, a restore and a rehearsal: the live database is whole, and the next run clears away what was left.

The instants are the calls of our own functions: the child counts them and dies at its turn.
"""

import os
import shutil
import signal
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from databases_bench import Bench

from headway.adapters.databases import rehearse
from headway.adapters.databases.backup import back_up, drill, restore
from headway.adapters.databases.claims import abandoned, claimed
from headway.adapters.databases.shelf import backups, draft, sweep
from headway.errors import HeadwayError

DATA = "create table a (id integer primary key, t text); insert into a values (1, 'x'), (2, 'y'), (3, 'z');"
HERE = f"headway{os.sep}adapters{os.sep}databases{os.sep}"


def instants(act: Callable[[], object], die_at: int = 0) -> int:
    """How many calls of ours this takes; at one of them, die."""
    count = 0

    def look(frame, event, _arg):
        nonlocal count
        if event in {"call", "return"} and HERE in frame.f_code.co_filename:
            count += 1
            if count == die_at:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.setprofile(look)
    try:
        act()
    finally:
        sys.setprofile(None)
    return count


def killed(act: Callable[[], object], at: int) -> None:
    child = os.fork()
    if child == 0:
        try:
            instants(act, at)
        finally:
            os._exit(7)
    assert os.WIFSIGNALED(os.waitpid(child, 0)[1]), f"instant {at} never came"


def spread(most: int, wanted: int) -> list[int]:
    """So many instants, over nearly all of it: a call more or less differs from run to run."""
    return sorted({max(1, round(most * 0.95 * at / wanted)) for at in range(1, wanted + 1)})


def left_over(bench: Bench) -> list[str]:
    """Everything half made, wherever that may be."""
    found = [path.name for path in (bench.folder / "shelf").glob(".*.tmp")]
    if bench.is_postgres:
        query = "select datname from pg_database where starts_with(datname, current_database() || '_') and datname not like '%_bad_%'"
        return found + [name for (name,) in bench.ask(query)]
    return found + [path.name for path in bench.folder.glob("app.db_*") if "_bad_" not in path.name]


def test_a_backup_that_was_killed_is_none_and_leaves_nothing(bench: Bench) -> None:
    bench.up(DATA)
    shelf = bench.folder / "shelf"

    def act() -> object:
        return back_up(bench.address, shelf, bench.now, "t")

    most = instants(act)
    for at in spread(most, 5 if bench.is_postgres else 20):
        shutil.rmtree(shelf)
        killed(act, at)
        assert len(backups(shelf)) <= 1
        back_up(bench.address, shelf, bench.now, f"n{at}")
        assert left_over(bench) == []
        for one in backups(shelf):
            assert sum(one.manifest.tables.values()) == 4


def test_a_swap_that_was_killed_left_the_one_or_the_other(bench: Bench) -> None:
    bench.up(DATA)
    if not bench.is_postgres:
        bench.ask("pragma journal_mode = wal")
    made = back_up(bench.address, bench.folder / "shelf", bench.now, "t")
    tags = iter(range(1000))

    def act() -> object:
        return restore(bench.address, made, f"r{next(tags)}", swap=True, accept_loss=True)

    most = instants(act)
    seen = set()
    near_the_end = set() if bench.is_postgres else set(range(most - 16, most - 2))
    for at in sorted({*spread(most, 6 if bench.is_postgres else 25)} | near_the_end):
        bench.ask("delete from a where id > 3")
        bench.ask("insert into a values (4, 'new')")
        next(tags)
        killed(act, at)
        rows = bench.one("select count(*) from a")
        assert rows in {3, 4}, "neither the old database nor the restored one"
        seen.add(rows)
        if not bench.is_postgres:
            assert bench.one("pragma journal_mode") == "wal"
        restore(bench.address, made, f"again{at}", swap=True, accept_loss=True)
        assert left_over(bench) == []
        assert bench.one("select count(*) from a") == 3
        if not bench.is_postgres:
            assert bench.address.path.stat().st_nlink == 1
    assert seen == {3, 4}, "both sides of the swap were met"


def test_a_drill_and_a_rehearsal_that_were_killed_leave_nothing(bench: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(rehearse.tempfile, "tempdir", str(scratch))
    bench.up(DATA)
    made = back_up(bench.address, bench.folder / "shelf", bench.now, "t")
    more = bench.migrations(DATA, "alter table a add column b text;\n-- migrate:down\nalter table a drop column b;")
    acts = (
        lambda: drill(bench.address, made, "d1"),
        lambda: rehearse.rehearse(bench.address, more, bench.now, "h1", timeouts=bench.timeouts),
    )
    met = 0
    for act in acts:
        most = instants(act)
        for at in spread(most, 3 if bench.is_postgres else 8):
            killed(act, at)
            met += bool(left_over(bench) or [*scratch.iterdir()])
            act()
            assert left_over(bench) == []
            assert [*scratch.iterdir()] == []
    assert met, "nothing was ever left, so nothing was shown"


def test_what_somebody_is_still_making_is_let_be(bench: Bench) -> None:
    from headway.adapters.databases.backup import vault

    bench.up(DATA)
    made = back_up(bench.address, bench.folder / "shelf", bench.now, "t")
    there = vault(bench.address)
    with draft(bench.folder / "shelf", "other") as mine, there.making("_restored_mine") as name:
        there.restore(made, None, name)
        assert sweep(bench.folder / "shelf") == ()
        assert vault(bench.address).sweep() == ()
        assert mine.exists()
        kept = there.keep(name, "_restored_mine")
    assert vault(bench.address).sweep() == ()
    if bench.is_postgres:
        assert bench.one(f"select count(*) from pg_database where datname = '{kept}'") == 1
    else:
        assert Path(kept).exists()


def test_what_is_not_ours_is_let_be(lite: Bench) -> None:
    lite.up(DATA)
    theirs = [lite.folder / name for name in ("app.db_old", "app.db_restored_x", "app.db_notes.tmp", "other.db_drill_x.tmp")]
    for one in theirs:
        one.touch()
    back_up(lite.address, lite.folder / "shelf", lite.now, "t")
    assert all(one.exists() for one in theirs)


def test_a_claim_ends_with_its_maker(tmp_path: Path) -> None:
    path = tmp_path / "x"

    def make() -> Path:
        path.touch()
        return path

    with claimed(make):
        assert not abandoned(path)
    assert abandoned(path)
    assert not abandoned(tmp_path / "nowhere")


def test_a_broom_that_breaks_is_no_reason_to_go_without_a_backup(lite: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    from headway.adapters.databases import backup as module

    def broken(_folder: Path) -> None:
        raise HeadwayError("the broom broke")

    lite.up(DATA)
    monkeypatch.setattr(module, "sweep", broken)
    with closing(sqlite3.connect(back_up(lite.address, lite.folder / "shelf", lite.now, "t").path)) as on:
        assert on.execute("select count(*) from a").fetchone() == (3,)
