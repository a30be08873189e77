"""A git repository, read by git itself. What is committed is read as it is committed: no attribute of it changes a byte."""

import difflib
import logging
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from headway.adapters import gitpatches
from headway.adapters.comparing import compared
from headway.adapters.folders import disk, remove
from headway.adapters.gitcommand import Git, says_no_repository
from headway.adapters.history import Past
from headway.adapters.messages import fixes, reverts, trailers
from headway.adapters.reffiles import Signature, signature
from headway.errors import InvalidSpec, Refused, Unavailable
from headway.ports import Changed, Commit
from headway.releases.decision import Reason
from headway.releases.history import History, Tag
from headway.releases.lines import Line, Naming
from headway.releases.policy import Api, Policy
from headway.releases.tree import path_fault
from headway.trains.forward import Landed

_log = logging.getLogger(__name__)

_FULL_ID = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_PLAIN = (
    "--format=%H%n%an <%ae>%n%cI%n%s%n%B",
    "--encoding=UTF-8",
    "--no-color",
    "--no-notes",
    "--no-decorate",
    "--end-of-options",
)
_LFS = b"version https://git-lfs.github.com/spec/"
_NEAREST = 3
PULLS = ("refs/pull/*/head", "refs/pull-requests/*/from", "refs/merge-requests/*/head")
"""As GitHub and Gitea, Bitbucket, and GitLab keep them."""


