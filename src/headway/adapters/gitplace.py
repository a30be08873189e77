"""Where in which repository are we? Read from its files, because a process more would be noticed at every call."""

from dataclasses import dataclass
from pathlib import Path

from headway.errors import InvalidSpec


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """A place in a repository."""

    top: Path | None
    """The top of the working tree; None in a bare repository."""
    folder: str
    """The way from the top to here; empty at the top."""
    branch: str | None
    """The branch that is checked out, if git's own files tell."""
    detached: str | None
    """The commit that is checked out without a branch."""
    shallow: bool


def whereabouts(at: Path) -> Whereabouts:
    """Look at this folder and those above it."""
    try:
        here = at.resolve(strict=True)
    except OSError as error:
        raise InvalidSpec(f"{at} cannot be read: {error.strerror}; expected a folder in a git repository") from error
    for folder in (here, *here.parents):
        found = _git_folder(folder)
        if found is not None:
            top = folder if found != folder else None
            inside = here.relative_to(folder).as_posix() if top else "."
            return _told(top, "" if inside == "." else inside, found)
    raise InvalidSpec(f"{at} is not in a git repository; do: git init, or name another folder")


def _git_folder(folder: Path) -> Path | None:
    below = folder / ".git"
    if (below / "HEAD").is_file():
        return below
    if below.is_file():  # a worktree or a submodule says where its own is
        said = below.read_text(errors="surrogateescape").strip()
        named = (folder / said.removeprefix("gitdir:").strip()) if said.startswith("gitdir:") else None
        return named if named is not None and (named / "HEAD").is_file() else None
    bare = (folder / "HEAD").is_file() and (folder / "objects").is_dir() and (folder / "refs").is_dir()
    return folder if bare else None


def _told(top: Path | None, folder: str, git: Path) -> Whereabouts:
    head = _text(git / "HEAD")
    branch = head.removeprefix("ref: refs/heads/") if head.startswith("ref: refs/heads/") else None
    common = git / _text(git / "commondir") if (git / "commondir").is_file() else git
    return Whereabouts(
        top=top,
        folder=folder,
        branch=None if branch == ".invalid" else branch,
        detached=head if len(head) in (40, 64) and not head.startswith("ref:") else None,
        shallow=bool(_text(common / "shallow")),
    )


def _text(file: Path) -> str:
    try:
        return file.read_text(errors="surrogateescape").strip()
    except OSError:
        return ""
