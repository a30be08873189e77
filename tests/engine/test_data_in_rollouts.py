"""Changes to stored data as part of a rollout, in virtual time: what is applied when, what waits, and what comes of trouble."""

from dataclasses import replace
from datetime import timedelta

import pytest
from data_story import Story

from headway.engine.commands import Commands
from headway.engine.data import running
from headway.environments.model import Cluster, Database, InCluster, Place
from headway.errors import Refused
from headway.promotion.model import Stage
from headway.testing import FakeWorld, Script, sample_release, sample_stage

PRODUCTION = Place("tally", "production")
URL = "env:PRODUCTION_DATABASE"
USERS = "-- migrate:up\nCREATE TABLE users (id integer primary key, phone text);"
MAIL = "-- migrate:up\nALTER TABLE users ADD COLUMN mail text;"
FILL = f"{MAIL}\n-- migrate:backfill table=users key=id batch=10\nUPDATE users SET mail = '' WHERE id BETWEEN :first AND :last;\n"
DROP = "-- migrate:up\nALTER TABLE users DROP COLUMN phone;"
FIRST = {"0001_users.sql": USERS}


def stage(**rules: object) -> Stage:
    made = sample_stage("production", soak=1.0, keep_warm=2.0, **rules)
    return replace(made, environment=replace(made.environment, database=Database(URL, lint="off", rehearse="off")))


@pytest.fixture
def story() -> Story:
    fake = FakeWorld()
    fake.pipelines.declared = [stage()]
    return Story(fake, Commands(fake.world))


@pytest.fixture
def live(story: Story) -> Story:
    """1.0.0 serves, with its first migration applied."""
    story.cut("1.0.0", FIRST)
    assert story.promote("1.0.0")["phase"] == "completed"
    return story


def test_the_database_is_migrated_before_any_instance_of_the_new_release_starts(live: Story) -> None:
    live.cut("1.1.0", FIRST | {"0002_mail.sql": MAIL})
    live.commands.promote("tally@1.1.0", "production", "alice")
    for _ in live.turns():
        groups = live.fake.platform.sites[PRODUCTION].groups
        if any(name.startswith("v1-1-0") for name in groups):
            break
        assert live.commands.rollout("production")["phase"] in {"pending", "running"}
    assert live.ledger == [1, 2]
    assert live.fake.migrations.database(URL).applied[2] == 1


def test_a_first_release_brings_the_whole_history_at_once(story: Story) -> None:
    story.cut("1.0.0", {**FIRST, "0002_mail.sql": FILL, "0003_drop.sql": DROP})
    assert story.promote("1.0.0")["phase"] == "completed"
    assert story.ledger == [1, 2, 3]


def test_a_release_without_anything_pending_has_no_step_on_data(live: Story) -> None:
    live.cut("1.1.0", FIRST)
    view = live.promote("1.1.0")
    assert view["phase"] == "completed"
    assert not any("migrate" in str(step) for step in view["steps"])


def test_a_migration_that_fails_sends_the_release_back_and_leaves_the_old_one_serving(live: Story) -> None:
    live.cut("1.1.0", FIRST | {"0002_mail.sql": MAIL})
    live.fake.migrations.fails = {2}
    view = live.promote("1.1.0")
    assert view["phase"] == "rolled back"
    assert "0002_mail failed" in str(view["reasons"])
    assert live.ledger == [1]
    assert not any(name.startswith("v1-1-0") for name in live.fake.platform.sites[PRODUCTION].groups)
    assert live.commands.release("tally@1.1.0")["quarantined"], "its own migration spoke against it"


def test_a_bad_release_after_an_expand_leaves_the_schema_as_it_grew(live: Story) -> None:
    live.cut("1.1.0", FIRST | {"0002_mail.sql": MAIL})
    live.fake.platform.scripts["1.1.0"] = Script(crashes=True)
    view = live.promote("1.1.0")
    assert view["phase"] == "rolled back"
    assert "the schema keeps 0002_mail: the old release runs on it, and nothing is restored" in str(view["why"])
    assert live.ledger == [1, 2]


