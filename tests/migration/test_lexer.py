"""SQL is cut where the database would cut it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway.migration.lexer import canonical, statements, tokens
from headway.migration.model import Dialect

PG, LITE = Dialect.POSTGRES, Dialect.SQLITE


@pytest.mark.parametrize(
    ("sql", "dialect", "count"),
    [
        pytest.param("select 1; select 2;", PG, 2, id="two"),
        pytest.param(";;  ; -- nothing\n/* at all */", PG, 0, id="none"),
        pytest.param("select ';'", PG, 1, id="in a string"),
        pytest.param("select 'it''s;'", LITE, 1, id="after a doubled quote"),
        pytest.param(r"select E'it\'s;'", PG, 1, id="after an escaped quote"),
        pytest.param('select "a;b"', PG, 1, id="in a name"),
        pytest.param("select [a;b], `c;d`", LITE, 1, id="in SQLite's other names"),
        pytest.param("do $$ begin; end; $$; select 1", PG, 2, id="in a body"),
        pytest.param("do($x$ a; $$ b; $x$); select 1", PG, 2, id="in a tagged body"),
        pytest.param("/* a /* b */ ; */ select 1", PG, 1, id="in a comment within a comment"),
        pytest.param("/* a /* b */ ; select 1", LITE, 1, id="SQLite's comments do not nest"),
        pytest.param("create function f() returns int begin atomic select 1; select 2; end; select 3", PG, 2, id="an atomic body"),
        pytest.param(
            "create trigger t after insert on a begin select case when 1 then 2 end; delete from b; end; select 1", LITE, 2, id="a trigger"
        ),
        pytest.param("create temp trigger if not exists t after insert on a begin select 1; end", LITE, 1, id="a temporary trigger"),
        pytest.param("create rule r as on insert to a do (select 1; select 2); select 3", PG, 2, id="a rule"),
        pytest.param("select a[1:2]; select b::text", PG, 2, id="casts and slices"),
    ],
)
def test_statements_are_counted_as_the_database_does(sql: str, dialect: Dialect, count: int) -> None:
    assert len(statements(sql, dialect)) == count


def test_each_statement_knows_its_line() -> None:
    assert [one.line for one in statements("select 1;\n\n-- a\nselect\n2;", PG, 10)] == [10, 13]


@given(st.text(alphabet="ab'\"$/*-;:[]`\n e\\(){}", max_size=60), st.sampled_from([PG, LITE]))
def test_no_character_is_lost(sql: str, dialect: Dialect) -> None:
    pieces = "".join(one.text for one in tokens(sql, dialect))
    assert [one for one in pieces if not one.isspace()] == [one for one in sql if not one.isspace()]


def test_the_same_definition_is_the_same_however_it_is_written() -> None:
    assert canonical('CREATE TABLE "a" (id  INT) -- x', LITE) == canonical("create table a(ID int)", LITE)
    assert canonical("create table a (id int)", LITE) != canonical("create table a (id text)", LITE)
