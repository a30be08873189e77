"""A working tree as it lies there: the files that say what it is, and git's branches. For `headway init`; nothing is run or changed."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from headway.adapters.gitcommand import Git
from headway.errors import HeadwayError, Unavailable

MOST_FILES = 5000
LARGEST = 256 * 1024
MOST = 16 * 1024 * 1024
READ = frozenset({".py", ".js", ".mjs", ".cjs", ".ts", ".toml", ".txt", ".cfg", ".yaml", ".yml"})
NAMED = frozenset({"Procfile", "Dockerfile", "Containerfile", "package.json", "Kustomization"})
ASIDE = frozenset({"node_modules", "__pycache__", "venv", "dist", "build", "target", "site-packages"})
USUAL = ("main", "master", "trunk", "develop")


def files(folder: Path) -> Mapping[str, str]:
    """The files by path; the text only of those that may tell what this is. What git ignores is not there."""
    found: dict[str, str] = {}
    total = 0
    for path in sorted(_paths(folder), key=lambda path: (path.count("/"), path))[:MOST_FILES]:
        text = _text(folder / path) if total < MOST and _tells(path) else ""
        total += len(text)
        found[path] = text
    return found


def _tells(path: str) -> bool:
    return PurePosixPath(path).name in NAMED or PurePosixPath(path).suffix in READ


def _text(path: Path) -> str:
    try:
        if path.is_symlink() or not path.is_file() or path.stat().st_size > LARGEST:
            return ""
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""  # what cannot be read tells nothing; that it is there does


def _paths(folder: Path) -> Iterator[str]:
    try:
        listed = _git(folder).run("ls-files", "-z", "--cached", "--others", "--exclude-standard")
    except HeadwayError:
        yield from _walk(folder)
        return
    for name in dict.fromkeys(listed.decode(errors="replace").split("\0")):
        if name and os.path.lexists(folder / name):
            yield name


def _walk(folder: Path) -> Iterator[str]:
    def refuse(error: OSError) -> None:
        if Path(error.filename or "") == folder:
            raise Unavailable(f"{folder} cannot be read: {error.strerror}") from error

    count = 0
    for where, folders, names in os.walk(folder, onerror=refuse):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in ASIDE)
        for name in sorted(names):
            yield (Path(where) / name).relative_to(folder).as_posix()
            count += 1
        if count > MOST_FILES:
            return


def branches(folder: Path) -> tuple[str | None, tuple[str, ...]]:
    """The default branch and all local ones. The default is origin's, else a usual one, else the present one; None: no git."""
    git = _git(folder)
    try:
        local = tuple(git.run("for-each-ref", "--format=%(refname:lstrip=2)", "refs/heads").decode().split())
        present = git.start("symbolic-ref", "--short", "HEAD").stdout.decode().strip()
    except HeadwayError:
        return None, ()
    remote = git.start("symbolic-ref", "--short", "refs/remotes/origin/HEAD").stdout.decode().strip().removeprefix("origin/")
    usual = next((name for name in USUAL if name in local), None)
    return remote or usual or present or "main", local


def bare(folder: Path) -> bool:
    """Whether this is a repository without a working tree: nobody could commit what is written there."""
    try:
        return _git(folder).run("rev-parse", "--is-bare-repository").strip() == b"true"
    except HeadwayError:
        return False


def _git(folder: Path) -> Git:
    return Git(folder, "git", 20.0)
