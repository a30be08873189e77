"""The demo's repository: the sample service, its history made commit by commit as a team would."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

from headway.errors import Unavailable

SHORTENED: Mapping[str, str] = {
    "soak: 15m": "soak: 4s",
    "min_time: 3s": "min_time: 2s",
}
"""What the demo cannot wait for; everything else is the sample's own file."""


def sample() -> Path:
    """The sample service: inside the installed package, or beside the sources."""
    installed = Path(str(files("headway"))) / "examples" / "tally"
    beside = Path(__file__).parents[4] / "examples" / "tally"
    for folder in (installed, beside):
        if (folder / "headway.yaml").exists():
            return folder
    raise Unavailable("the sample service is not part of this installation; install Headway again from its wheel or its sources")


class Project:
    """A real git repository with one author."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def create(self) -> None:
        """The first commit: the sample as it is, with the long waits shortened."""
        shutil.copytree(sample(), self.folder, ignore=shutil.ignore_patterns("__pycache__", "dist"))
        file = self.folder / "headway.yaml"
        text = file.read_text()
        for long, short in SHORTENED.items():
            if long not in text:
                raise Unavailable(f"the sample's headway.yaml no longer says {long!r}; the demo would take too long")
            text = text.replace(long, short)
        file.write_text(text)
        (self.folder / ".gitignore").write_text("dist/\n__pycache__/\n")
        self.git("init", "--quiet", "--initial-branch=main")
        self.commit("Count votes\n\nRelease-As: 1.0.0")

    def commit(self, message: str) -> str:
        """Commit everything there is; returns the commit's id."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)
        return self.git("rev-parse", "HEAD")

    def change(self, path: str, old: str, new: str) -> None:
        """Edit one place of one file."""
        file = self.folder / path
        text = file.read_text()
        if old not in text:
            raise Unavailable(f"the sample's {path} no longer says {old!r}; the demo needs it")
        file.write_text(text.replace(old, new, 1))

    def git(self, *arguments: str) -> str:
        """Run git as Alice, with no configuration but our own."""
        environment = {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(self.folder.parent),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_AUTHOR_NAME": "alice",
            "GIT_AUTHOR_EMAIL": "alice@example.org",
            "GIT_COMMITTER_NAME": "alice",
            "GIT_COMMITTER_EMAIL": "alice@example.org",
        }
        done = subprocess.run(
            ("git", "-C", str(self.folder), *arguments), env=environment, capture_output=True, text=True, check=False, timeout=60
        )
        if done.returncode != 0:
            raise Unavailable(f"git {' '.join(arguments[:2])} failed: {done.stderr.strip()}")
        return done.stdout.strip()