def test_a_promise_that_does_not_hold_with_the_release_at_work_sends_it_back(live: Story) -> None:
    live.cut("1.1.0", FIRST | {"0002_mail.sql": MAIL})
    live.fake.migrations.breaks = {2}
    view = live.promote("1.1.0")
    assert view["phase"] == "rolled back"
    assert "0002_mail: verify says false" in str(view["reasons"])


def test_a_lock_that_is_not_to_be_had_is_no_evidence_and_is_tried_again_later_each_time(live: Story) -> None:
    live.cut("1.1.0", FIRST | {"0002_mail.sql": MAIL})
    live.fake.migrations.locked = {URL}
    view = live.promote("1.1.0", 60.0)
    assert view["phase"] == "running"
    assert "the lock was not to be had" in str(view["why"])
    tries = len(live.fake.migrations.runs)
    assert 4 < tries < 14
    assert live.said.count("in trouble") == 1, "said once, not at every try"
    live.fake.migrations.locked = set()
    live.run(60.0)
    assert live.shown(str(view["rollout"]))["phase"] == "completed"


def test_a_run_that_was_lost_begins_again_and_applies_nothing_twice(live: Story) -> None:
    live.cut("1.1.0", FIRST | {"0002_mail.sql": MAIL})
    live.commands.promote("tally@1.1.0", "production", "alice")
    for _ in live.turns():
        if running := [key for key, run in live.fake.migrations.runs.items() if run.end is None]:
            live.fake.migrations.lose(running[0])
            break
    live.run(60.0)
    assert live.shown("production")["phase"] == "completed"
    assert live.fake.migrations.database(URL).applied == {1: 1, 2: 1}


def test_what_was_begun_and_not_finished_is_parked_with_the_way_out_and_goes_on_after_a_repair(live: Story) -> None:
    live.cut("1.1.0", FIRST | {"0002_mail.sql": MAIL})
    live.fake.migrations.unfinished = {2}
    view = live.promote("1.1.0")
    assert view["phase"] == "parked"
    assert "headway migrate repair" in str(view["why"])
    live.fake.migrations.unfinished = set()
    live.fake.migrations.repair(URL)
    live.commands.tell("retry", str(view["rollout"]), "bob")
    live.run(60.0)
    assert live.shown(str(view["rollout"]))["phase"] == "completed"


def test_an_abort_during_the_migration_ends_the_run(live: Story) -> None:
    live.cut("1.1.0", FIRST | {"0002_mail.sql": MAIL})
    live.fake.migrations.takes = 30.0
    view = live.promote("1.1.0", 5.0)
    live.commands.tell("abort", str(view["rollout"]), "bob", "not today")
    live.run(60.0)
    assert live.shown(str(view["rollout"]))["phase"] == "rolled back"
    assert live.ledger == [1]


# -- what is filled while users are served


def test_rows_are_filled_once_the_release_has_the_traffic_and_before_it_soaks(live: Story) -> None:
    live.cut("1.1.0", FIRST | {"0002_mail.sql": FILL})
    view = live.promote("1.1.0")
    assert view["phase"] == "completed"
    steps = [str(step) for step in view["steps"]]
    fill = next(number for number, step in enumerate(steps) if step.startswith("fill rows"))
    assert "100 %" in steps[fill - 2]
    assert "soak" in steps[fill + 1]
    assert live.fake.migrations.database(URL).progress[2].done


def test_a_pause_stops_a_backfill_and_resuming_goes_on(live: Story) -> None:
    live.cut("1.1.0", FIRST | {"0002_mail.sql": FILL})
    live.commands.promote("tally@1.1.0", "production", "alice")
    for _ in live.turns():
        if any(run.effect.what == "backfill" for run in live.fake.migrations.runs.values()):
            break
    live.commands.tell("pause", "production", "bob")
    live.run(10.0)
    assert live.shown("production")["phase"] == "paused"
    assert 2 not in live.fake.migrations.database(URL).progress, "nobody fills while it is paused"
    live.commands.tell("resume", "production", "bob")
    live.run(60.0)
    assert live.shown("production")["phase"] == "completed"
    assert live.fake.migrations.database(URL).progress[2].done


# -- what takes something away


