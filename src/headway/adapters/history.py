"""A repository's past for the version decision: the tags, and the commits that the last release does not have.

Two git processes in the usual case, however long the history: one for all refs, one `git log` from the commit back to the greatest
release. That this release lies in the commit's history is proved by the same `git log`: it then is a boundary of the range. Only where
it is not (a maintenance branch, a tag elsewhere) git is asked which tags the commit contains.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from headway.adapters.gitcommand import Git
from headway.adapters.gitplace import Whereabouts, whereabouts
from headway.errors import Refused
from headway.releases.history import Change, History, Tag
from headway.releases.lines import Line, Naming, ranked, releases, versions

_SHAPE = "%(refname)%00%(objecttype)%00%(objectname)%00%(*objecttype)%00%(*objectname)"
_LOG = ("log", "-z", "--topo-order", "--format=%m%H %P%n%B", "--encoding=UTF-8", "--no-color", "--no-notes", "--no-decorate")
_TAGS = "refs/tags/"
_FEW = 50


class Past:
    """One repository, asked about one commit."""

    def __init__(self, at: Path, revision: str = "HEAD", git: str = "git", timeout: float = 60.0) -> None:
        self.place: Whereabouts = whereabouts(at)
        self._git = Git(at, git, timeout)
        self._revision = revision
        self._tagged: frozenset[str] = frozenset()
        if self.place.shallow:
            raise Refused(
                f"{at} is a shallow clone: releases may lie in the history that it lacks",
                ("do: git fetch --unshallow --tags (in CI: fetch-depth: 0)",),
            )

    def history(self, naming: Naming, line: Line | None, folder: str = "", also: Sequence[Tag] = ()) -> History:
        """What the decision looks at. With a folder, only commits that touch it count; `also` are versions without a tag."""
        head, refs = self._refs()
        tags = ranked((*versions(refs, naming), *also))
        self._tagged = frozenset(refs)
        gone = self._gone(also)
        candidates = [tag for tag in releases(tags, line) if tag.commit not in gone]
        found = None if folder else self._supposing(head, candidates)
        contained: frozenset[str] | None = None
        if found is None:
            contained = self._contained(head, tags)
            last = next((tag for tag in candidates if tag.name in contained), None)
            same = [tag.commit for tag in candidates if last and tag.version == last.version and tag.name in contained]
            found = _Range(last, self._touching(self._log(head, same, folder).changes, folder))
        reachable = self._reachable(head, tags, found, contained)
        taken_back = [change for change in found.changes if "This reverts commit" in change.message]
        inside = self._ancestry(head, found.last) if folder and (reachable or taken_back) else {}
        absent = self._absent(head, taken_back, found.changes) if taken_back else frozenset[str]()
        return History(head, found.changes, tags, found.last, reachable, inside, absent)

    def extract(self, commit: str, paths: Sequence[str], endings: tuple[str, ...], into: Path) -> tuple[str, ...]:
        """Write the files under these paths, as that commit has them; their names."""
        from headway.releases.tree import path_fault

        listing = self._git.run("ls-tree", "-r", "-z", "--full-tree", commit, "--", *(f"{path}" for path in paths))
        names = []
        with self._git.blobs() as blob:
            for entry in filter(None, listing.split(b"\0")):
                head, _, raw = entry.partition(b"\t")
                mode, _, found = head.decode().split(" ")[:3]
                name = raw.decode(errors="surrogateescape")
                if mode not in ("100644", "100755") or not name.endswith(endings) or path_fault(name) is not None:
                    continue
                target = into / name
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(blob(found))
                names.append(name)
        return tuple(names)

    def _gone(self, also: Sequence[Tag]) -> frozenset[str]:
        """Commits of our record that the repository has thrown away since."""
        if not also:
            return frozenset()
        asked = "".join(f"{commit}\n" for commit in sorted({tag.commit for tag in also}))
        said = self._git.run("cat-file", "--batch-check", input=asked.encode()).decode().splitlines()
        return frozenset(answer.split(" ")[0] for answer in said if answer.endswith(" missing"))

    def _supposing(self, head: str, candidates: Sequence[Tag]) -> "_Range | None":
        """The range since the greatest release, if the commit contains that; None if another must be found."""
        if not candidates:
            return _Range(None, self._log(head, ()).changes)
        greatest = candidates[0]
        if any(tag.version == greatest.version and tag.commit != greatest.commit for tag in candidates[1:]):
            return None  # one version on two commits: which of them counts depends on what is contained
        if greatest.commit == head:
            return _Range(greatest, ())
        logged = self._log(head, (greatest.commit,))
        return _Range(greatest, logged.changes) if greatest.commit in logged.boundary else None

    def _reachable(self, head: str, tags: Sequence[Tag], found: "_Range", contained: frozenset[str] | None) -> tuple[Tag, ...]:
        """The tags above the last release that the commit contains."""
        above = [tag for tag in tags if found.last is None or tag.version > found.last.version]
        if contained is not None or not above:
            return tuple(tag for tag in above if contained and tag.name in contained)
        since = {change.id for change in found.changes}
        sure = {tag.name for tag in above if tag.commit in since}
        # Greater releases were looked for first, so what is left to ask for is pre-releases that the last release itself may contain.
        doubtful = [tag for tag in above if tag.name not in sure and not tag.version.stable]
        if doubtful and found.last is not None:
            sure |= self._contained(head, doubtful)
        return tuple(tag for tag in above if tag.name in sure)

    def _refs(self) -> tuple[str, Mapping[str, str]]:
        """The commit that was asked for, and the tags with the commits they lead to."""
        branch = f"refs/heads/{self.place.branch}"
        wanted = branch if self._revision == "HEAD" and self.place.branch else None
        patterns = ("refs/tags", wanted) if wanted else ("refs/tags",)
        head = self.place.detached if self._revision == "HEAD" else None
        tags = {}
        for text in self._git.run("for-each-ref", f"--format={_SHAPE}", *patterns).decode(errors="surrogateescape").splitlines():
            name, *direct, inner_kind, inner = text.split("\0")
            kind, leads_to = (inner_kind, inner) if inner_kind else direct
            if kind == "tag":  # a tag of a tag, which for-each-ref peels only once
                kind, leads_to = "commit", self._commit(inner) or ""
            if name == wanted:
                head = leads_to
            elif kind == "commit" and leads_to and name.startswith(_TAGS):
                tags[name.removeprefix(_TAGS)] = leads_to
        head = head or self._commit(self._revision)
        if head is None:
            missing = f"no {self._revision!r}" if self._revision != "HEAD" else "no commits yet"
            raise Refused(f"{self._git.path} has {missing}", ("do: git add . && git commit",) if self._revision == "HEAD" else ())
        return head, tags

    def _commit(self, revision: str) -> str | None:
        ran = self._git.start("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
        if ran.returncode not in (0, 1):
            raise self._git.trouble(ran)
        return ran.stdout.decode().strip() or None

    def _contained(self, head: str, tags: Sequence[Tag]) -> frozenset[str]:
        """The names of those tags that the commit contains."""
        if not all(tag.name in self._tagged for tag in tags):
            # Versions that only our own record knows: git can be asked for commits, not for them.
            commits = frozenset(self._git.run("rev-list", head, "--").decode().split())
            return frozenset(tag.name for tag in tags if tag.commit in commits)
        wanted = [_TAGS + tag.name for tag in tags] if len(tags) <= _FEW else [_TAGS]
        if not wanted:
            return frozenset()
        said = self._git.run("for-each-ref", f"--merged={head}", "--format=%(refname)", *wanted).decode(errors="surrogateescape")
        return frozenset(name.removeprefix(_TAGS) for name in said.splitlines())

    def _log(self, head: str, without: Sequence[str], folder: str = "") -> "_Logged":
        """Commits that head has and those without it have not, newest first."""
        paths = ("--", f":(top,literal){folder}") if folder else ("--",)
        whole = ("--full-history",) if folder else ("--boundary",)
        asked = (*_LOG, *whole, "--end-of-options", head, *(f"^{commit}" for commit in without), *paths)
        changes: list[Change] = []
        boundary: set[str] = set()
        for record in _records(self._git.stream(*asked)):
            names, _, message = record.partition("\n")
            commit, _, parents = names[1:].partition(" ")
            if names[0] == "-":
                boundary.add(commit)
            else:
                changes.append(Change(commit, parents, message))
        return _Logged(tuple(changes), frozenset(boundary))

    def _touching(self, changes: tuple[Change, ...], folder: str) -> tuple[Change, ...]:
        """Without merges that bring nothing into the folder: git lists those too that brought something else beside news from here."""
        merges = {change.id: change.parents.split(" ")[0] for change in changes if " " in change.parents} if folder else {}
        if not merges:
            return changes
        pairs = "".join(f"{merge} {parent}\n" for merge, parent in merges.items())
        told = self._git.run("diff-tree", "--stdin", "-r", "--name-only", "-z", "--", f":(top,literal){folder}", input=pairs.encode())
        touching = set(told.decode(errors="replace").split("\0"))
        return tuple(change for change in changes if change.id not in merges or change.id in touching)

    def _absent(self, head: str, taken_back: Sequence[Change], changes: Sequence[Change]) -> frozenset[str]:
        """What these reverts name and the commit does not contain. Asked one by one: there are few that name nothing unreleased."""
        from headway.releases.conventional import reverts

        here = tuple(change.id for change in changes)
        whole = frozenset(here)
        named = dict.fromkeys(commit for change in taken_back for commit, _ in reverts(change.message))
        doubtful = [one for one in named if one not in whole and not any(known.startswith(one) for known in here)][:_FEW]
        return frozenset(one for one in doubtful if self._git.start("merge-base", "--is-ancestor", one, head).returncode != 0)

    def _ancestry(self, head: str, last: Tag | None) -> Mapping[str, str]:
        """Every commit since the last release with its parents, whatever it touches."""
        without = (f"^{last.commit}",) if last else ()
        lines = self._git.run("rev-list", "--parents", head, *without, "--").decode().splitlines()
        return {commit: parents for commit, _, parents in (line.partition(" ") for line in lines)}


@dataclass(frozen=True, slots=True)
class _Range:
    last: Tag | None
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class _Logged:
    changes: tuple[Change, ...]
    boundary: frozenset[str]


def _records(pieces: Iterator[bytes]) -> Iterator[str]:
    """What stands between the NULs."""
    rest = b""
    for piece in pieces:
        whole, nul, rest_of_piece = piece.rpartition(b"\0")
        if not nul:
            rest += piece
            continue
        yield from (rest + whole).decode(errors="replace").split("\0")
        rest = rest_of_piece
    if rest:
        yield rest.decode(errors="replace")
