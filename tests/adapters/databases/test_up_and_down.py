"""Migrations go up whole or not at all, on both stores, and come down by what the ledger kept."""

import pytest
from databases_bench import Bench

from headway.adapters.databases.down import down
from headway.adapters.databases.verify import verify
from headway.errors import Contradiction, Failed, Refused
from headway.migration.plan import Together

USERS = "create table users (id integer primary key, name text not null);\n-- migrate:down\ndrop table users;"
PHONE = "alter table users add column phone text;\n-- migrate:down\nalter table users drop column phone;"


def test_the_ledger_answers_the_question_everybody_asks(bench: Bench) -> None:
    bench.up(USERS, PHONE)
    assert bench.ask("select version from schema_migrations order by version") == [(1,), (2,)]
    first = bench.store.look().rows[0]
    assert (first.name, first.who, first.rollout, first.down) == ("m", "alice", "r1", "-- migrate:down\ndrop table users;\n")
    assert len(first.sha256) == 64


def test_a_second_run_does_nothing(bench: Bench) -> None:
    assert len(bench.up(USERS).applied) == 1
    assert bench.up(USERS).applied == ()


def test_one_transaction_leaves_nothing_of_a_failed_release(bench: Bench) -> None:
    with pytest.raises(Failed, match=r"002_m\.sql:3: "):
        bench.up(USERS, "select 1;\nselect nonsense from users;")
    assert bench.versions() == []
    assert bench.tables() == set()


def test_a_transaction_for_each_file_keeps_the_good_ones(bench: Bench) -> None:
    with pytest.raises(Failed):
        bench.up(USERS, "create table b (id int); select nonsense", together=Together.FILE)
    assert bench.versions() == [1]
    assert bench.tables() == {"users"}


@pytest.mark.parametrize(
    ("query", "said"),
    [
        pytest.param("select count(*) = 1 from users", "verify says (false|0)", id="not true"),
        pytest.param("select id from users", "verify says nothing", id="silence is not true"),
        pytest.param("select name from (values ('yes')) as v (name)", "verify says 'yes'", id="a word is not true"),
        pytest.param("select 1 union all select 2", "verify says 2 rows", id="two answers"),
        pytest.param("select null", "verify says (none|None)", id="nothing known"),
    ],
)
def test_a_promise_that_is_not_kept_undoes_everything(bench: Bench, query: str, said: str) -> None:
    if not bench.is_postgres:
        query = query.replace("select name from (values ('yes')) as v (name)", "select 'yes'")
    with pytest.raises(Failed, match=said):
        bench.up(f"-- migrate:up\n{USERS.partition('-- migrate:down')[0]}-- migrate:verify\n{query}")
    assert bench.tables() == set()


def test_promises_are_asked_again_later(bench: Bench) -> None:
    texts = ("-- migrate:up\ncreate table users (id int);\n-- migrate:verify\nselect count(*) = 0 from users",)
    bench.up(*texts)
    assert len(verify(bench.store, bench.migrations(*texts))) == 1
    bench.ask("insert into users values (1)")
    with pytest.raises(Failed, match="select count"):
        verify(bench.store, bench.migrations(*texts))


def test_a_promise_cannot_write_when_it_is_asked_again(pg: Bench) -> None:
    texts = (
        "-- migrate:up\ncreate table a (id int);\n-- migrate:verify\nwith w as (insert into a values (1) returning 1) select true from w",
    )
    pg.up(*texts)
    with pytest.raises(Refused, match="read-only"):
        verify(pg.store, pg.migrations(*texts))


