"""Status, lint, plan, the way back, retention: rules about migrations."""

from datetime import UTC, datetime, timedelta

import pytest

from headway.migration.changes import Loss
from headway.migration.files import parse
from headway.migration.lint import blocking, lint
from headway.migration.model import Dialect, Kind, Migration, Progress, Row, State
from headway.migration.plan import Together, default_together, plan
from headway.migration.retention import Keep, kept
from headway.migration.rollback import Counted, Situation, Way, down_objections, loss_objections, sentence, way_back
from headway.migration.status import compare, objections

PG, LITE = Dialect.POSTGRES, Dialect.SQLITE
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


def files(*texts: str, dialect: Dialect = PG) -> tuple[Migration, ...]:
    return parse(
        {f"{at:03d}_m.sql": text if "-- migrate" in text else f"-- migrate:up\n{text}" for at, text in enumerate(texts, 1)}, dialect
    )


def row(one: Migration, state: State = State.APPLIED, **more: object) -> Row:
    known = {"down": "-- migrate:down\nSELECT 1\n", "kind": Kind.EXPAND, **more}
    return Row(one.version, one.name, one.sha256, state, release="", rollout="", who="alice", at=NOON, **known)  # type: ignore[arg-type]


A, B, C = files("select 1", "select 2", "select 3")


@pytest.mark.parametrize(
    ("present", "ledger", "said"),
    [
        pytest.param([A, B], [], [], id="nothing applied"),
        pytest.param([A, B], [row(A), row(B)], [], id="all applied"),
        pytest.param([A, B], [row(A, State.RUNNING)], ["was begun"], id="one left running"),
        pytest.param([A, B], [row(A, State.REVERTING)], ["was begun"], id="one left on the way down"),
        pytest.param([A, C], [row(A), row(B), row(C)], ["its file is gone"], id="a file is missing"),
        pytest.param([A], [row(A), row(B)], ["is ahead of these files"], id="an older release's files"),
        pytest.param([A, B, C], [row(A), row(C)], ["002_m.sql comes before"], id="out of order"),
    ],
)
def test_what_stands_in_the_way_is_said(present: list[Migration], ledger: list[Row], said: list[str]) -> None:
    found = objections(compare(present, ledger))
    assert [part in text for part, text in zip(said, found, strict=True)] == [True] * len(said)


def test_a_changed_file_is_found() -> None:
    (other,) = files("select 99")
    assert objections(compare([other], [row(A)])) == (
        "001_m.sql changed after it was applied; put it back as it was, and make the change a new file",
    )


def test_1_01_and_001_are_one_version() -> None:
    text = "-- migrate:up\nselect 1"
    found = compare(parse({"1_a.sql": text, "01_b.sql": text, "001_c.sql": text, "10_d.sql": text, "2_e.sql": text}, PG), [])
    assert [len(each) for each in found.duplicate] == [3]
    assert [one.version for one in found.pending] == [1, 1, 1, 2, 10]
    assert "renumber" in objections(found)[0]


FILL = "-- migrate:backfill table=a key=id\nupdate a set b=1 where id between :first and :last"


def planned(*texts: str, together: Together = Together.RELEASE, contracts: bool = True, done: bool = False):
    found = files(*texts)
    first = [row(found[0])]
    progress = {1: Progress(1, None, 0, done=done)}
    return plan(compare(found, first, progress), PG, together, contracts=contracts)


def test_files_share_a_transaction_and_one_outside_is_alone() -> None:
    run = planned("select 1", "select 2", "select 3", "-- migrate:up transaction:false\nvacuum", "select 5")
    assert [([one.version for one in group.migrations], group.transaction) for group in run.groups] == [
        ([2, 3], True),
        ([4], False),
        ([5], True),
    ]


def test_a_transaction_for_each_file_when_locks_must_be_short() -> None:
    assert len(planned("select 1", "select 2", "select 3", together=Together.FILE).groups) == 2
    assert default_together(PG, traffic=True) is Together.FILE
    assert default_together(PG, traffic=False) is default_together(LITE, traffic=True) is Together.RELEASE


@pytest.mark.parametrize(
    ("texts", "contracts", "done", "waiting"),
    [
        pytest.param(("select 1", "alter table a drop b"), True, False, 0, id="somebody gave their word"),
        pytest.param(("select 1", "alter table a drop b", "select 3"), False, False, 2, id="a contract waits, and what comes after it"),
        pytest.param((FILL, "alter table a drop b"), True, False, 1, id="a backfill is not through"),
        pytest.param((FILL, "alter table a drop b"), True, True, 0, id="the backfill is through"),
        pytest.param((FILL, "alter table a add c int"), False, False, 0, id="what only adds waits for nothing"),
        pytest.param(
            ("select 1", "create table n (id int, b int)", FILL, "alter table n drop b"),
            False,
            False,
            1,
            id="a new table that a backfill reads",
        ),
    ],
)
def test_contracts_wait(texts: tuple[str, ...], contracts: bool, done: bool, waiting: int) -> None:
    run = planned(*texts, contracts=contracts, done=done)
    assert len(run.waiting) == waiting
    assert bool(run.why) is bool(waiting)


