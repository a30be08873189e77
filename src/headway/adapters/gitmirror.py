"""A repository that lives elsewhere: a bare copy in the home, fetched again and again. What is lost with the home is fetched anew.

Reading goes on from the copy while the other side is away. What Headway writes, a tag or a train's branch, is pushed at once or not there.
"""

import hashlib
import os
import re
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from headway.adapters.folders import disk
from headway.adapters.git import PULLS, GitRepository
from headway.errors import InvalidSpec, Unavailable
from headway.ports import Commit

_URL = re.compile(r"(?:https?|ssh|git|file)://\S+|[\w.-]+@[\w.-]+:\S+")
_PASSWORD = re.compile(r"[a-z]+://[^/@:]*:[^/@]+@")
_FULL_ID = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_REFS = tuple(f"+{pattern}:{pattern}" for pattern in ("refs/heads/*", "refs/tags/*", *PULLS))
PATIENCE = 300.0
"""Seconds that git may take for the first copy; a large repository is large."""
PAUSE = 2.0
"""Seconds before somebody else's commit, not here yet, is asked for once more."""
REMEMBERED = 1000


def is_url(name: str) -> bool:
    """Is this a repository elsewhere, as git would name it, and no folder of this machine?"""
    return _URL.fullmatch(name) is not None


class Mirror:
    """The copy of one repository. Credentials are git's own affair: a helper, a key, whatever this user's git is configured for."""

    def __init__(self, url: str, root: Path, git: str = "git") -> None:
        if _PASSWORD.match(url):
            why = "it would be on the record and in every process list; give it to git by a credential helper or a key"
            raise InvalidSpec(f"the URL of the repository at {url.rpartition('@')[2]} has a password in it; {why}")
        self.url = url
        self.folder = root / hashlib.sha256(url.encode()).hexdigest()[:16]
        self._git = git
        self._lock = threading.RLock()
        self._fetched = 0.0

    def there(self) -> Path:
        """The copy's folder, made if it is not there yet."""
        if not (self.folder / "HEAD").exists():
            self.fetch()
        return self.folder

    def fetch(self, within: float = 0.0) -> None:
        """Have what the other side has now; nothing if that was done in the last `within` seconds."""
        with self._lock:
            if self._fetched and time.monotonic() - self._fetched < within:
                return
            if not (self.folder / "HEAD").exists():
                self._begin()
            self._run("fetch", "--quiet", "--prune", "--no-write-fetch-head", "--end-of-options", self.url, *_REFS)
            self._fetched = time.monotonic()

    @contextmanager
    def writing(self, ref: str) -> Iterator[None]:
        """What becomes of this ref here is pushed at the end; whoever else moved it there meanwhile wins, and is fetched."""
        with self._lock:
            self.there()
            yield
            try:
                self._run("push", "--quiet", "--end-of-options", self.url, f"{ref}:{ref}")
            except Unavailable:
                self.fetch()
                raise

    def _begin(self) -> None:
        with disk(f"copy the repository {self.url}"):
            self.folder.parent.mkdir(parents=True, exist_ok=True)
        self._git_says("init", "init", "--quiet", "--bare", os.fspath(self.folder))

    def _run(self, *arguments: str) -> None:
        # Tidied up before it returns: what git leaves behind in the background nobody waits for where Headway is process 1.
        settings = ("core.hooksPath=/dev/null", "gc.autoDetach=false", "maintenance.autoDetach=false")
        told = (word for setting in settings for word in ("-c", setting))
        self._git_says(arguments[0], "-C", os.fspath(self.folder), *told, *arguments)

    def _git_says(self, what: str, *arguments: str) -> None:
        command = (self._git, *arguments)
        try:
            ran = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, env=_environment(), timeout=PATIENCE, check=False)
        except subprocess.TimeoutExpired as error:
            raise Unavailable(f"git {what} of {self.url} did not end within {PATIENCE:g} s") from error
        except OSError as error:
            raise Unavailable(f"{self._git} could not be started: {error}") from error
        if ran.returncode:
            said = ran.stderr.decode(errors="replace").strip() or f"exit status {ran.returncode}"
            raise Unavailable(f"git {what} of {self.url} failed: {said}")


class MirroredRepository(GitRepository):
    """The same questions, asked of the copy. What another server knows already is fetched before it is called unknown."""

    def __init__(self, mirror: Mirror) -> None:
        super().__init__(mirror.folder)
        self._mirror = mirror
        self._have: set[str] = set()
        self._missed: dict[str, float] = {}
        """What was not there, even after fetching, and when: it is not fetched for again at once."""

    def refs(self) -> Mapping[str, str]:
        self._mirror.there()
        return super().refs()

    def pulls(self) -> Mapping[str, str]:
        self._mirror.there()
        return super().pulls()

    def resolve(self, revision: str) -> Commit:
        self._mirror.there()
        return super().resolve(revision)

    def _named(self, revision: str) -> str:
        if _FULL_ID.fullmatch(revision) and revision not in self._have:
            self._have.add(self._known(revision))
        return super()._named(revision)

    def _peeled(self, revision: str) -> str | None:
        self._mirror.there()
        found = super()._peeled(revision)
        # `refs/heads/ID` is only asked to rule out a branch of that name.
        if found is None and not revision.startswith("refs/heads/"):
            # Somebody may have pushed it since anything else was fetched.
            lately = time.monotonic() - self._missed.get(revision, -PAUSE) < PAUSE
            self._mirror.fetch(within=PAUSE if lately else 0.0)
            found = super()._peeled(revision)
            if found is None:
                self._remember(revision)
        return found

    def _remember(self, missed: str) -> None:
        if len(self._missed) >= REMEMBERED:
            self._missed.clear()
        self._missed[missed] = time.monotonic()


def _environment() -> dict[str, str]:
    """The user's own git, which has the credentials; nobody is asked for any. A hook's GIT_DIR would name another repository."""
    kept = {name: value for name, value in os.environ.items() if name not in {"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"}}
    return {**kept, "LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0"}