def test_a_file_that_ends_the_transaction_is_refused_before_anything_runs(bench: Bench) -> None:
    with pytest.raises(Refused, match="COMMIT would end the transaction"):
        bench.up(USERS, "create table b (id int);\ncommit;")
    assert bench.tables() == set()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param(lambda texts: (USERS + "\nselect 1;", PHONE), "changed after it was applied", id="a changed file"),
        pytest.param(lambda texts: (USERS,), "ahead of these files", id="an older checkout"),
    ],
)
def test_odd_ledgers_stop_everything(bench: Bench, change, said: str) -> None:
    bench.up(USERS, PHONE)
    with pytest.raises(Refused, match=said):
        bench.up(*change((USERS, PHONE)))


def test_another_tools_table_is_left_alone(bench: Bench) -> None:
    bench.ask("create table schema_migrations (version varchar(128) primary key)")
    bench.ask("insert into schema_migrations values ('0001')")
    with pytest.raises(Refused, match="another tool made"):
        bench.up(USERS)
    assert bench.tables() == set()


# -- down


def test_down_uses_the_ledgers_own_sql(bench: Bench) -> None:
    bench.up(USERS, PHONE)
    taken = down(bench.store, 2, bench.now)
    assert [one.row.version for one in taken] == [2, 1]
    assert bench.tables() == set()
    assert bench.versions() == []


def test_down_counts_first_and_needs_a_word(bench: Bench) -> None:
    bench.up(USERS, PHONE)
    bench.ask("insert into users values (1, 'a', '1'), (2, 'b', '2'), (3, 'c', null)")
    with pytest.raises(Refused, match=r"would destroy users\.phone: 2 values"):
        down(bench.store, 1, bench.now)
    with pytest.raises(Refused, match="would destroy users: 3 rows"):
        down(bench.store, 2, bench.now)
    assert bench.versions() == [1, 2]
    (taken,) = down(bench.store, 1, bench.now, accept_loss=True)
    assert [str(one) for one in taken.lost] == ["users.phone: 2 values"]


