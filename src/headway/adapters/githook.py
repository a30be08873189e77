"""The post-receive hook: notes who pushed what, and has a running server look at once.

It must never make a push fail or wait. So it is a few lines of shell that only append to a file; the server is told in the background
and, if it is down, finds the refs where they are when it comes back. A hook that was there before runs as it did, and its word counts.
"""

import os
import shlex
import stat
import sys
from dataclasses import dataclass
from pathlib import Path

from headway.adapters.folders import disk
from headway.adapters.gitcommand import Git
from headway.adapters.pushes import LOG
from headway.errors import Refused

NAME = "post-receive"
BEFORE = "post-receive.before-headway"
MARK = "# headway hook 1"

WHO = ("HEADWAY_PUSHER", "GL_USERNAME", "GL_USER", "GITEA_PUSHER_NAME", "GITHUB_USER_LOGIN", "REMOTE_USER")
"""Where servers say who pushes: whoever set up ours, GitLab, gitolite, Gitea and Forgejo, GitHub Enterprise, git over HTTP."""
SHARED = ("git", "gitolite*", "gitea", "forgejo", "gogs", "gitlab*", "www-data", "apache", "nginx", "nobody", "root")
"""Accounts that are nobody in particular."""

_POKE = (
    "import socket,sys;s=socket.socket(socket.AF_UNIX);s.settimeout(5);s.connect(sys.argv[1]);"
    r"s.sendall(b'POST /api/v1/poke HTTP/1.1\r\nHost: headway\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}');s.recv(1)"
)
"""Said by a bare interpreter: what `headway poke` says, without the second that loading all of it would take on every push."""

_SCRIPT = """\
#!/bin/sh
{mark}: notes who pushed what, and has the server look. It never fails a push and never waits. Out again: headway hook remove
pushed=$(cat)
who= how=
for name in {who}; do
  eval "who=\\${{$name:-}}"
  if [ -n "$who" ]; then how=$name; break; fi
done
if [ -z "$who" ]; then
  how=account who=$(id -un 2>/dev/null)
  case $who in {shared}) how= who= ;; esac
fi
who=$(printf '%s' "$who" | tr '\\t\\n\\r' '   ')
common=$(git rev-parse --git-common-dir 2>/dev/null) || common=.
printf '%s\\n' "$pushed" | while read -r old new ref; do
  printf '%s\\t%s\\t%s\\t%s\\t%s\\t%s\\n' "$(date +%s)" "$old" "$new" "$ref" "$how" "$who"
done 2>/dev/null >>"$common/{log}" || :
{{ {poke} </dev/null >/dev/null 2>&1 & }} 2>/dev/null
before={before}
if [ -x "$before" ]; then
  printf '%s\\n' "$pushed" | "$before" "$@"
  exit $?
fi
exit 0
"""


@dataclass(frozen=True, slots=True)
class Hooked:
    """Where the hook is, what was there before it, and whether anything changed."""

    path: Path
    before: Path | None
    changed: bool


def script(socket: Path, before: Path | None) -> str:
    """The hook's text, for a server that listens there."""
    poke = shlex.join((sys.executable, "-I", "-S", "-c", _POKE, str(socket)))
    named = shlex.quote(str(before)) if before else "''"
    return _SCRIPT.format(mark=MARK, who=" ".join(WHO), shared="|".join((*SHARED, "''")), log=LOG, poke=poke, before=named)


def install(repository: Path, socket: Path) -> Hooked:
    """Put the hook there. One that was there before is kept and run by it; twice is as good as once."""
    folder, common = _folders(repository)
    beside = folder / f"{NAME}.d"
    if beside.is_dir():  # such a server runs every file in there, and writes post-receive itself
        path, before = beside / "headway", None
    else:
        path, before = folder / NAME, folder / BEFORE
        _move_aside(path, before)
    text = script(socket, before)
    with disk(f"write {path}"):
        folder.mkdir(parents=True, exist_ok=True)
        changed = not path.exists() or path.read_text(errors="replace") != text
        if changed:
            draft = path.with_name(f".{path.name}.headway")
            draft.write_text(text)
            draft.chmod(0o755)
            draft.replace(path)
        _open_log(common)
    return Hooked(path, before if before and before.exists() else None, changed)


def remove(repository: Path) -> Hooked:
    """Take the hook out, and put back what was there before."""
    folder, common = _folders(repository)
    beside = folder / f"{NAME}.d" / "headway"
    path, before = (beside, None) if _is_ours(beside) else (folder / NAME, folder / BEFORE)
    with disk(f"remove {path}"):
        ours = _is_ours(path)
        if ours and before is not None and _there(before):
            before.replace(path)
        elif ours:
            path.unlink()
        (common / LOG).unlink(missing_ok=True)
    return Hooked(path, path if ours and _there(path) else None, ours)


def _folders(repository: Path) -> tuple[Path, Path]:
    """Where this repository's hooks are, and its own folder."""
    git = Git(repository, "git", 10.0)
    common = Path(os.fsdecode(git.run("rev-parse", "--path-format=absolute", "--git-common-dir").rstrip(b"\n")))
    # Asked without our own settings, which turn hooks off.
    configured = git.start("config", "--local", "--get", "--type=path", "core.hooksPath").stdout.rstrip(b"\n")
    if configured:
        elsewhere = os.fsdecode(configured)
        raise Refused(
            f"{repository} has its hooks in {elsewhere} (core.hooksPath), which may serve others too",
            (f"put the hook there yourself, as {NAME}: headway hook show", "or: git config --unset core.hooksPath"),
        )
    return common / "hooks", common


def _move_aside(path: Path, before: Path) -> None:
    if not _there(path) or _is_ours(path):
        return
    if _there(before):
        raise Refused(
            f"{path} is not Headway's, and {before.name} is there already",
            (f"somebody replaced Headway's hook; make one hook of the two, remove {before.name}, and install again",),
        )
    with disk(f"keep {path}"):
        path.replace(before)


def _there(path: Path) -> bool:
    return path.exists() or path.is_symlink()


def _is_ours(path: Path) -> bool:
    try:
        return not path.is_symlink() and MARK.encode() in path.read_bytes()
    except OSError:
        return False


def _open_log(common: Path) -> None:
    """Whoever may push may note it: the log is as open as the repository's own objects."""
    log = common / LOG
    log.touch()
    shared = (common / "objects").stat().st_mode
    mode = 0o644 | (0o020 if shared & stat.S_IWGRP else 0) | (0o002 if shared & stat.S_IWOTH else 0)
    if stat.S_IMODE(log.stat().st_mode) != mode:
        log.chmod(mode)
