"""Where the repositories are: a folder of this machine, or the copy of one that lives elsewhere. Whoever asks need not know which."""

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path

from headway.adapters.git import GitRepository
from headway.adapters.gitbranches import GitBranches
from headway.adapters.gitmirror import Mirror, MirroredRepository, is_url
from headway.adapters.gitwrite import GitTags
from headway.errors import Unavailable
from headway.ports import Branches, Merged
from headway.releases.tagging import ReleaseTag

_log = logging.getLogger(__name__)


class GitPlaces:
    """Repositories by their names: a path, or a URL of which a copy is kept below `root`."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._mirrors: dict[str, Mirror] = {}
        self._lock = threading.Lock()

    def folder(self, name: str) -> Path:
        """Where git finds it on this machine."""
        return self._mirror(name).there() if is_url(name) else Path(name)

    def repository(self, name: str) -> GitRepository:
        """It, to read."""
        return MirroredRepository(self._mirror(name)) if is_url(name) else GitRepository(Path(name))

    def branches(self, name: str) -> Branches:
        """It, to write the branches of trains and hotfixes."""
        return _Published(self._mirror(name)) if is_url(name) else GitBranches(Path(name))

    def writing(self, name: str, ref: str) -> AbstractContextManager[None]:
        """What becomes of this ref inside is published where the repository lives."""
        return self._mirror(name).writing(ref) if is_url(name) else contextlib.nullcontext()

    def fetch(self, name: str) -> None:
        """Have what the other side has now; nothing for a folder of this machine."""
        if is_url(name):
            self._mirror(name).fetch()

    def fetch_all(self, names: Iterator[str]) -> None:
        """The same for each; one that does not answer keeps no other waiting for long, and its copy goes on being read."""
        for name in names:
            try:
                self.fetch(name)
            except Unavailable as error:
                _log.warning("%s", error)

    def _mirror(self, url: str) -> Mirror:
        with self._lock:
            return self._mirrors.get(url) or self._mirrors.setdefault(url, Mirror(url, self._root))


class PlacedTags:
    """`ports.Tags` wherever the repositories are; `named` says which repository a service lives in."""

    def __init__(self, places: GitPlaces, named: Callable[[str], str]) -> None:
        self._places = places
        self._named = named
        self._tags = GitTags(lambda service: places.folder(named(service)))

    def look(self, service: str, name: str) -> ReleaseTag | None:
        return self._tags.look(service, name)

    def make(self, service: str, tag: ReleaseTag, by: str, at: datetime) -> bool:
        with self._places.writing(self._named(service), f"refs/tags/{tag.name}"):
            return self._tags.make(service, tag, by, at)

    def publishes(self, service: str) -> bool:
        return is_url(self._named(service))


class _Published:
    """Branches of a copy: pushed as they are written."""

    def __init__(self, mirror: Mirror) -> None:
        self._mirror = mirror

    def create(self, branch: str, commit: str) -> None:
        with self._writing(branch) as branches:
            branches.create(branch, commit)

    def pick(self, branch: str, commit: str, by: str) -> Merged:
        with self._writing(branch) as branches:
            return branches.pick(branch, commit, by)

    def merge(self, branch: str, commit: str, by: str, message: str) -> Merged:
        with self._writing(branch) as branches:
            return branches.merge(branch, commit, by, message)

    @contextlib.contextmanager
    def _writing(self, branch: str) -> Iterator[GitBranches]:
        with self._mirror.writing(f"refs/heads/{branch}"):
            yield GitBranches(self._mirror.folder)
