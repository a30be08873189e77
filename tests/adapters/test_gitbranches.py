"""Branches of trains and hotfixes, on real git: nothing is lost, nothing is half merged, no work tree is surprised."""

import subprocess
from pathlib import Path

import pytest

from headway.adapters.git import GitRepository
from headway.adapters.gitbranches import GitBranches
from headway.errors import Refused, Unavailable
from headway.ports import Changed
from support.scratch import Scratch


@pytest.fixture
def scratch(tmp_path: Path) -> Scratch:
    return Scratch(tmp_path)


@pytest.fixture
def branches(scratch: Scratch) -> GitBranches:
    return GitBranches(scratch.bare)


def test_a_branch_is_made_once_and_never_moved_by_making_it(scratch: Scratch, branches: GitBranches) -> None:
    branches.create("hotfix/1", scratch.base)
    branches.create("hotfix/1", scratch.base)
    other = scratch.commit("two", "app.py", "x\n")
    with pytest.raises(Refused, match="has a branch hotfix/1 already"):
        branches.create("hotfix/1", other)
    assert GitRepository(scratch.bare).refs()["hotfix/1"] == scratch.base


def test_a_commit_is_picked_alone_without_what_came_before_it(scratch: Scratch, branches: GitBranches) -> None:
    branches.create("train/a", scratch.base)
    scratch.commit("a feature that stays behind", "feature.py", "new\n")
    fix = scratch.commit("a fix", "app.py", "a\nB\nc\nd\ne\nf\n")
    picked = branches.pick("train/a", fix, "Ada <ada@example.org>")
    assert picked.conflicts == ()
    assert scratch.text("train/a", "app.py") == "a\nB\nc\nd\ne\nf\n"
    assert scratch.text("train/a", "feature.py") is None
    told = subprocess.run(
        ["git", "-C", scratch.bare, "log", "-1", "--format=%an%n%B", "train/a"], capture_output=True, text=True, check=True
    ).stdout
    assert f"(cherry picked from commit {fix})" in told
    assert told.startswith("Ada")


def test_a_conflict_names_its_files_and_changes_nothing(scratch: Scratch, branches: GitBranches) -> None:
    scratch.commit("on main", "app.py", "a\nX\nc\nd\ne\nf\n")
    fix = scratch.commit("on the hotfix", "app.py", "a\nY\nc\nd\ne\nf\n", branch="hotfix/1", start=scratch.base)
    before = GitRepository(scratch.bare).refs()
    assert branches.merge("main", fix, "ada", "forward").conflicts == ("app.py",)
    assert branches.pick("main", fix, "ada").conflicts == ("app.py",)
    assert GitRepository(scratch.bare).refs() == before


def test_a_merge_brings_both_sides_and_the_second_is_nothing(scratch: Scratch, branches: GitBranches) -> None:
    scratch.commit("on main", "app.py", "A\nb\nc\nd\ne\nf\n")
    fix = scratch.commit("on the hotfix", "app.py", "a\nb\nc\nd\ne\nF\n", branch="hotfix/1", start=scratch.base)
    merged = branches.merge("main", fix, "ada", "Merge the fix forward")
    assert merged.commit is not None
    assert scratch.text("main", "app.py") == "A\nb\nc\nd\ne\nF\n"
    repository = GitRepository(scratch.bare)
    assert repository.contains(repository.refs()["main"], fix)
    assert branches.merge("main", fix, "ada", "again") == merged


def test_a_branch_that_somebody_has_checked_out_is_left_to_them(scratch: Scratch) -> None:
    fix = scratch.commit("on the hotfix", "fix.py", "x\n", branch="hotfix/1", start=scratch.base)
    scratch.git("checkout", "-q", "main")
    before = scratch.git("rev-parse", "main")
    with pytest.raises(Refused, match="main is checked out in"):
        GitBranches(scratch.work).merge("main", fix, "ada", "forward")
    assert scratch.git("rev-parse", "main") == before
    assert scratch.git("status", "--porcelain") == ""


def test_a_push_that_came_in_between_is_not_lost(scratch: Scratch, branches: GitBranches, monkeypatch: pytest.MonkeyPatch) -> None:
    fix = scratch.commit("on the hotfix", "fix.py", "x\n", branch="hotfix/1", start=scratch.base)
    merged = branches._merged

    def slowly(ours: str, theirs: str) -> tuple[str, tuple[str, ...]]:
        found = merged(ours, theirs)
        scratch.git("checkout", "-q", "main")
        scratch.commit("meanwhile", "other.py", "y\n")
        return found

    monkeypatch.setattr(branches, "_merged", slowly)
    with pytest.raises(Unavailable, match="main moved meanwhile"):
        branches.merge("main", fix, "ada", "forward")
    assert scratch.text("main", "other.py") == "y\n"


@pytest.mark.parametrize("name", ["", "-x", "a..b", "a b", "x.lock"])
def test_odd_names_are_refused(scratch: Scratch, branches: GitBranches, name: str) -> None:
    with pytest.raises(Refused, match="is no name for a branch"):
        branches.create(name, scratch.base)


def test_what_differs_between_two_commits(scratch: Scratch) -> None:
    new = scratch.commit("two", "app.py", "a\nB\nc\nd\ne\nf\ng\n")
    (scratch.work / "logo.bin").write_bytes(b"\0\1\2")
    scratch.commit("three", "other.py", "x\ny\n")
    repository = GitRepository(scratch.bare)
    assert repository.changed(scratch.base, new) == (Changed("app.py", 2, 1),)
    assert set(repository.changed(new, repository.refs()["main"])) == {Changed("logo.bin"), Changed("other.py", 2, 0)}
