"""What is particular about SQLite."""

import sqlite3
from contextlib import closing

import pytest
from databases_bench import Bench

from headway.adapters.databases.store import Busy
from headway.errors import Contradiction, Failed, Refused, Unavailable

FAMILY = """
create table parent (id integer primary key, a text);
create table child (id integer primary key, parent integer not null references parent (id) on delete cascade);
insert into parent values (1, 'x'); insert into child values (10, 1);
"""
REBUILD = """
create table new_parent (id integer primary key, a text not null);
insert into new_parent select id, a from parent;
drop table parent;
alter table new_parent rename to parent;
"""


@pytest.mark.parametrize(
    "pragma", [pytest.param("", id="without a word"), pytest.param("pragma foreign_keys = off;", id="the usual recipe")]
)
def test_rebuilding_a_table_keeps_its_childrens_rows(lite: Bench, pragma: str) -> None:
    lite.up(FAMILY, pragma + REBUILD)
    assert lite.ask("select * from child") == [(10, 1)]


def test_rows_that_would_point_at_nothing_undo_everything(lite: Bench) -> None:
    lite.up(FAMILY)
    with pytest.raises(Failed, match="1 rows would point at nothing, such as one of child at parent"):
        lite.up(FAMILY, "delete from parent where id = 1")
    assert lite.ask("select id from parent") == [(1,)]


def test_rows_that_pointed_at_nothing_before_are_not_this_files_doing(lite: Bench) -> None:
    lite.up(FAMILY)
    lite.ask("insert into child values (11, 99)")
    lite.up(FAMILY, "create table other (id int)")
    assert lite.versions() == [1, 2]


def test_a_file_may_ask_for_its_keys(lite: Bench) -> None:
    lite.up(FAMILY)
    lite.up(FAMILY, "pragma foreign_keys = on; delete from parent where id = 1;")
    assert lite.ask("select * from child") == []


def test_one_transaction_has_one_setting(lite: Bench) -> None:
    with pytest.raises(Refused, match="one transaction has one setting"):
        lite.up(FAMILY, "pragma foreign_keys = on; delete from parent where id = 1;")
    assert lite.versions() == []


def test_schema_changes_are_undone_too(lite: Bench) -> None:
    """The driver's executescript() would have committed them."""
    with pytest.raises(Failed):
        lite.up("create table a (id int); create table b (id int); insert into a values (1); select nonsense;")
    assert lite.tables() == set()


def test_a_trigger_with_its_body_is_one_statement(lite: Bench) -> None:
    lite.up("create table a (id int, n int);\ncreate trigger t after insert on a begin update a set n = 1; update a set n = n + 1; end;\n")
    lite.ask("insert into a values (1, 0)")
    assert lite.one("select n from a") == 2


def test_vacuum_runs_outside(lite: Bench) -> None:
    lite.up("create table a (id int)", "-- migrate:up transaction:false\nvacuum")
    assert lite.states() == {1: "applied", 2: "applied"}


def test_a_writer_that_does_not_end_is_a_sentence(lite: Bench) -> None:
    lite.up("create table a (id int)")
    with closing(sqlite3.connect(lite.address.path, isolation_level=None)) as other:
        other.execute("begin immediate")
        with pytest.raises(Busy, match="is locked by someone else; nothing was kept; tried 2 times"):
            lite.up("create table a (id int)", "create table b (id int)")
    assert lite.tables() == {"a"}


def test_a_read_only_file_is_a_sentence(lite: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    lite.up("create table a (id int)")
    real = sqlite3.connect
    uri = f"{lite.address.path.as_uri()}?mode=ro"  # as root, no file mode would stop us
    monkeypatch.setattr(sqlite3, "connect", lambda path, **more: real(uri, **{**more, "uri": True}))
    with pytest.raises(Refused, match="is read-only"):
        lite.up("create table a (id int)", "create table b (id int)")


def test_a_full_disk_is_a_sentence_and_leaves_nothing(lite: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    lite.up("create table a (id integer primary key, b blob)")
    real = sqlite3.connect

    def small(path, **more):
        made = real(path, **more)
        made.execute("pragma max_page_count = 20")
        return made

    monkeypatch.setattr(sqlite3, "connect", small)
    with pytest.raises(Unavailable, match="has no room left on its disk"):
        lite.up("create table a (id integer primary key, b blob)", "insert into a (b) values (zeroblob(400000))")
    assert lite.versions() == [1]
    assert lite.one("select count(*) from a") == 0


def test_what_is_no_database_is_a_sentence(lite: Bench) -> None:
    lite.address.path.write_bytes(b"not a database at all, but long enough to be looked at by somebody" * 20)
    with pytest.raises(Contradiction, match="is not a whole SQLite database"):
        lite.up("create table a (id int)")


def test_a_statement_that_takes_too_long_is_ended(lite: Bench) -> None:
    from headway.adapters.databases.store import Timeouts

    lite.timeouts = Timeouts(lock=0.2, statement=0.2, patience=1)
    with pytest.raises(Failed, match=r"001_m\.sql:2: took longer than it may"):
        lite.up("with recursive n(i) as (select 1 union all select i + 1 from n) select count(*) from n")


def test_a_folder_that_is_not_there_is_a_sentence(lite: Bench) -> None:
    from dataclasses import replace

    lite.address = replace(lite.address, url=f"sqlite:///{lite.folder}/no/app.db")
    with pytest.raises(Unavailable, match="folder that does not exist"):
        lite.up("create table a (id int)")


def test_the_first_look_after_a_kill_rolls_back_what_the_dead_one_left(lite: Bench) -> None:
    import os
    import signal

    lite.up("create table a (id integer primary key, t text)")
    child = os.fork()
    if child == 0:
        try:
            on = sqlite3.connect(lite.address.path, isolation_level=None)
            on.execute("pragma cache_size = 1")  # so that half of it is already in the file
            on.execute("begin immediate")
            on.executemany("insert into a (t) values (?)", [("x" * 3000,)] * 200)
            os.kill(os.getpid(), signal.SIGKILL)
        finally:
            os._exit(7)
    os.waitpid(child, 0)
    assert lite.address.path.with_name("app.db-journal").exists()
    assert [row.version for row in lite.store.look().rows] == [1]
    assert lite.one("select count(*) from a") == 0