@pytest.mark.parametrize(
    ("sql", "dialect", "rule"),
    [
        pytest.param("update a set b = 1", PG, "update-without-where", id="update"),
        pytest.param("delete from a", LITE, "delete-without-where", id="delete"),
        pytest.param("vacuum full a", PG, "vacuum-full", id="vacuum full"),
        pytest.param("lock table a", PG, "lock-table", id="lock table"),
        pytest.param("select 1; commit; select 2", PG, "transaction-control", id="commit"),
        pytest.param("begin transaction; select 2", LITE, "transaction-control", id="begin"),
        pytest.param(
            "-- migrate:up transaction:false\ncreate index concurrently if not exists i on a (b)",
            PG,
            "concurrently-if-not-exists",
            id="if not exists",
        ),
        pytest.param("create index concurrently i on a (b)", PG, "concurrently-in-transaction", id="concurrently inside"),
        pytest.param("create index i on a (b)", PG, "index-locks-writes", id="an index that stops writes"),
        pytest.param("copy a from stdin", PG, "copy-stdin", id="psql's own"),
        pytest.param("pragma foreign_keys = on; drop table a", LITE, "rebuild-with-foreign-keys", id="keys on"),
        pytest.param("vacuum", LITE, "vacuum-in-transaction", id="vacuum inside"),
        pytest.param("alter table a drop b; alter table a add column c int", PG, "mixed", id="adds and drops"),
    ],
)
def test_danger_is_found(sql: str, dialect: Dialect, rule: str) -> None:
    found = lint(files(sql, dialect=dialect), dialect)
    assert rule in [one.rule for one in blocking(found, traffic=True)]


@pytest.mark.parametrize(
    "sql",
    [
        pytest.param("create table a (id int); create index i on a (id)", id="an index on a new table"),
        pytest.param("update a set b = 1 where b is null", id="update where"),
        pytest.param("insert into a values ('commit; vacuum full')", id="words in a string"),
    ],
)
def test_what_is_harmless_blocks_nothing(sql: str) -> None:
    assert blocking(lint(files(sql), PG), traffic=True) == ()


def test_dev_is_only_warned_but_what_cannot_work_blocks_everywhere() -> None:
    assert blocking(lint(files("lock table a"), PG), traffic=False) == ()
    assert len(blocking(lint(files("commit"), PG), traffic=False)) == 1


@pytest.mark.parametrize(
    ("situation", "way"),
    [
        pytest.param(Situation(failed_in_transaction=True), Way.NOTHING, id="a failed transaction left nothing"),
        pytest.param(Situation(), Way.LEAVE, id="a bad version on a schema that only grew"),
        pytest.param(Situation(schema_must_go=True, values=0), Way.DOWN, id="empty objects may go"),
        pytest.param(Situation(schema_must_go=True, values=3), Way.LEAVE, id="values in them may not"),
        pytest.param(Situation(schema_must_go=True), Way.LEAVE, id="nobody counted"),
        pytest.param(Situation(schema_must_go=True, has_down=False), Way.PERSON, id="no way down"),
        pytest.param(Situation(contract_applied=True), Way.PERSON, id="what was dropped stays gone"),
        pytest.param(Situation(contract_applied=True, backup=True, writes=True), Way.PERSON, id="somebody wrote"),
        pytest.param(Situation(contract_applied=True, backup=True), Way.PERSON, id="nobody can prove that nobody wrote"),
        pytest.param(Situation(contract_applied=True, backup=True, writes=False), Way.RESTORE, id="nobody wrote, proved"),
    ],
)
def test_the_way_back_follows_the_table(situation: Situation, way: Way) -> None:
    found = way_back(situation)
    assert found.way is way
    assert found.reasons


def test_a_down_needs_a_word_for_what_it_destroys() -> None:
    phone = Loss(("users",), "phone")
    assert loss_objections(row(A), [Counted(phone, 0)]) == ()
    assert loss_objections(row(A), [Counted(phone, 18204)]) == ("0001_m would destroy users.phone: 18,204 values",)
    assert loss_objections(row(A), [Counted(phone, None)]) == ("0001_m would destroy users.phone: could not be counted",)
    assert "brings that back empty" in loss_objections(row(A, took="users.phone"), [])[0]


def test_a_down_goes_from_the_top_and_needs_a_way() -> None:
    rows = [row(A), row(B, down=None), row(C)]
    assert "no way down" in down_objections(rows, rows[1:])[0]
    assert "is above it" in down_objections(rows, rows[:1])[0]
    assert down_objections(rows, rows[2:]) == ()


def test_the_plan_says_beforehand_which_way_back_there_is() -> None:
    said = sentence("0042_drop", Kind.CONTRACT, ["drops users.phone"], {Loss(("users",), "phone"): 18204}, has_down=True)
    assert said == "after 0042_drop there is no automatic way back: it drops users.phone (users.phone: 18,204 values)"
    assert "old version comes back on the new schema" in sentence("0041_add", Kind.EXPAND, [], {}, has_down=True)


def test_the_shelf_keeps_the_newest_and_some_of_each_age() -> None:
    backups = {f"b{hours:04d}": NOON - timedelta(hours=hours) for hours in range(0, 24 * 60, 6)}
    stays = kept(backups, Keep(last=3, days=5, weeks=4))
    assert {"b0000", "b0006", "b0012"} <= stays
    assert 3 + 4 <= len(stays) <= 3 + 5 + 4
    assert min(backups[name] for name in stays) < NOON - timedelta(days=14)


def test_an_outage_of_the_schedule_does_not_empty_the_shelf() -> None:
    old = {f"b{days}": NOON - timedelta(days=900 + days) for days in range(3)}
    assert kept(old, Keep(last=1, days=2, weeks=0)) == {"b0", "b1"}
    assert kept({}, Keep()) == frozenset()


def test_a_policy_keeps_at_least_one() -> None:
    with pytest.raises(ValueError, match="at least"):
        Keep(last=0)
