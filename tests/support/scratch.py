"""A bare repository and a clone, for what branches and patches do on real git."""

import os
import subprocess
from pathlib import Path

from headway.adapters.git import GitRepository


class Scratch:
    """A bare repository and a clone to write in."""

    def __init__(self, path: Path) -> None:
        self.bare, self.work = path / "bare", path / "work"
        self._run("init", "-q", "--bare", "-b", "main", str(self.bare))
        self._run("clone", "-q", str(self.bare), str(self.work))
        self.base = self.commit("one", "app.py", "a\nb\nc\nd\ne\nf\n")

    def _run(self, *arguments: str) -> str:
        who = {f"GIT_{role}_{part}": "ada" for role in ("AUTHOR", "COMMITTER") for part in ("NAME", "EMAIL")}
        kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        env = {**kept, **who, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
        ran = subprocess.run(["git", *arguments], env=env, capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stderr
        return ran.stdout.strip()

    def git(self, *arguments: str) -> str:
        return self._run("-C", str(self.work), *arguments)

    def commit(self, message: str, name: str, text: str, branch: str = "main", start: str = "HEAD") -> str:
        if self.git("symbolic-ref", "--short", "HEAD") != branch:
            self.git("checkout", "-q", "-B", branch, start)
        (self.work / name).write_text(text)
        self.git("add", "-A")
        self.git("commit", "-q", "-m", message)
        self.git("push", "-q", "-f", "origin", branch)
        return self.git("rev-parse", "HEAD")

    def text(self, revision: str, name: str) -> str | None:
        return GitRepository(self.bare).read(GitRepository(self.bare).resolve(revision).id, name)