def test_a_row_that_comes_between_counting_and_dropping_is_not_lost(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    from headway.adapters.databases import down as module

    bench.up(USERS, PHONE)
    counted = module._Taking._counted

    def late(self, row, *, lock=False):
        found = counted(self, row, lock=lock)
        if not lock:
            bench.ask("insert into users values (1, 'a', '1')")
        return found

    monkeypatch.setattr(module._Taking, "_counted", late)
    with pytest.raises(Refused, match=r"users\.phone: 1 values"):
        down(bench.store, 1, bench.now)
    assert bench.one("select phone from users") == "1"


def test_what_was_dropped_comes_back_empty_and_down_says_so(bench: Bench) -> None:
    drop = "alter table users drop column name;\n-- migrate:down\nalter table users add column name text;"
    bench.up(USERS, drop)
    with pytest.raises(Refused, match=r"took users\.name: going down brings that back empty"):
        down(bench.store, 1, bench.now)


def test_without_a_way_down_nothing_goes(bench: Bench) -> None:
    bench.up(USERS, "alter table users add column b text")
    with pytest.raises(Refused, match="no way down"):
        down(bench.store, 2, bench.now)
    assert bench.versions() == [1, 2]


def test_a_failing_way_down_leaves_everything(bench: Bench) -> None:
    bench.up(USERS, "alter table users add column b text;\n-- migrate:down\nalter table users drop column b; select nonsense;")
    with pytest.raises(Failed, match="the way down of 0002_m"):
        down(bench.store, 1, bench.now)
    assert bench.versions() == [1, 2]
    bench.ask("select b from users")


# -- backfills

FILL = (
    "-- migrate:backfill table=users key=id batch=3\n"
    "update users set n = n + 1 where id between :first and :last\n"
    "-- migrate:verify\n"
    "select count(*) = 0 from users where n <> 1"
)
COUNTED = (
    "create table users (id integer primary key, n int not null default 0); insert into users (id) values (1),(2),(5),(7),(11),(12),(13);"
)


def test_a_backfill_goes_along_the_key_in_batches(bench: Bench) -> None:
    bench.up(COUNTED, FILL)
    told: list[int] = []
    (progress,) = bench.fill(COUNTED, FILL, tell=lambda _one, progress: told.append(progress.rows))
    assert told == [3, 6, 7, 7]
    assert progress.done
    assert bench.one("select min(n) + max(n) from users") == 2
    assert bench.fill(COUNTED, FILL) == ()


def test_a_backfill_goes_on_where_it_stopped(bench: Bench) -> None:
    bench.up(COUNTED, FILL)

    class StoppedError(Exception):
        pass

    def stop(_seconds: float) -> None:
        raise StoppedError

    with pytest.raises(StoppedError):
        bench.fill(COUNTED, FILL, sleep=stop)
    assert bench.store.look().progress[2].rows == 3
    bench.fill(COUNTED, FILL)
    assert bench.one("select min(n) + max(n) from users") == 2


def test_a_backfill_keeps_its_rate(bench: Bench) -> None:
    paced = FILL.replace("batch=3", "batch=3 rate=10 pause=0.2")
    bench.up(COUNTED, paced)
    rests: list[float] = []
    bench.fill(COUNTED, paced, sleep=rests.append, clock=lambda: 0.0)
    assert [round(one, 3) for one in rests] == [0.3, 0.3, 0.2]


def test_keys_may_be_words(bench: Bench) -> None:
    table = "create table t (id text primary key, n int); insert into t (id) values ('b'), ('a''x'), ('c%d'), ('d');"
    fill = "-- migrate:backfill table=t key=id batch=2\nupdate t set n = length('100%') where id between :first and :last"
    bench.up(table, fill)
    bench.fill(table, fill)
    assert bench.one("select sum(n) from t") == 16


def test_a_contract_waits_for_the_backfill(bench: Bench) -> None:
    drop = "alter table users drop column n"
    done = bench.up(COUNTED, FILL, drop)
    assert [one.version for one in done.waiting] == [3]
    bench.fill(COUNTED, FILL, drop)
    assert bench.up(COUNTED, FILL, drop).waiting == ()


# -- who else is there


def test_two_runners_take_turns_whoever_comes_first(bench: Bench) -> None:
    import threading

    many = tuple(f"create table t{number} (id int)" for number in range(30))
    found: list[int] = []
    both = [threading.Thread(target=lambda: found.append(len(bench.up(*many, together=Together.FILE).applied))) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join()
    assert sorted(found) == [0, 30]


def test_the_ledger_is_read_again_inside_the_transaction(bench: Bench) -> None:
    """Somebody who takes no lock of ours writes a row after we looked: nothing is applied twice."""
    bench.up(USERS)
    row = "insert into schema_migrations select 2, name, sha256, state, down, kind, release, rollout, applied_by, applied_at, seconds, took"

    def meddle(_run: object) -> None:
        bench.ask(f"{row} from schema_migrations")

    with pytest.raises(Contradiction, match="was applied by someone else just now"):
        bench.runner().up(bench.migrations(USERS, PHONE), bench.how(), meddle)
    assert "phone" not in str(bench.ask("select sql from sqlite_master") if not bench.is_postgres else bench.ask(_COLUMNS))


_COLUMNS = "select column_name from information_schema.columns where table_name = 'users'"


def test_services_that_share_a_database_have_a_schema_each(pg: Bench) -> None:
    """The search path of the URL says whose ledger it is; the lock is the database's."""
    from headway.adapters.databases.address import address

    pg.ask("create schema one; create schema two")
    for schema in ("one", "two"):
        pg.address = address(f"{pg.address.url.partition('&options')[0]}&options=-csearch_path%3D{schema}")
        assert len(pg.up(f"create table {schema}_only (id int)").applied) == 1
    assert pg.ask("select schemaname from pg_tables where tablename = 'schema_migrations' order by 1") == [("one",), ("two",)]
    assert pg.ask("select schemaname from pg_tables where tablename = 'two_only'") == [("two",)]