class GitRepository:
    """A repository on this machine, bare or not."""

    def __init__(self, path: Path, git: str = "git", timeout: float = 60.0) -> None:
        self._path = path
        self._git = Git(path, git, timeout)
        self._common: Path | None = None
        self._last: tuple[Signature, Mapping[str, str]] | None = None

    @property
    def shallow(self) -> bool:
        """Whether history was cut off when this was cloned."""
        return bool(self._cut_off())

    def refs(self) -> Mapping[str, str]:
        """Branches by their plain names and tags as `refs/tags/x`, to the commits they lead to. Git is asked when one has changed."""
        # Taken before git is asked: what changes meanwhile is another state than this one.
        now = signature(self._folder())
        if now is not None and self._last is not None and self._last[0] == now:
            return self._last[1]
        found = {name.removeprefix("refs/heads/"): commit for name, commit in self._heads("refs/heads", "refs/tags").items()}
        self._last = (now, found) if now is not None else None
        return found

    def pulls(self) -> Mapping[str, str]:
        """The heads of pull requests. Apart from the others: a server never forgets one, so there may be very many."""
        return self._heads(*PULLS)

    def _heads(self, *patterns: str) -> Mapping[str, str]:
        shape = "%(refname)%00%(objecttype)%00%(objectname)%00%(*objecttype)%00%(*objectname)"
        found = {}
        for line in self._git.run("for-each-ref", f"--format={shape}", *patterns).decode(errors="surrogateescape").splitlines():
            name, *direct, inner_kind, inner = line.split("\0")
            kind, leads_to = (inner_kind, inner) if inner_kind else direct
            if kind == "tag":  # a tag of a tag, which for-each-ref peels only once
                kind, leads_to = "commit", self._peeled(inner) or ""
            if kind == "commit" and leads_to:
                found[name] = leads_to
        return found

    def resolve(self, revision: str) -> Commit:
        """The commit that this branch, tag or id means; a branch wins over a tag of the same name."""
        commit = self._named(revision)
        return _commits(self._ask((commit,), "log", "-1", "-z", *_PLAIN, commit, "--"))[0]

    def between(self, old: str | None, new: str) -> Sequence[Commit]:
        """Commits reachable from new and not from old, oldest first, parents before children."""
        named = (self._named(new),) if old is None else (self._named(new), self._named(old))
        range_ = (named[0], *(f"^{old}" for old in named[1:]))
        commits = _commits(self._ask(named, "log", "-z", "--reverse", "--topo-order", *_PLAIN, *range_, "--"))
        if self._cut_off() & {commit.id for commit in commits}:
            raise Unavailable(f"{self._path} is a shallow clone, cut off after {old or 'the first commit'}; do: git fetch --unshallow")
        return commits

    def mainline(self, old: str, new: str) -> Sequence[Commit]:
        """The commits that new has and old has not, following first parents only, oldest first."""
        old, new = self._known(old), self._known(new)
        return _commits(self._ask((new, old), "log", "-z", "--reverse", "--first-parent", *_PLAIN, new, f"^{old}", "--"))

    def contains(self, commit: str, ancestor: str) -> bool:
        """Whether ancestor is the commit itself or lies before it."""
        commit, ancestor = self._known(commit), self._known(ancestor)
        ran = self._git.start("merge-base", "--is-ancestor", ancestor, commit)
        if ran.returncode not in (0, 1):
            raise self._git.trouble(ran)
        if ran.returncode == 1 and self.shallow:
            # What was cut off may well hold it: not knowing is not a no.
            raise Unavailable(f"{self._path} is a shallow clone: {ancestor[:10]} may be in what it lacks; do: git fetch --unshallow")
        return ran.returncode == 0

    def changed(self, old: str, new: str) -> Sequence[Changed]:
        """The files that differ between two commits, a renamed one as one that went and one that came."""
        old, new = self._known(old), self._known(new)
        told = self._git.run("diff-tree", "-r", "-z", "--numstat", "--no-renames", "--no-ext-diff", "--no-textconv", old, new)
        return tuple(_changed(entry) for entry in told.decode(errors="surrogateescape").split("\0") if entry)

    def landed(self, old: str, new: str, files: Sequence[str]) -> Sequence[Landed]:
        """The commits that new has and old has not, oldest first, without merges: their changes of these files, so as to be known again."""
        return gitpatches.landed(self._git, self._known(old), self._known(new), files)

    def altogether(self, old: str, new: str) -> str:
        """The patch id of everything between two commits as one change."""
        return gitpatches.altogether(self._git, self._known(old), self._known(new))

    def fork(self, one: str, other: str) -> str | None:
        """The last commit that two lines share; None if they share none."""
        ran = self._git.start("merge-base", self._known(one), self._known(other))
        if ran.returncode not in (0, 1):
            raise self._git.trouble(ran)
        return ran.stdout.decode().strip() or None

    def history(self, commit: str, naming: Naming, line: Line | None, also: Sequence[Tag] = (), folder: str = "") -> History:
        """The past of a commit as far as its version is concerned; `also` are versions that are on record without a tag."""
        return Past(self._path, self._known(commit), self._git.git, self._git.timeout).history(naming, line, folder, also)

    def compared(self, last: str, commit: str, policy: Policy, today: date) -> Sequence[Reason]:
        """What the interface and the migrations ask of the next version; Unavailable if it cannot be told."""
        if policy.api == Api() and policy.migrations is None:
            return ()
        return compared(Past(self._path, commit, self._git.git, self._git.timeout), last, commit, policy, today).reasons

    def read(self, commit: str, path: str) -> str | None:
        """A file's text at that commit; None if there is no such file. Links inside the repository are followed."""
        if path_fault(path) is not None or "\n" in path:
            return None
        ask = f"{self._known(commit)}:{path}\n"
        reply = self._git.run("cat-file", "--batch", "--follow-symlinks", input=ask.encode("utf-8", "surrogateescape"))
        head, _, content = reply.partition(b"\n")
        match head.split(b" "):
            case [_, b"blob", size] if size.isdigit():
                return _text(content[: int(size)], path, commit)
            case _:
                return None

    def export(self, commit: str, into: Path) -> None:
        """Write the commit's tree into an empty folder: what is committed and nothing else, with the commit's time."""
        wanted = self.resolve(commit)
        if into.exists() and (not into.is_dir() or any(into.iterdir())):
            raise Refused(f"{into} is not an empty folder", ("nothing that is already there may end up in a release",))
        files = self._tree(wanted.id)
        try:
            with disk(f"export {wanted.id[:10]} to {into}"):
                into.mkdir(parents=True, exist_ok=True)
                self._write(files, into, wanted)
        except BaseException:
            for left in into.iterdir() if into.is_dir() else ():
                remove(left) if left.is_dir() and not left.is_symlink() else left.unlink()
            raise

    def _tree(self, id: str) -> Sequence["_File"]:
        listing = self._git.run("ls-tree", "-r", "-z", "--full-tree", id)
        files = tuple(_file(entry) for entry in listing.split(b"\0") if entry)
        if modules := [file.path for file in files if file.mode == "160000"]:
            raise Refused(
                f"{id[:10]} has submodules, and a commit does not hold what is in them",
                (*(f"{name} is a submodule" for name in modules), "vendor it, or let CI build and give the result by --artifact"),
            )
        if faults := [f"{file.path!r} {fault}" for file in files if (fault := _fault(file.path)) is not None]:
            raise Refused(f"{id[:10]} has names that must not be written", faults)
        return files

    def _write(self, files: Sequence["_File"], into: Path, commit: Commit) -> None:
        when = commit.committed.timestamp()
        pointers = []
        with self._git.blobs() as blob:
            # Links last, so that nothing is ever written through one.
            for file in sorted(files, key=lambda file: file.mode == "120000"):
                target = into / file.path
                target.parent.mkdir(parents=True, exist_ok=True)
                content = blob(file.id)
                if file.mode == "120000":
                    target.symlink_to(os.fsdecode(content))
                    continue
                with target.open("xb") as writing:
                    writing.write(content)
                target.chmod(0o755 if file.mode == "100755" else 0o644)
                os.utime(target, (when, when))
                if content.startswith(_LFS):
                    pointers.append(file.path)
        if pointers:
            _log.warning("%s: %s are Git LFS pointers; the files themselves are not in the commit", commit.id[:10], ", ".join(pointers))

    def _ask(self, revisions: Sequence[str], *arguments: str) -> bytes:
        """Run git on these revisions; if it cannot, say which of them is not there."""
        ran = self._git.start(*arguments)
        if ran.returncode != 0:
            for revision in revisions:
                self._known(revision)
            raise self._git.trouble(ran)
        return ran.stdout

    def _named(self, revision: str) -> str:
        """The full id; whoever gives one is believed, for git will say when it reads on."""
        return revision if _FULL_ID.fullmatch(revision) else self._known(revision)

    def _known(self, revision: str) -> str:
        """The full id of a commit that is here."""
        commit = self._peeled(f"refs/heads/{revision}") or self._peeled(revision)
        if commit is None:
            raise self._unknown(revision)
        return commit

    def _peeled(self, revision: str) -> str | None:
        if "\0" in revision:
            return None
        ran = self._git.start("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
        if ran.returncode == 0:
            return ran.stdout.decode().strip()
        if says_no_repository(ran):
            raise self._git.trouble(ran)
        return None

    def _unknown(self, revision: str) -> Refused:
        refs = self.refs()
        if not refs:
            return Refused(f"{self._path} has no commits yet, so there is no {revision!r}", ("do: git add . && git commit",))
        names = {name.removeprefix("refs/tags/") for name in refs}
        near = difflib.get_close_matches(revision, sorted(names), n=_NEAREST, cutoff=0.5)
        hints = [f"did you mean {' or '.join(near)}?" if near else f"there are: {', '.join(sorted(names)[:10])}"]
        if self.shallow:
            hints.append("this is a shallow clone, which may lack it; do: git fetch --unshallow")
        return Refused(f"{self._path} has no {revision!r}", hints)

    def _folder(self) -> Path:
        """Where git keeps what all worktrees share."""
        if self._common is None:
            self._common = Path(os.fsdecode(self._git.run("rev-parse", "--path-format=absolute", "--git-common-dir").rstrip(b"\n")))
        return self._common

    def _cut_off(self) -> frozenset[str]:
        """The commits whose parents a shallow clone left out."""
        try:
            return frozenset((self._folder() / "shallow").read_text("ascii").split())
        except FileNotFoundError:
            return frozenset()
        except OSError as error:
            raise Unavailable(f"{self._folder() / 'shallow'} cannot be read: {error.strerror}") from error


def _changed(entry: str) -> Changed:
    """One entry of --numstat; what is no text has `-` for its lines."""
    added, removed, path = entry.split("\t", 2)
    return Changed(path, int(added) if added.isdecimal() else 0, int(removed) if removed.isdecimal() else 0)


@dataclass(frozen=True, slots=True)
class _File:
    mode: str
    id: str
    path: str


def _commits(log: bytes) -> tuple[Commit, ...]:
    return tuple(_commit(record) for record in log.decode(errors="replace").split("\0") if record.strip())


def _commit(record: str) -> Commit:
    name, author, committed, subject, message = record.split("\n", 4)
    found = trailers(message)
    return Commit(name, author, datetime.fromisoformat(committed), subject, reverts(message), fixes(found), found)


def _file(entry: bytes) -> _File:
    about, _, path = entry.partition(b"\t")
    mode, _, name = about.decode().split()
    return _File(mode, name, os.fsdecode(path))


def _fault(path: str) -> str | None:
    if any(part.lower() == ".git" for part in path.split("/")):
        return "would be taken for a repository"
    return path_fault(path)


def _text(content: bytes, path: str, commit: str) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise InvalidSpec(f"{path} at {commit[:10]} is not UTF-8 text (byte {error.start})") from error
