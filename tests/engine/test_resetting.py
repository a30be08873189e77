"""Branches that share an environment and its database: whose history it has not gets it made anew, where nobody would miss it."""

from dataclasses import replace

import pytest
from data_story import URL, Story

from headway.engine.commands import Commands
from headway.environments.model import Database, Place
from headway.errors import Refused
from headway.ports import Commit
from headway.promotion.model import Approvals, Stage, Trigger
from headway.rollout.seen import Probe
from headway.testing import NOON, FakeWorld, Script, sample_release, sample_stage

DEV = Place("tally", "dev")
USERS = "-- migrate:up\nCREATE TABLE users (id integer primary key, phone text);"
MAIL = "-- migrate:up\nALTER TABLE users ADD COLUMN mail text;"
NOTES = "-- migrate:up\nCREATE TABLE notes (id integer primary key);"
SEED = (("seed.sql",),)


def stage(diverged: str = "reset", data: str = "synthetic", **rules: object) -> Stage:
    made = sample_stage("dev", soak=1.0, keep_warm=2.0, trigger=Trigger(push=("feature/*",)), diverged=diverged, **rules)
    return replace(made, environment=replace(made.environment, database=Database(URL, seed=SEED, rehearse="off", lint="off"), data=data))  # type: ignore[arg-type]


@pytest.fixture
def story() -> Story:
    """1.1.0 of one branch runs in dev; 1.2.0 is another branch's, from the same 1.0.0."""
    fake = FakeWorld()
    fake.pipelines.declared = [stage()]
    for version, parents in (("1.0.0", ()), ("1.1.0", ("1.0.0",)), ("1.2.0", ("1.0.0",)), ("1.3.0", ("1.1.0",))):
        commit = Commit(sample_release(version).commit, "ada", NOON, version)
        fake.repository.commit(commit, *(sample_release(one).commit for one in parents), branch=f"feature/{version}")
    made = Story(fake, Commands(fake.world), where="dev")
    made.cut("1.1.0", {"0001_users.sql": USERS, "0002_mail.sql": MAIL})
    assert made.promote("1.1.0")["phase"] == "completed"
    return made


def other_branch(story: Story) -> None:
    story.cut("1.2.0", {"0001_users.sql": USERS, "0002_notes.sql": NOTES})


def databases(story: Story) -> list[str]:
    story.fake.migrations.settle()
    return sorted(name for name in story.fake.migrations.databases if "_before_" in name)


def test_another_branch_gets_the_database_made_anew_and_the_plan_says_so_beforehand(story: Story) -> None:
    other_branch(story)
    plan = str(story.commands.plan("1.2.0", "dev", "ada"))
    assert "1.2.0 lacks commits of tally@1.1.0" in plan
    assert "make it anew by 0001_users, 0002_notes, seed.sql" in plan
    assert "move what env:PRODUCTION_DATABASE holds aside" in plan
    assert databases(story) == [], "a plan touches nothing"
    view = story.promote("1.2.0")
    assert view["phase"] == "completed"
    assert [row.title for row in story.fake.migrations.database(URL).rows.values()] == ["0001_users", "0002_notes"]
    assert len(databases(story)) == 1
    assert "the database is made anew: 1.2.0 lacks commits of tally@1.1.0" in story.said
    assert "is kept as" in story.said


def test_who_goes_on_from_what_runs_there_migrates_as_ever(story: Story) -> None:
    story.cut("1.3.0", {"0001_users.sql": USERS, "0002_mail.sql": MAIL, "0003_notes.sql": NOTES})
    assert story.promote("1.3.0")["phase"] == "completed"
    assert story.ledger == [1, 2, 3]
    assert databases(story) == []


def test_an_older_release_whose_database_is_ahead_of_it_gets_its_own_history(story: Story) -> None:
    story.cut("1.0.0", {"0001_users.sql": USERS})
    assert story.promote("1.0.0")["phase"] == "completed"
    assert story.ledger == [1]
    assert "the database is ahead of these files" in story.said


@pytest.mark.parametrize(
    "rules",
    [
        pytest.param({"diverged": "keep"}, id="the environment keeps"),
        pytest.param({"data": "real"}, id="its data is real"),
        pytest.param({"approvals": Approvals(needed=1)}, id="a policy has people approve"),
        pytest.param({"after": ("one",)}, id="it comes after another"),
    ],
)
def test_nothing_is_made_anew_where_it_may_not(story: Story, rules: dict[str, object]) -> None:
    other_branch(story)
    story.fake.pipelines.declared = [sample_stage("one"), stage(**rules)]  # type: ignore[arg-type]
    plan = story.commands.plan("1.2.0", "dev", "ada")
    assert "make it anew" not in str(plan)
    assert plan["refused"]


