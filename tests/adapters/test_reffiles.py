"""A ref that moved is seen at once, and one that did not costs no process."""

import os
import subprocess
from pathlib import Path

import pytest

from headway.adapters import git as adapter
from headway.adapters.git import GitRepository
from headway.adapters.gitcommand import Git
from headway.errors import HeadwayError


def git(folder: Path, *words: str) -> str:
    told = ("-c", "user.name=alice", "-c", "user.email=alice@example.org")
    done = subprocess.run(("git", "-C", str(folder), *told, *words), check=True, capture_output=True, text=True)
    return done.stdout.strip()


def commit(folder: Path, text: str) -> str:
    git(folder, "commit", "--quiet", "--allow-empty", "--message", text)
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What git is asked."""
    words: list[str] = []
    run = Git.run

    def counted(self: Git, *arguments: str, **rest: object) -> bytes:
        words.append(arguments[0])
        return run(self, *arguments, **rest)  # type: ignore[arg-type]

    monkeypatch.setattr(adapter.Git, "run", counted)
    return words


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    git(tmp_path, "init", "--quiet", "--initial-branch=main")
    commit(tmp_path, "first")
    return tmp_path


def grown_cold(folder: Path) -> None:
    """The files as they are a minute later."""
    then = (folder / ".git" / "HEAD").stat().st_mtime - 60
    for path in (folder / ".git").rglob("*") if (folder / ".git").is_dir() else folder.rglob("*"):
        if path.is_file():
            os.utime(path, (then, then))


def test_a_repository_in_which_nothing_moved_is_asked_once(folder: Path, asked: list[str]) -> None:
    grown_cold(folder)
    repository = GitRepository(folder)
    first = repository.refs()
    assert all(repository.refs() == first for _ in range(5))
    assert asked.count("for-each-ref") == 1


@pytest.mark.parametrize(
    "move",
    [
        pytest.param(lambda folder: commit(folder, "second"), id="a commit"),
        pytest.param(lambda folder: git(folder, "branch", "feature/x"), id="a branch"),
        pytest.param(lambda folder: git(folder, "tag", "--annotate", "--message=one", "v1"), id="a tag"),
        pytest.param(lambda folder: git(folder, "branch", "--delete", "old"), id="a branch that goes"),
        pytest.param(lambda folder: (git(folder, "pack-refs", "--all"), commit(folder, "after")), id="refs packed, and a commit"),
    ],
)
def test_what_moves_is_seen_at_once(folder: Path, move, asked: list[str]) -> None:
    git(folder, "branch", "old")
    grown_cold(folder)
    repository = GitRepository(folder)
    before = repository.refs()
    move(folder)
    assert repository.refs() != before
    assert repository.refs() == GitRepository(folder).refs()


def test_two_moves_within_one_tick_of_the_clock_are_two(folder: Path, asked: list[str]) -> None:
    repository = GitRepository(folder)
    for number in range(5):
        assert commit(folder, f"change {number}") == repository.refs()["main"]


def test_a_folder_that_is_gone_is_no_repository_without_branches(folder: Path) -> None:
    grown_cold(folder)
    repository = GitRepository(folder)
    repository.refs()
    (folder / ".git").rename(folder / "elsewhere")
    with pytest.raises(HeadwayError):
        repository.refs()
