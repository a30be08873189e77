"""Branches of trains and hotfixes, written by git itself without a work tree.

A merge is made from objects (`merge-tree`), committed, and the branch moved to it only if it is still where it was: a push that comes in
between is never lost, and a crash leaves objects that nothing names.
"""

from collections.abc import Sequence
from pathlib import Path

from headway.adapters.gitcommand import Git
from headway.errors import Refused, Unavailable
from headway.ports import Merged

_NEEDS = "merging needs git 2.38 or newer"


class GitBranches:
    """`ports.Branches` of a repository on this machine, bare or not."""

    def __init__(self, path: Path, git: str = "git", timeout: float = 60.0) -> None:
        self._path = path
        self._git = Git(path, git, timeout)

    def create(self, branch: str, commit: str) -> None:
        self._checked(branch)
        there = self._head(branch)
        if there == commit:
            return
        if there is not None:
            raise Refused(f"{self._path} has a branch {branch} already", (f"it is at {there[:10]}, not at {commit[:10]}",))
        self._move(branch, commit, "")

    def pick(self, branch: str, commit: str, by: str) -> Merged:
        head, parents = self._must(branch), self._parents(commit)
        if len(parents) != 1:
            raise Refused(f"{commit[:10]} cannot be picked", ("it is a merge, or the first commit; name the commits that it brought",))
        # merge-tree finds the base in the history; a history of our own makes it the commit before the one that is picked.
        base = self._commit(f"{parents[0]}^{{tree}}", (), by, "base")
        ours = self._commit(f"{head}^{{tree}}", (base,), by, "ours")
        theirs = self._commit(f"{commit}^{{tree}}", (base,), by, "theirs")
        tree, conflicts = self._merged(ours, theirs)
        if conflicts:
            return Merged(None, conflicts)
        text = self._git.run("log", "-1", "--format=%B", commit).decode(errors="replace").strip()
        made = self._commit(tree, (head,), by, f"{text}\n\n(cherry picked from commit {commit})")
        self._move(branch, made, head)
        return Merged(made)

    def merge(self, branch: str, commit: str, by: str, message: str) -> Merged:
        head = self._must(branch)
        if self._git.start("merge-base", "--is-ancestor", commit, head).returncode == 0:
            return Merged(head)
        tree, conflicts = self._merged(head, commit)
        if conflicts:
            return Merged(None, conflicts)
        if where := self._checked_out(branch):
            raise Refused(f"{branch} is checked out in {where}", (f"merge it there: git merge {commit[:10]}",))
        made = self._commit(tree, (head, commit), by, message)
        self._move(branch, made, head)
        return Merged(made)

    def _merged(self, ours: str, theirs: str) -> tuple[str, tuple[str, ...]]:
        """The tree of both, and the files that conflict."""
        ran = self._git.start("merge-tree", "--write-tree", "--name-only", "--no-messages", "-z", ours, theirs)
        if ran.returncode not in {0, 1}:
            said = ran.stderr.decode(errors="replace")
            raise Unavailable(_NEEDS) if "usage:" in said or "unknown option" in said else self._git.trouble(ran)
        tree, *files = (part for part in ran.stdout.decode(errors="surrogateescape").split("\0") if part)
        return tree, tuple(dict.fromkeys(files)) if ran.returncode == 1 else ()

    def _commit(self, tree: str, parents: Sequence[str], by: str, message: str) -> str:
        who = " ".join(char for char in by.replace("<", " ").replace(">", " ").split()) or "somebody"
        names = ("-c", f"user.name={who} by Headway", "-c", "user.email=headway@localhost")
        heads = tuple(part for parent in parents for part in ("-p", parent))
        ran = self._git.run(*names, "commit-tree", tree, *heads, input=f"{message}\n".encode())
        return ran.decode().strip()

    def _move(self, branch: str, to: str, expected: str) -> None:
        ran = self._git.start("update-ref", "-m", "headway", f"refs/heads/{branch}", to, expected or "0" * len(to))
        if ran.returncode != 0:
            said = ran.stderr.decode(errors="replace").strip()
            raise Unavailable(f"{branch} moved meanwhile, or cannot be written; nothing was changed: {said}")

    def _head(self, branch: str) -> str | None:
        ran = self._git.start("rev-parse", "--verify", "--quiet", "--end-of-options", f"refs/heads/{branch}^{{commit}}")
        return ran.stdout.decode().strip() or None if ran.returncode == 0 else None

    def _must(self, branch: str) -> str:
        self._checked(branch)
        head = self._head(branch)
        if head is None:
            raise Refused(f"{self._path} has no branch {branch}")
        return head

    def _checked(self, branch: str) -> None:
        if branch.startswith("-") or self._git.start("check-ref-format", f"refs/heads/{branch}").returncode != 0:
            raise Refused(f"{branch!r} is no name for a branch")

    def _parents(self, commit: str) -> tuple[str, ...]:
        return tuple(self._git.run("log", "-1", "--format=%P", commit).decode().split())

    def _checked_out(self, branch: str) -> str | None:
        """The work tree that has it checked out: moving the branch beneath it would look there like undoing the merge."""
        where = ""
        for line in self._git.run("worktree", "list", "--porcelain").decode(errors="replace").splitlines():
            key, _, value = line.partition(" ")
            if key == "worktree":
                where = value
            elif key == "branch" and value == f"refs/heads/{branch}":
                return where
        return None