def test_what_takes_something_away_waits_until_the_release_that_needs_it_is_gone(live: Story) -> None:
    live.fake.migrations.values = 18_204
    live.cut("1.1.0", FIRST | {"0002_drop.sql": DROP})
    plan = live.commands.plan("tally@1.1.0", "production", "alice")
    assert "0002_drop waits: it takes something away" in str(plan["migrations"])
    assert live.promote("1.1.0")["phase"] == "completed"
    assert live.ledger == [1], "1.0.0 was there to come back"
    plan = live.commands.plan("tally@1.1.0", "production", "alice")
    assert any("after 0002_drop there is no automatic way back" in str(one) and "18,204 values" in str(one) for one in plan["way_back"])
    assert live.promote("1.1.0")["phase"] == "completed"
    assert live.ledger == [1, 2]


def test_where_the_environment_says_so_it_comes_by_itself_once_the_old_release_is_gone(live: Story) -> None:
    (production,) = live.fake.pipelines.declared
    database = Database(URL, contract="auto", lint="off", rehearse="off")
    live.fake.pipelines.declared = [replace(production, environment=replace(production.environment, database=database))]
    live.cut("1.1.0", FIRST | {"0002_drop.sql": DROP})
    first = str(live.commands.promote("tally@1.1.0", "production", "alice")["rollout"])
    for _ in live.turns():
        if live.shown(first)["phase"] == "completed":
            break
    assert live.ledger == [1], "1.0.0 is kept warm, to come back"
    live.run(90.0)
    assert live.ledger == [1, 2]
    rollouts = [one for one in live.commands.rollouts()["rollouts"] if one["release"] == "tally@1.1.0"]  # type: ignore[attr-defined]
    assert [one["phase"] for one in rollouts] == ["completed", "completed"], "once, and not for ever"
    assert "0002_drop waited until the release before was gone" in live.said


def test_it_also_goes_with_the_next_release_and_before_that_ones_own(live: Story) -> None:
    live.cut("1.1.0", FIRST | {"0002_drop.sql": DROP})
    live.promote("1.1.0")
    live.cut("1.2.0", FIRST | {"0002_drop.sql": DROP, "0003_mail.sql": MAIL})
    assert live.promote("1.2.0")["phase"] == "completed"
    assert live.ledger == [1, 2, 3]


def test_nothing_is_taken_away_while_a_warm_instance_of_an_older_release_runs(live: Story) -> None:
    live.fake.pipelines.declared = [replace(stage(), keep_warm=600.0)]
    live.cut("1.1.0", FIRST | {"0002_drop.sql": DROP})
    live.promote("1.1.0")
    live.commands.promote("tally@1.1.0", "production", "alice")
    for _ in live.turns():
        warm = [one for name, one in live.fake.platform.sites[PRODUCTION].groups.items() if name.startswith("v1-0-0") and one.started]
        if live.ledger == [1, 2]:
            break
        assert live.shown("production")["phase"] != "completed"
    assert not warm


def test_a_file_that_only_adds_cannot_hide_behind_one_that_waits(live: Story) -> None:
    live.cut("1.1.0", FIRST | {"0002_drop.sql": DROP, "0003_mail.sql": MAIL})
    with pytest.raises(Refused, match="0003_mail would come after 0002_drop"):
        live.commands.promote("tally@1.1.0", "production", "alice")


def test_a_rollback_to_a_release_that_needs_what_is_gone_says_what_and_refuses(live: Story) -> None:
    live.cut("1.1.0", FIRST | {"0002_drop.sql": DROP})
    live.promote("1.1.0")
    live.promote("1.1.0")
    assert live.ledger == [1, 2]
    with pytest.raises(Refused, match=r"1\.0\.0 may not run on the database of production any more(.|\n)*0002_drop(.|\n)*took users.phone"):
        live.commands.rollback("production", "bob", "looks bad")
    live.commands.rollback("production", "bob", "looks bad", accept_data_loss=True)
    live.run(60.0)
    assert live.shown("production")["phase"] == "completed"
    assert "accepted: 0002_drop" in live.said