def test_a_trial_goes_back_and_so_never_makes_anything_anew(story: Story) -> None:
    from headway.engine.candidate import Asked, consider
    from headway.rollout.model import Trial

    other_branch(story)
    considered = consider(Asked("tally@1.2.0", DEV, "ada", trial=Trial("tally@1.1.0")), story.fake.world, NOON)
    assert considered.refusals
    assert considered.plan.migrations is None or not considered.plan.migrations.anew


def test_a_run_that_was_lost_is_begun_again_and_makes_it_once(story: Story) -> None:
    other_branch(story)
    migrations = story.fake.migrations
    asked = story.commands.promote("tally@1.2.0", "dev", "alice")
    for _ in story.turns():
        if started := [key for key in migrations.runs if key.startswith(str(asked["rollout"]))]:
            break
    migrations.lose(started[0])
    story.run()
    assert story.shown(str(asked["rollout"]))["phase"] == "completed"
    assert len(databases(story)) == 1


def test_what_a_crash_left_unknown_is_answered_by_the_ledger(story: Story) -> None:
    other_branch(story)
    view = story.promote("1.2.0")
    rollout = story.fake.ledger.tables.rows[str(view["rollout"])].rollout
    key = next(key for key in story.fake.migrations.runs if key.startswith(str(view["rollout"])))
    effect = story.fake.migrations.runs.pop(key).effect
    from headway.rollout.model import Fence, Intent

    assert effect.what == "reset"
    assert story.fake.migrations.probe(DEV, Intent(key, Fence(rollout.generation, 1), effect, NOON)) is Probe.DONE


def test_a_migration_that_fails_while_it_is_made_leaves_the_old_database_and_release(story: Story) -> None:
    other_branch(story)
    story.fake.migrations.fails = {2}
    assert story.promote("1.2.0")["phase"] == "rolled back"
    assert databases(story) == []
    assert [row.title for row in story.fake.migrations.database(URL).rows.values()] == ["0001_users", "0002_mail"]


def test_a_release_that_is_bad_afterwards_says_what_became_of_the_database(story: Story) -> None:
    other_branch(story)
    story.fake.platform.scripts["1.2.0"] = Script(crashes=True)
    view = story.promote("1.2.0")
    assert view["phase"] == "rolled back"
    assert "stays as it was made anew; promote the release that serves again" in str(view["why"])


# -- by hand


def test_somebody_has_it_made_anew_for_what_runs_there(story: Story) -> None:
    view = story.commands.reset("dev", "ada", why="the test data is a mess")
    assert "0002_mail, seed.sql: ada asked for it" in view["steps"][0]
    story.run()
    shown = story.shown(str(view["rollout"]))
    assert shown["phase"] == "completed"
    assert shown["release"] == "tally@1.1.0"
    assert len(databases(story)) == 1
    assert "ada asked for it: the test data is a mess" in story.said
    assert story.fake.world.records.place(DEV).live_release == "tally@1.1.0"


def test_it_is_refused_where_the_data_is_real(story: Story) -> None:
    story.fake.pipelines.declared = [stage(data="real")]
    with pytest.raises(Refused, match="data of dev is real"):
        story.commands.reset("dev", "ada")


def test_it_is_refused_while_something_else_is_under_way(story: Story) -> None:
    story.commands.reset("dev", "ada")
    with pytest.raises(Refused, match="is under way or waits there"):
        story.commands.reset("dev", "bob")


def test_where_nothing_runs_there_is_nothing_to_make_it_for() -> None:
    fake = FakeWorld()
    fake.pipelines.declared = [stage()]
    with pytest.raises(Refused, match="nothing runs there yet"):
        Commands(fake.world).reset("dev", "ada")


def test_it_also_goes_where_branches_keep_each_others_history(story: Story) -> None:
    """`diverged` is about pushes; a person's word needs only that nobody misses the data."""
    story.fake.pipelines.declared = [stage(diverged="keep")]
    view = story.commands.reset("dev", "ada")
    story.run()
    assert story.shown(str(view["rollout"]))["phase"] == "completed"


def test_a_rollback_to_the_release_of_the_other_branch_says_that_the_database_is_not_its_own(story: Story) -> None:
    other_branch(story)
    story.promote("1.2.0")
    with pytest.raises(Refused, match=r"was made anew for tally@1\.2\.0"):
        story.commands.rollback("dev", "bob", "people miss it")
    story.commands.rollback("dev", "bob", "people miss it", accept_data_loss=True)


def test_a_rollback_after_a_reset_by_hand_is_like_any_other(story: Story) -> None:
    story.cut("1.3.0", {"0001_users.sql": USERS, "0002_mail.sql": MAIL})
    story.promote("1.3.0")
    story.commands.reset("dev", "ada")
    story.run()
    assert story.commands.rollback("dev", "bob")["to"] == "1.1.0"
