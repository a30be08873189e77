"""Does the release before survive a migration, and which data goes?"""

import pytest

from headway.migration.changes import changes, index_of, kind_of, losses
from headway.migration.files import parse
from headway.migration.lexer import statements
from headway.migration.model import Dialect, Kind, Script

PG = Dialect.POSTGRES


def of(sql: str, dialect: Dialect = PG):
    return changes(Script(sql, 1), dialect)


@pytest.mark.parametrize(
    "sql",
    [
        pytest.param("create table a (id int primary key, b text not null check (b <> ''))", id="a new table"),
        pytest.param("alter table a add column b int", id="a nullable column"),
        pytest.param("alter table a add b int not null default 0, add c text", id="a column with a default"),
        pytest.param("alter table a add column id bigint generated always as identity", id="a generated column"),
        pytest.param(
            "create table a (id int); alter table a add constraint c check (id > 0); create unique index i on a (id)",
            id="all on a new table",
        ),
        pytest.param("create index concurrently i on a (b)", id="an index"),
        pytest.param("alter type mood add value 'fine'", id="a new label"),
        pytest.param("drop index i; drop trigger t on a", id="what only the database needs"),
        pytest.param("alter table a alter column b drop not null, alter b set default 1", id="what loosens"),
        pytest.param("alter table a validate constraint c; alter table a drop constraint c", id="constraints that were there"),
        pytest.param("update a set b = 1 where b is null; insert into a values (1)", id="data"),
        pytest.param("create table t (id int); drop table t", id="a table that comes and goes"),
    ],
)
def test_what_only_adds_breaks_nothing(sql: str) -> None:
    assert [one.what for one in of(sql) if one.breaks or one.unclear] == []


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        pytest.param("drop table if exists s.a, b cascade", ["drops table s.a", "drops table b"], id="tables"),
        pytest.param("drop view v; drop materialized view m; drop type t", ["drops view v", "drops view m", "drops type t"], id="others"),
        pytest.param("alter table only a drop column if exists b, drop c", ["drops a.b", "drops a.c"], id="columns"),
        pytest.param("alter table a rename to b", ["renames a"], id="a table's name"),
        pytest.param(
            "alter table a rename column b to c; alter table a rename d to e", ["renames a.b", "renames a.d"], id="columns' names"
        ),
        pytest.param("alter table a alter column b type bigint using b::bigint", ["changes the type of a.b"], id="a type"),
        pytest.param("alter table a alter b set data type text", ["changes the type of a.b"], id="a type, longer"),
        pytest.param("alter table a alter b set not null", ["makes a.b not null"], id="not null"),
        pytest.param("alter table a add column b int not null", ["adds a.b, not null and without a default"], id="a column nobody fills"),
        pytest.param("alter table a add constraint c check (b > 0) not valid", ["adds check to a"], id="a check"),
        pytest.param("alter table a add unique (b)", ["adds unique to a"], id="unique"),
        pytest.param("alter table a add foreign key (b) references c (id)", ["adds foreign key to a"], id="a foreign key"),
        pytest.param("create unique index concurrently i on only a (b)", ["adds the unique index i on a"], id="a unique index"),
        pytest.param("create trigger t before insert on a execute function f()", ["adds the trigger t"], id="a trigger"),
        pytest.param("alter type mood rename value 'a' to 'b'", ["changes or renames type mood"], id="a label"),
        pytest.param('alter table "Users" drop column "Phone"', ["drops Users.Phone"], id="names as they are quoted"),
        pytest.param("revoke select on a from app", ["revokes a right"], id="a right"),
    ],
)
def test_what_takes_away_or_tightens_is_named(sql: str, said: list[str]) -> None:
    assert [one.what for one in of(sql) if one.breaks] == said


@pytest.mark.parametrize("sql", ["do $$ begin end $$", "call f()", "create or replace function f() returns int as '' language sql"])
def test_what_cannot_be_read_is_unclear_and_never_safe(sql: str) -> None:
    assert [one.unclear for one in of(sql)] == [True]


def test_data_that_goes_is_named() -> None:
    sql = "drop table a; alter table b drop column c; truncate d, e; delete from f where x"
    assert [loss.what for loss in losses(Script(sql, 1), PG)] == ["a", "b.c", "d", "e", "f"]


def test_a_rebuilt_table_is_not_a_lost_one() -> None:
    sql = "create table new_a (id int); insert into new_a select id from a; drop table a; alter table new_a rename to a"
    found = of(sql, Dialect.SQLITE)
    assert [one.what for one in found] == ["rebuilds a"]
    assert losses(Script(sql, 1), Dialect.SQLITE) == ()


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        pytest.param("-- migrate:up\nalter table a add b int", Kind.EXPAND, id="expand"),
        pytest.param("-- migrate:up\nalter table a drop b", Kind.CONTRACT, id="contract"),
        pytest.param(
            "-- migrate:backfill table=a key=id\nupdate a set b=1 where id between :first and :last", Kind.BACKFILL, id="backfill"
        ),
    ],
)
def test_a_migration_is_of_one_kind(text: str, kind: Kind) -> None:
    assert kind_of(parse({"1_a.sql": text}, PG)[0], PG) is kind


@pytest.mark.parametrize(
    ("sql", "found"),
    [
        pytest.param("create unique index concurrently s.i on a (b)", (True, ("s", "i")), id="made"),
        pytest.param('drop index concurrently if exists "I"', (False, ("I",)), id="dropped"),
        pytest.param("create index on a (b)", None, id="without a name nobody can look"),
        pytest.param("vacuum a", None, id="something else"),
    ],
)
def test_an_index_can_be_looked_for(sql: str, found: object) -> None:
    assert index_of(statements(sql, PG)[0]) == found