def test_a_release_of_before_there_were_migrations_may_need_what_went(story: Story) -> None:
    story.fake.release(sample_release("0.9.0"))
    assert story.promote("0.9.0")["phase"] == "completed"
    there = {**FIRST, "0002_drop.sql": DROP}
    story.cut("1.0.0", FIRST)
    story.promote("1.0.0")
    story.cut("1.1.0", there)
    story.promote("1.1.0")
    story.promote("1.1.0")
    assert story.ledger == [1, 2]
    with pytest.raises(Refused, match=r"1\.0\.0 may not run"):
        story.commands.rollback("production", "bob")
    story.commands.rollback("production", "bob", accept_data_loss=True)
    story.run(60.0)
    with pytest.raises(Refused, match=r"0\.9\.0 may not run"):
        story.commands.rollback("production", "bob")


def test_a_rollback_over_what_only_grew_needs_nobodys_word_and_keeps_it(live: Story) -> None:
    live.cut("1.1.0", FIRST | {"0002_mail.sql": MAIL})
    live.promote("1.1.0")
    live.commands.rollback("production", "bob", "looks bad")
    live.run(60.0)
    assert (live.shown("production")["phase"], live.ledger) == ("completed", [1, 2])


def test_a_database_that_is_away_stands_in_nobodys_way_back(live: Story) -> None:
    live.cut("1.1.0", FIRST | {"0002_mail.sql": MAIL})
    live.promote("1.1.0")
    live.fake.migrations.down_until = live.fake.clock.now() + timedelta(hours=1)
    live.commands.rollback("production", "bob", "all is on fire")
    live.run(60.0)
    assert live.shown("production")["phase"] == "completed"


# -- before it starts


@pytest.mark.parametrize(
    ("files", "why"),
    [
        pytest.param({"0001_users.sql": USERS + "\n-- edited"}, "changed after it was applied", id="a changed file"),
        pytest.param({**FIRST, "0000_early.sql": MAIL}, "comes before what is applied already", id="out of order"),
        pytest.param({}, "the database is ahead of these files", id="a database ahead of the release"),
        pytest.param({**FIRST, "0002_a.sql": MAIL, "02_b.sql": MAIL}, "is there more than once", id="a duplicate"),
        pytest.param({**FIRST, "0002_a.sql": f"{MAIL}\nCOMMIT;"}, "COMMIT would end the transaction", id="a commit inside"),
    ],
)
def test_what_another_release_must_mend_is_refused(live: Story, files: dict[str, str], why: str) -> None:
    live.cut("1.1.0", files)
    with pytest.raises(Refused, match=why):
        live.commands.promote("tally@1.1.0", "production", "alice")


def test_migrations_need_a_database(live: Story) -> None:
    live.fake.pipelines.declared = [sample_stage("production")]
    live.cut("1.1.0", FIRST)
    with pytest.raises(Refused, match="production names no database for tally; set `environments: production: database:`"):
        live.commands.promote("tally@1.1.0", "production", "alice")


def test_a_database_that_is_away_makes_the_release_wait_and_is_asked_again(live: Story) -> None:
    live.cut("1.1.0", FIRST | {"0002_mail.sql": MAIL})
    live.fake.migrations.down_until = live.fake.clock.now() + timedelta(seconds=40)
    view = live.promote("1.1.0", 10.0)
    assert (view["phase"], "cannot be told" in str(view["why"])) == ("pending", True)
    live.run(90.0)
    assert live.shown(str(view["rollout"]))["phase"] == "completed"


@pytest.mark.parametrize(
    ("namespace", "there"),
    [
        pytest.param("shop", ["tally@1.0.0"], id="the same database"),
        pytest.param("elsewhere", [], id="of the same name in another namespace"),
    ],
)
def test_a_secret_of_the_cluster_names_another_database_in_another_namespace(live: Story, namespace: str, there: list[str]) -> None:
    def of(name: str, where: str) -> Stage:
        inside = InCluster(Cluster("k8s", where))
        made = stage()
        return replace(
            made, environment=replace(made.environment, name=name, database=Database("kubernetes:db/url", tool="dbmate", inside=inside))
        )

    live.fake.pipelines.declared = [of("production", "shop"), of("other", namespace)]
    asked = live.fake.pipelines.declared[1].environment.database
    assert asked is not None
    assert [one.name for one in running(Place("tally", "other"), asked, live.fake.world)] == there
