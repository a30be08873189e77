"""Files become migrations, or sentences about what is wrong with them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway.errors import InvalidSpec
from headway.migration import files
from headway.migration.files import down_of, normal, parse, stored_down
from headway.migration.lexer import tokens
from headway.migration.model import Dialect

GOOD = "-- migrate:up\nCREATE TABLE a (id int);\n-- migrate:verify\nSELECT 1;\n-- migrate:down\nDROP TABLE a;\n"


def one(text: str, name: str = "0042_phone.sql", dialect: Dialect = Dialect.POSTGRES):
    (found,) = parse({name: text}, dialect)
    return found


def test_a_file_has_a_way_up_a_way_down_and_promises() -> None:
    found = one(GOOD)
    assert (found.version, found.name, found.title) == (42, "phone", "0042_phone")
    assert found.up is not None and found.up.sql.strip() == "CREATE TABLE a (id int);"
    assert found.up.line == 2
    assert found.down is not None and found.down.sql.strip() == "DROP TABLE a;"
    assert [script.line for script in found.verify] == [4]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("\ufeff" + GOOD, id="a byte order mark"),
        pytest.param(GOOD.replace("\n", "\r\n"), id="windows line ends"),
        pytest.param(GOOD.replace(";\n", ";  \t\n"), id="blanks at ends of lines"),
        pytest.param(GOOD + "\n\n  \n", id="empty lines at the end"),
    ],
)
def test_what_does_not_count_does_not_change_the_sum(text: str) -> None:
    assert one(text).sha256 == one(GOOD).sha256


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(GOOD.replace("id int", "id  int"), id="within a line"),
        pytest.param(GOOD.replace("DROP TABLE a", "SELECT 1"), id="the way down"),
        pytest.param(GOOD.replace("SELECT 1", "SELECT 2"), id="a promise"),
    ],
)
def test_everything_else_changes_the_sum(text: str) -> None:
    assert one(text).sha256 != one(GOOD).sha256


def test_a_pair_is_one_migration() -> None:
    files = {"7_a.up.sql": "CREATE TABLE a (id int);", "7_a.down.sql": "DROP TABLE a;"}
    (found,) = parse(files, Dialect.SQLITE)
    assert found.up is not None and found.up.sql.strip() == "CREATE TABLE a (id int);"
    assert found.down is not None and found.down.sql.strip() == "DROP TABLE a;"
    assert parse({**files, "7_a.down.sql": "SELECT 1;"}, Dialect.SQLITE)[0].sha256 != found.sha256


def test_a_header_within_a_body_is_no_header() -> None:
    found = one("-- migrate:up\nDO $$\nBEGIN\n-- migrate:down\nEND $$;\n-- migrate:down\nSELECT 1;\n")
    assert found.up is not None and "END $$" in found.up.sql


def test_a_backfill_names_its_table_key_and_pace() -> None:
    text = "-- migrate:backfill table=users key=id batch=50 rate=100 pause=0.5\nUPDATE users SET a = b WHERE id BETWEEN :first AND :last\n"
    found = one(text + "-- migrate:verify\nSELECT true\n").backfill
    assert found is not None
    assert (found.table, found.key, found.batch, found.rate, found.pause) == ("users", "id", 50, 100.0, 0.5)


def test_a_promise_after_a_backfill_is_the_backfills() -> None:
    fill = "-- migrate:backfill table=t key=id\nUPDATE t SET a=1 WHERE id BETWEEN :first AND :last\n"
    text = f"-- migrate:up\nSELECT 1;\n-- migrate:verify\nSELECT 2;\n{fill}-- migrate:verify\nSELECT 3;\n"
    found = one(text)
    assert [script.sql.strip() for script in found.verify] == ["SELECT 2;"]
    assert [script.sql.strip() for script in found.filled] == ["SELECT 3;"]


def test_the_ledger_gives_the_way_down_back_as_it_was() -> None:
    up = "-- migrate:up transaction:false\nCREATE INDEX CONCURRENTLY i ON t (a);\n"
    text = f"{up}-- migrate:down transaction:false\nDROP INDEX CONCURRENTLY i;\n"
    found = one(text)
    stored = stored_down(found)
    assert stored is not None
    back = down_of(stored, found.title, Dialect.POSTGRES)
    assert (back.sql.strip(), back.transaction) == ("DROP INDEX CONCURRENTLY i;", False)


BACKFILL = "-- migrate:backfill table=t key=id\n"
FAULTS = [
    pytest.param({"phone.sql": GOOD}, "phone.sql: is not named like a migration", id="no number"),
    pytest.param({"99999999999999999999_a.sql": GOOD}, "is too large", id="a number beyond all integers"),
    pytest.param({"1_a.sql": "CREATE TABLE a (id int);"}, "1_a.sql:1: SQL before the first", id="no header"),
    pytest.param({"1_a.sql": ""}, "1_a.sql:1: has no `-- migrate:up`", id="nothing"),
    pytest.param({"1_a.sql": "-- migrate:down\nSELECT 1;"}, "1_a.sql:1: has no `-- migrate:up`", id="only down"),
    pytest.param({"1_a.sql": GOOD + "-- migrate:up\nSELECT 1;"}, "1_a.sql:7: a second `up` section", id="up twice"),
    pytest.param({"1_a.sql": "-- migrate:upp\nSELECT 1;"}, "1_a.sql:1: unknown section 'upp'", id="a misspelt section"),
    pytest.param({"1_a.sql": "-- migrate:up transaction:no\nSELECT 1;"}, "transaction is true or false, not 'no'", id="half a truth"),
    pytest.param({"1_a.sql": "-- migrate:up batch=3\nSELECT 1;"}, "`up` has no option 'batch'", id="another section's option"),
    pytest.param({"1_a.sql": "-- migrate:up really\nSELECT 1;"}, "cannot read 'really'", id="not an option"),
    pytest.param({"1_a.sql": "-- migrate:up transaction:false\nSELECT 1; SELECT 2;"}, "exactly one statement; found 2", id="two outside"),
    pytest.param({"1_a.sql": "-- migrate:up transaction:false\n"}, "exactly one statement; found 0", id="none outside"),
    pytest.param({"1_a.sql": "-- migrate:up\nSELECT 1;\nSELECT 'a;\n"}, "1_a.sql:3: what starts with", id="a string without end"),
    pytest.param({"1_a.sql": "-- migrate:up\n/* a\n"}, "never ends", id="a comment without end"),
    pytest.param({"1_a.sql": GOOD.replace("SELECT 1;", "")}, "`verify` has no query", id="an empty promise"),
    pytest.param({"1_a.sql": BACKFILL.replace("table=t ", "") + "UPDATE t SET a=1"}, "a backfill names its table", id="no table"),
    pytest.param({"1_a.sql": BACKFILL + "UPDATE t SET a=1"}, "speaks of :first and :last", id="a backfill without its batch"),
    pytest.param({"1_a.sql": BACKFILL.replace("id", "id batch=0")}, "batch is a number of rows", id="a batch of nothing"),
    pytest.param({"1_a.up.sql": "SELECT 1;", "1_a.sql": GOOD}, "keep one of them", id="a file and a pair"),
    pytest.param({"1_a.down.sql": "SELECT 1;"}, "has no 1_a.up.sql beside it", id="half a pair"),
]


@pytest.mark.parametrize(("files", "said"), FAULTS)
def test_a_fault_says_where_and_what(files: dict[str, str], said: str) -> None:
    with pytest.raises(InvalidSpec) as error:
        parse(files, Dialect.POSTGRES)
    assert said in str(error.value)


def test_every_fault_comes_at_once() -> None:
    with pytest.raises(InvalidSpec) as error:
        parse({"1_a.sql": "", "x.sql": "", "2_b.sql": "-- migrate:nope\n"}, Dialect.SQLITE)
    assert len(error.value.faults) == 4


def test_other_files_of_the_folder_are_none_of_our_business() -> None:
    assert parse({"README.md": "hello"}, Dialect.SQLITE) == ()


def test_normal_text_ends_with_one_newline() -> None:
    assert normal("a  \r\nb\r\n\r\n") == "a\nb\n"


_PIECES = st.sampled_from(
    ["-- migrate:up", "-- migrate:down transaction:false", "--", "select 1;", "\n", "\n", " ", "'", '"', "$$", "/*", "*/", "[", "`", "a-b"]
)


@given(st.lists(_PIECES, max_size=25).map("".join), st.sampled_from(list(Dialect)))
def test_the_quick_way_to_find_headers_finds_what_the_careful_one_does(text: str, dialect: Dialect) -> None:
    careful = list(files._headers(text, list(tokens(text, dialect))))
    if not files._QUOTES.search(text):
        assert list(files._headers(text, list(files._plain_comments(text)))) == careful
