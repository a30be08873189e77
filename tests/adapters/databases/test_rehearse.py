"""The dress rehearsal finds what the real run would meet, and touches nothing."""

import pytest
from databases_bench import Bench

from headway.adapters.databases.backup import back_up
from headway.adapters.databases.rehearse import rehearse
from headway.errors import Failed, Refused

USERS = (
    "create table users (id integer primary key, name text); insert into users values (1, 'a'), (2, 'b');\n"
    "-- migrate:down\n"
    "drop table users;"
)
PHONE = "alter table users add column phone text;\n-- migrate:down\nalter table users drop column phone;"


def tried(bench: Bench, *texts: str, **more):
    return rehearse(bench.address, bench.migrations(*texts), bench.now, "x1", timeouts=bench.timeouts, **more)


def test_a_good_release_goes_up_down_and_up(bench: Bench) -> None:
    bench.up(USERS)
    done = tried(bench, USERS, PHONE)
    assert done.applied == ("0002_m",)
    assert "the catalog is as it was" in done.notes[-1]
    assert bench.versions() == [1]
    assert "phone" not in str(bench.ask("select * from users limit 1"))


def test_a_way_down_that_does_not_lead_back_is_found(bench: Bench) -> None:
    bench.up(USERS)
    forgetful = "alter table users add column phone text; create index i on users (phone);\n-- migrate:down\ndrop index i;"
    with pytest.raises(Failed, match="after up and down the schema is not what it was before") as error:
        tried(bench, USERS, forgetful)
    assert "phone" in str(error.value)


def test_what_would_fail_fails_here(bench: Bench) -> None:
    bench.up(USERS)
    with pytest.raises(Failed, match=r"002_m\.sql"):
        tried(bench, USERS, "create unique index u on users (1/0)" if bench.is_postgres else "insert into users values (1, 'again')")
    assert bench.versions() == [1]


def test_it_goes_on_the_restored_backup(bench: Bench) -> None:
    bench.up(USERS)
    made = back_up(bench.address, bench.folder / "shelf", bench.now, "t1")
    bench.ask("delete from users")
    done = tried(
        bench, USERS, "-- migrate:up\nselect 1;\n-- migrate:verify\nselect count(*) = 2 from users\n-- migrate:down\nselect 1", backup=made
    )
    assert "the restored backup" in done.on
    assert done.verified == 1


def test_the_clone_is_gone_afterwards(pg: Bench) -> None:
    tried(pg, USERS)
    assert pg.one("select count(*) from pg_database where starts_with(datname, current_database() || '_rehearsal')") == 0


def test_a_template_needs_a_database_without_sessions(pg: Bench) -> None:
    import psycopg

    assert tried(pg, USERS, template=True).applied == ("0001_m",)
    with psycopg.connect(pg.address.url), pytest.raises(Refused, match="a template must have none"):
        tried(pg, USERS, template=True)


def test_a_database_that_is_not_there_yet_is_an_empty_one(lite: Bench) -> None:
    assert tried(lite, USERS).applied == ("0001_m",)
    assert not lite.address.path.exists()


def test_backfills_and_contracts_are_rehearsed_too(bench: Bench) -> None:
    fill = "-- migrate:backfill table=users key=id batch=1\nupdate users set phone = name where id between :first and :last"
    drop = "alter table users drop column name;\n-- migrate:down\nalter table users add column name text;"
    done = tried(bench, USERS, PHONE, fill, drop)
    assert done.applied == ("0001_m", "0002_m", "0003_m", "0004_m")
    assert "the backfill of 0003 went over 2 rows" in done.notes
