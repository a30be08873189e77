"""The pipeline as a graph, and what a release passed on it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway.environments.model import Environment
from headway.errors import Contradiction
from headway.promotion.model import Candidate, Objection, Passed, Stage, Trigger
from headway.promotion.stages import objections, order, triggered, upstream

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
CANDIDATE = Candidate("tally@2.0.0", "2.0.0", "sha256:a", "alice", "erin", "sha256:c", "sha256:t")

DEV = Stage("tally", Environment("dev"), trigger=Trigger(push=("feature/*", "fix-?")))
STAGING = Stage("tally", Environment("staging"), trigger=Trigger(merge="main"), manual=("uat",))
LOAD = Stage("tally", Environment("load"), after=("dev",))
PRODUCTION = Stage("tally", Environment("production"), after=("staging", "load"))
ALL = (DEV, STAGING, LOAD, PRODUCTION)


def passed(environment: str, what: str = "rollout", *, good: bool = True, after: int = 0, digest: str = "sha256:a", by: str = "") -> Passed:
    return Passed("tally@2.0.0", digest, environment, what, good, NOON + timedelta(seconds=after), by, "" if good else "the total is off")


def names(stages: tuple[Stage, ...]) -> list[str]:
    return [stage.environment.name for stage in stages]


@pytest.mark.parametrize("stages", list(permutations(ALL)))
def test_each_stage_comes_after_those_it_waits_for(stages: tuple[Stage, ...]) -> None:
    ordered = names(order(stages))
    assert sorted(ordered) == sorted(names(ALL))
    assert ordered.index("dev") < ordered.index("load") < ordered.index("production")
    assert ordered.index("staging") < ordered.index("production")


def test_otherwise_the_order_is_the_file_s() -> None:
    assert order(ALL) == ALL


@pytest.mark.parametrize(
    "stages",
    [
        pytest.param((replace(DEV, after=("production",)), LOAD, PRODUCTION), id="a circle"),
        pytest.param((replace(DEV, after=("dev",)),), id="itself"),
    ],
)
def test_stages_that_wait_for_each_other_are_a_contradiction(stages: tuple[Stage, ...]) -> None:
    with pytest.raises(Contradiction, match="wait for each other"):
        order(stages)


def test_services_do_not_wait_for_each_other_s_stages() -> None:
    other = replace(PRODUCTION, service="mail", after=())
    assert order((other, *ALL)) == (other, *ALL)
    assert names(upstream(PRODUCTION, (replace(STAGING, service="mail"), LOAD, STAGING))) == ["load", "staging"]


@pytest.mark.parametrize(
    ("branch", "stages"),
    [
        pytest.param("feature/votes", ["dev"], id="a feature"),
        pytest.param("feature/votes/again", ["dev"], id="a feature with a slash"),
        pytest.param("refs/heads/feature/votes", ["dev"], id="as git spells it"),
        pytest.param("fix-1", ["dev"], id="the second pattern"),
        pytest.param("main", ["staging"], id="a merge"),
        pytest.param("features/x", [], id="nearly"),
        pytest.param("Feature/x", [], id="another case"),
        pytest.param("mainline", [], id="merge is no pattern"),
        pytest.param("refs/tags/feature/x", [], id="a tag"),
        pytest.param("", [], id="no branch"),
    ],
)
def test_what_new_commits_on_a_branch_trigger(branch: str, stages: list[str]) -> None:
    assert names(triggered(ALL, branch)) == stages


def test_a_pattern_of_branches_means_no_tag_and_no_pull_request() -> None:
    anything = replace(DEV, trigger=Trigger(push=("*",)))
    assert triggered((anything,), "refs/tags/v1") == ()
    assert triggered((anything,), "refs/pull/1/head") == ()
    assert triggered((anything,), "v1") == (anything,)


@pytest.mark.parametrize(
    ("ref", "comes"),
    [
        pytest.param("refs/tags/v1.4.0", True, id="a tag"),
        pytest.param("refs/tags/nightly", False, id="another tag"),
        pytest.param("v1.4.0", False, id="a branch of that name"),
        pytest.param("refs/pull/7/head", True, id="a pull request, as GitHub and Gitea keep it"),
        pytest.param("refs/merge-requests/7/head", True, id="as GitLab does"),
        pytest.param("refs/pull-requests/7/from", True, id="as Bitbucket does"),
        pytest.param("refs/pull/7/merge", False, id="what it would be once merged"),
        pytest.param("refs/pull/x/head", False, id="no number"),
        pytest.param("refs/notes/commits", False, id="notes"),
    ],
)
def test_what_tags_and_pull_requests_trigger(ref: str, comes: bool) -> None:
    stage = replace(DEV, trigger=Trigger(tag=("v*",), pulls=True))
    assert bool(triggered((stage,), ref)) is comes


BEFORE = upstream(PRODUCTION, ALL)
ENOUGH = (passed("staging"), passed("load"), passed("staging", "uat", by="carol"))


def test_a_release_that_passed_everything_meets_no_objection() -> None:
    assert objections(CANDIDATE, PRODUCTION, BEFORE, ENOUGH) == ()
    assert objections(CANDIDATE, DEV, (), ()) == ()


@pytest.mark.parametrize(
    ("words", "objection"),
    [
        pytest.param(
            (ENOUGH[1], ENOUGH[2]),
            Objection("2.0.0 has not passed staging; this artifact has passed load"),
            id="one of two stages is missing",
        ),
        pytest.param((*ENOUGH[:2],), Objection("nobody has ticked uat in staging for 2.0.0 yet"), id="unticked"),
        pytest.param(
            (*ENOUGH, passed("staging", "uat", good=False, after=5, by="carol")),
            Objection("uat in staging failed for 2.0.0, says carol: the total is off", "final"),
            id="ticked, then failed",
        ),
        pytest.param(
            (*ENOUGH, passed("staging", good=False, after=5)),
            Objection("2.0.0 was last rolled back in staging: the total is off"),
            id="passed, then rolled back",
        ),
        pytest.param(
            (*ENOUGH[1:], passed("staging", digest="sha256:b")),
            Objection("2.0.0 has not passed staging; this artifact has passed load"),
            id="another artifact of the same name passed",
        ),
        pytest.param(
            (*ENOUGH[:2], passed("load", "uat")), Objection("nobody has ticked uat in staging for 2.0.0 yet"), id="ticked somewhere else"
        ),
    ],
)
def test_what_is_missing_on_the_way(words: tuple[Passed, ...], objection: Objection) -> None:
    assert objections(CANDIDATE, PRODUCTION, BEFORE, words) == (objection,)
    assert objections(CANDIDATE, PRODUCTION, BEFORE, words[::-1]) == (objection,)


def test_a_failed_manual_check_can_be_done_again() -> None:
    again = (*ENOUGH, passed("staging", "uat", good=False, after=5), passed("staging", "uat", after=9, by="carol"))
    assert objections(CANDIDATE, PRODUCTION, BEFORE, again) == ()


def test_a_stage_that_we_do_not_know_lets_nothing_pass() -> None:
    (found,) = objections(CANDIDATE, PRODUCTION, (LOAD,), ENOUGH)
    assert found == Objection("the pipeline has no stage staging, which production comes after", "final")


@given(
    st.lists(
        st.builds(
            passed,
            st.sampled_from(["dev", "staging", "load"]),
            st.sampled_from(["rollout", "uat"]),
            good=st.booleans(),
            after=st.integers(0, 9),
            digest=st.sampled_from(["sha256:a", "sha256:b"]),
        ),
        max_size=12,
    )
)
def test_only_an_artifact_that_passed_every_stage_gets_through(words: list[Passed]) -> None:
    assert objections(CANDIDATE, PRODUCTION, BEFORE, words) == objections(CANDIDATE, PRODUCTION, BEFORE, words[::-1]) or not words
    if not objections(CANDIDATE, PRODUCTION, BEFORE, words):
        good = {(word.environment, word.what) for word in words if word.good and word.digest == "sha256:a"}
        assert good >= {("staging", "rollout"), ("load", "rollout"), ("staging", "uat")}
