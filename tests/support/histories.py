"""Histories told in a few words and made in real git, with plumbing, so that hundreds of them take seconds."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if not name.startswith("GIT_")},
    **{"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"},
    **{"GIT_AUTHOR_NAME": "Ada", "GIT_AUTHOR_EMAIL": "ada@example.org"},
    **{"GIT_COMMITTER_NAME": "Bob", "GIT_COMMITTER_EMAIL": "bob@example.org"},
}
START = 1_767_225_600


class Told:
    """A repository that a story writes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.ids: dict[str, str] = {}
        self.branch = "main"
        self.time = START
        path.mkdir(parents=True, exist_ok=True)
        self.git("init", "-q", "-b", "main")

    def git(self, *arguments: str, input: str = "") -> str:
        when = f"{self.time} +0000"
        env = {**ENVIRONMENT, "GIT_AUTHOR_DATE": when, "GIT_COMMITTER_DATE": when}
        ran = subprocess.run(["git", "-C", self.path, *arguments], env=env, input=input, capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stderr
        return ran.stdout.strip()

    def head(self) -> str:
        return self.git("rev-parse", "HEAD")

    def commit(self, message: str, *parents: str, file: str | None = None) -> str:
        """A commit on the branch; without parents, on top of it."""
        if not parents:
            parents = tuple(self.git("rev-parse", "--verify", "-q", "HEAD^{commit}").split()) if self.ids else ()
        if file is not None:
            blob = self.git("hash-object", "-w", "--stdin", input=message)
            self.git("update-index", "--add", "--cacheinfo", f"100644,{blob},{file}")
        tree = self.git("write-tree")
        self.time += 60
        commit = self.git("commit-tree", tree, *(word for parent in parents for word in ("-p", parent)), "-F", "-", input=message)
        self.git("update-ref", f"refs/heads/{self.branch}", commit)
        self.ids[message.split("\n", 1)[0]] = commit
        return commit


Step = str | Callable[[Told], object]


def tell(path: Path, *steps: Step) -> Told:
    """A repository with this story. A text is a commit."""
    told = Told(path)
    for step in steps:
        told.commit(step) if isinstance(step, str) else step(told)
    return told


def tag(name: str, *, message: str | None = None) -> Step:
    """A tag here; with a message, an annotated one."""
    return lambda told: told.git("tag", *(("-a", "-m", message) if message else ()), name)


def nested(name: str, of: str) -> Step:
    return lambda told: told.git("tag", "-a", "-m", "a tag of a tag", name, of)


def on(branch: str) -> Step:
    """Go on upon another branch; a new one starts here."""

    def go(told: Told) -> None:
        if branch not in told.git("for-each-ref", "--format=%(refname:lstrip=2)", "refs/heads").split():
            told.git("branch", branch)
        told.branch = branch
        told.git("symbolic-ref", "HEAD", f"refs/heads/{branch}")
        told.git("read-tree", "HEAD")

    return go


def back_to(title: str, branch: str) -> Step:
    """A new branch from an earlier commit."""

    def go(told: Told) -> None:
        told.git("branch", branch, told.ids[title])
        on(branch)(told)  # type: ignore[operator]

    return go


def merge(branch: str, message: str | None = None) -> Step:
    def go(told: Told) -> None:
        told.commit(message or f"Merge branch '{branch}'", "HEAD", branch)

    return go


def squash(branch: str, message: str) -> Step:
    return lambda told: told.commit(message)


def revert(title: str, *, short: bool = False, message: str | None = None) -> Step:
    """As `git revert` writes it."""

    def go(told: Told) -> None:
        commit = told.ids[title][: 8 if short else None]
        told.commit(message.format(id=commit) if message else f'Revert "{title}"\n\nThis reverts commit {commit}.')

    return go


def revert_merge(title: str) -> Step:
    def go(told: Told) -> None:
        commit = told.ids[title]
        kept = told.git("rev-parse", f"{commit}^1")
        told.commit(f'Revert "{title}"\n\nThis reverts commit {commit}, reversing\nchanges made to {kept}.')

    return go


def touching(file: str, message: str) -> Step:
    return lambda told: told.commit(message, file=file)


def delete_branch(name: str) -> Step:
    return lambda told: told.git("branch", "-q", "-D", name)


def detach() -> Step:
    return lambda told: told.git("update-ref", "--no-deref", "HEAD", told.head())


def write(name: str, text: str) -> Step:
    return lambda told: (told.path / name).write_text(text)
