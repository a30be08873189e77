"""A change is known again on another line, on real git: picked, squashed, adapted, and never mistaken."""

from pathlib import Path

import pytest

from headway.adapters.git import GitRepository
from headway.trains.forward import Forward, forward
from support.scratch import Scratch

LINES = "".join(f"{letter}\n" for letter in "abcdefghijklmnopqrstuvwxyz")


@pytest.fixture
def scratch(tmp_path: Path) -> Scratch:
    made = Scratch(tmp_path)
    made.base = made.commit("the code", "app.py", LINES)
    made.commit("fix: one", "app.py", LINES.replace("b\n", "B\n"), branch="hotfix/1")
    made.commit("fix: two", "app.py", LINES.replace("b\n", "B\n").replace("y\n", "Y\n"), branch="hotfix/1")
    made.git("checkout", "-q", "main")
    made.commit("feat: meanwhile", "other.py", "x\n")
    return made


def found(scratch: Scratch) -> Forward:
    scratch.git("push", "-q", "-f", "origin", "main")
    repository = GitRepository(scratch.bare)
    heads = repository.refs()
    files = [one.path for one in repository.changed(scratch.base, heads["hotfix/1"])]
    fix = repository.landed(scratch.base, heads["hotfix/1"], files)
    return forward(fix, repository.altogether(scratch.base, heads["hotfix/1"]), repository.landed(scratch.base, heads["main"], files))


def test_a_line_without_it_lacks_it(scratch: Scratch) -> None:
    assert len(found(scratch).lacks) == 2


def test_picked_commits_carry_it(scratch: Scratch) -> None:
    scratch.git("cherry-pick", "hotfix/1~1")
    assert len(found(scratch).lacks) == 1
    scratch.git("cherry-pick", "hotfix/1")
    assert found(scratch).whole


def test_one_that_was_squashed_carries_it_also_beside_other_files(scratch: Scratch) -> None:
    scratch.git("merge", "-q", "--squash", "hotfix/1")
    scratch.commit("fix: both, and the notes", "NOTES", "fixed\n")
    assert found(scratch).whole


def test_two_lines_part_where_they_did_and_may_share_nothing(scratch: Scratch) -> None:
    scratch.git("push", "-q", "-f", "origin", "main")
    scratch.git("checkout", "-q", "--orphan", "alone")
    scratch.git("commit", "-q", "-m", "begin anew")
    scratch.git("push", "-q", "-f", "origin", "alone")
    repository = GitRepository(scratch.bare)
    heads = repository.refs()
    assert repository.fork(heads["main"], heads["hotfix/1"]) == scratch.base
    assert repository.fork(heads["main"], heads["alone"]) is None


def test_one_that_had_to_be_adapted_carries_it_when_it_says_so(scratch: Scratch) -> None:
    for number, (commit, letter) in enumerate((("hotfix/1~1", "b"), ("hotfix/1", "y"))):
        full = scratch.git("rev-parse", commit)
        scratch.commit(f"fix: {letter}, as it is here\n\n(cherry picked from commit {full})", "elsewhere.py", letter * (number + 1))
    assert found(scratch).whole


def test_the_same_title_with_another_change_is_not_it(scratch: Scratch) -> None:
    scratch.commit("fix: one", "app.py", LINES.replace("b\n", "C\n"))
    assert len(found(scratch).lacks) == 2


def test_what_was_reverted_since_is_gone(scratch: Scratch) -> None:
    scratch.git("cherry-pick", "hotfix/1~1", "hotfix/1")
    scratch.git("revert", "--no-edit", "HEAD")
    assert len(found(scratch).lacks) == 1
