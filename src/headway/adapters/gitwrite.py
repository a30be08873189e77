"""Tags, the one thing that Headway writes to a repository of its users. Never the index, never a branch, never a push.

Here, unlike where repositories are read, the person's own git configuration counts: it knows who they are and with which key they sign.
Hooks of the repository stay out.
"""

import os
import subprocess
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path

from headway.adapters.gitcommand import Git, Ran
from headway.errors import Refused, Unavailable
from headway.releases.tagging import ReleaseTag, objections

_SHAPE = "%(refname)%00%(objecttype)%00%(objectname)%00%(contents)%00%(contents:signature)"
_SETTINGS = ("safe.directory=*", "core.hooksPath=/dev/null", "protocol.allow=never", "tag.gpgSign=false", "tag.forceSignAnnotated=false")
_CONFIGURATION = frozenset({"GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM"})


class GitTags:
    """The tags of the repositories of services; `where` says which repository a service lives in."""

    def __init__(self, where: Callable[[str], Path], git: str = "git", timeout: float = 60.0) -> None:
        self._where = where
        self._git = git
        self._timeout = timeout

    def look(self, service: str, name: str) -> ReleaseTag | None:
        """The tag of that name."""
        git = Git(self._where(service), self._git, self._timeout)
        ref = f"refs/tags/{name}"
        # A pattern also matches what lies below it: `v1` and `v1/2`.
        for entry in git.run("for-each-ref", f"--format={_SHAPE}%01", ref).decode(errors="replace").split("\x01"):
            if entry.lstrip("\n").partition("\0")[0] != ref:
                continue
            _, kind, _, message, signature = entry.lstrip("\n").split("\0")
            commit = git.run("rev-parse", "--verify", "--end-of-options", f"{ref}^{{}}").decode().strip()
            return ReleaseTag(name, commit, message if kind == "tag" else "", bool(signature.strip()) and kind == "tag")
        return None

    def make(self, service: str, tag: ReleaseTag, by: str, at: datetime) -> bool:
        """Make an annotated tag; whether it is new. Refused if there is another of that name, or if it cannot be signed."""
        if self._there(service, tag):
            return False
        where = self._where(service)
        command = ("tag", "--sign" if tag.signed else "--annotate", "--cleanup=verbatim", "--file=-", "--", tag.name, tag.commit)
        ran = self._run(where, command, self._tagger(where, by, at), tag.message)
        if ran.returncode == 0:
            return True
        said = ran.stderr.decode(errors="replace").strip()
        if self._there(service, tag):
            return False  # somebody else was as quick
        if tag.signed:
            hint = "git signs with the key in `user.signingkey`, of the kind in `gpg.format`; the same command again goes on from here"
            raise Refused(f"git could not sign {tag.name}", (*said.splitlines(), hint))
        raise Unavailable(f"git could not make the tag {tag.name} in {where}: {said}; the same command again goes on from here")

    def publishes(self, service: str) -> bool:  # noqa: ARG002 - as the port has it
        """A repository of this machine is somebody's own: what leaves it is theirs to push."""
        return False

    def _there(self, service: str, tag: ReleaseTag) -> bool:
        found = self.look(service, tag.name)
        if found is not None and (against := objections(found, tag)):
            raise Refused(f"{tag.name} exists and is another tag", against)
        return found is not None

    def _tagger(self, where: Path, by: str, at: datetime) -> Mapping[str, str]:
        """Whoever git knows; where it knows nobody, the person who asked. The moment is the release's, however late the tag is made."""
        known = self._run(where, ("config", "--get", "user.email"), {}, "").stdout.strip()
        person = {} if known else {"GIT_COMMITTER_NAME": by, "GIT_COMMITTER_EMAIL": "headway@localhost"}
        return {**person, "GIT_COMMITTER_DATE": f"{int(at.timestamp())} +0000"}

    def _run(self, where: Path, arguments: tuple[str, ...], env: Mapping[str, str], input: str) -> Ran:
        command = (self._git, *(part for setting in _SETTINGS for part in ("-c", setting)), "-C", os.fspath(where), *arguments)
        own = {name: value for name, value in os.environ.items() if not name.startswith("GIT_") or name in _CONFIGURATION}
        quiet = {"LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0", "GIT_ASKPASS": "true", "SSH_ASKPASS": "true", "GIT_NO_REPLACE_OBJECTS": "1"}
        try:
            return subprocess.run(
                command, input=input.encode(), capture_output=True, env={**own, **quiet, **env}, timeout=self._timeout, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise Unavailable(
                f"git {arguments[0]} in {where} did not answer within {self._timeout:g} s; does it wait for a passphrase?"
            ) from error
        except OSError as error:
            raise Unavailable(f"git could not be started: {error}") from error
