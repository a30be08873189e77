"""Which migrations take something away."""

import pytest

from headway.releases.contracts import contracts


@pytest.mark.parametrize(
    ("sql", "count"),
    [
        pytest.param("CREATE TABLE a (x int);", 0, id="adds a table"),
        pytest.param("ALTER TABLE a ADD COLUMN y int;", 0, id="adds a column"),
        pytest.param("DROP TABLE a; DROP VIEW b;", 2, id="drops"),
        pytest.param("ALTER TABLE a DROP COLUMN x", 1, id="drops a column"),
        pytest.param("alter table a drop x", 1, id="drops a column without saying so"),
        pytest.param("ALTER TABLE a DROP CONSTRAINT x", 0, id="drops a constraint"),
        pytest.param("ALTER TABLE a ALTER x DROP NOT NULL", 0, id="takes more"),
        pytest.param("ALTER TABLE a RENAME TO b", 1, id="renames"),
        pytest.param("DROP INDEX i", 0, id="an index is nobody's"),
        pytest.param("-- DROP TABLE a\nSELECT 1;", 0, id="a comment"),
        pytest.param("INSERT INTO a VALUES ('drop table x');", 0, id="a text"),
        pytest.param("CREATE TABLE a (x int);\n-- migrate:down\nDROP TABLE a;", 0, id="the way down"),
    ],
)
def test_what_takes_away(sql: str, count: int) -> None:
    assert len(contracts(sql)) == count
