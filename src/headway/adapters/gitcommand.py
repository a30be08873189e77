"""Running git: the same answers whoever runs it, from whatever shell or hook.

The user's and the machine's git configuration, the environment's GIT_* variables, replace refs, filters, hooks and every network
transport are kept out. Nothing of what the repository brings is executed.
"""

import os
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from headway.errors import HeadwayError, InvalidSpec, Unavailable

Ran = subprocess.CompletedProcess[bytes]

_SETTINGS = (
    "safe.directory=*",  # whoever named this repository to Headway trusts it; nothing of it is executed here
    "protocol.allow=never",
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.quotePath=false",
    "log.showSignature=false",
    "log.mailmap=false",
)
_ENVIRONMENT: Mapping[str, str] = {
    "LC_ALL": "C",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ASKPASS": "true",
    "SSH_ASKPASS": "true",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_PAGER": "cat",
}
_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class Git:
    """One repository and the git that reads it."""

    path: Path
    git: str
    timeout: float

    def run(self, *arguments: str, input: bytes = b"") -> bytes:
        """What git answers; its failure is raised."""
        ran = self.start(*arguments, input=input)
        if ran.returncode != 0:
            raise self.trouble(ran)
        return ran.stdout

    def start(self, *arguments: str, input: bytes = b"") -> Ran:
        """Run git to its end, well or not."""
        command = self._command(*arguments)
        try:
            return subprocess.run(command, input=input, capture_output=True, env=_environment(), timeout=self.timeout, check=False)
        except subprocess.TimeoutExpired as error:
            raise Unavailable(f"git {arguments[0]} in {self.path} did not answer within {self.timeout:g} s") from error
        except (OSError, ValueError) as error:
            raise _not_started(self.git, error) from error

    def _command(self, *arguments: str) -> tuple[str, ...]:
        settings = (part for setting in _SETTINGS for part in ("-c", setting))
        return (self.git, "--no-pager", *settings, "-C", os.fspath(self.path), *arguments)

    def trouble(self, ran: Ran) -> HeadwayError:
        """What to raise for a git that failed."""
        said = ran.stderr.decode(errors="replace").strip()
        if says_no_repository(ran):
            return InvalidSpec(f"{self.path} is not a git repository; do: git init, or name another folder")
        return Unavailable(f"git {ran.args[ran.args.index('-C') + 2]} failed in {self.path}: {said or f'exit status {ran.returncode}'}")

    def stream(self, *arguments: str) -> Iterator[bytes]:
        """What git answers, as it comes; its failure is raised at the end."""
        command = self._command(*arguments)
        with _started(command, keep_errors=True) as git:
            assert git.stdout is not None
            assert git.stderr is not None
            watch = threading.Timer(max(self.timeout, 600.0), git.kill)
            watch.start()
            try:
                while piece := git.stdout.read(_PIECE):
                    yield piece
                said = git.stderr.read()
                if git.wait() != 0:
                    raise self.trouble(Ran(command, git.returncode, b"", said))
            finally:
                watch.cancel()

    @contextmanager
    def blobs(self) -> Iterator["Blobs"]:
        """One git that answers for many objects."""
        command = self._command("cat-file", "--batch")
        with _started(command) as git:
            assert git.stdin is not None
            assert git.stdout is not None
            watch = threading.Timer(max(self.timeout, 600.0), git.kill)
            watch.start()
            try:
                yield Blobs(git.stdin, git.stdout, self.path)
            finally:
                watch.cancel()
                git.kill()


@dataclass(frozen=True, slots=True)
class Blobs:
    """Asks one git for one blob after the other."""

    asks: IO[bytes]
    answers: IO[bytes]
    path: Path

    def __call__(self, id: str) -> bytes:
        try:
            self.asks.write(id.encode() + b"\n")
            self.asks.flush()
        except BrokenPipeError as error:
            raise Unavailable(f"git cat-file ended early in {self.path}") from error
        head = self.answers.readline().split()
        if len(head) != 3 or head[1] != b"blob":
            raise Unavailable(f"the object {id[:10]} is missing in {self.path}; do: git fsck, or fetch it (is it a partial clone?)")
        content = self.answers.read(int(head[2]) + 1)
        if len(content) <= int(head[2]):
            raise Unavailable(f"git cat-file ended early in {self.path}")
        return content[:-1]


@contextmanager
def _started(command: tuple[str, ...], *, keep_errors: bool = False) -> Iterator["subprocess.Popen[bytes]"]:
    errors = subprocess.PIPE if keep_errors else subprocess.DEVNULL
    try:
        git = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, env=_environment())
    except (OSError, ValueError) as error:
        raise _not_started(command[0], error) from error
    try:
        yield git
    finally:
        git.kill()
        git.communicate()


def _not_started(git: str, error: Exception) -> Unavailable:
    import shutil  # it brings four compressors with it, which nobody needs who has git

    if shutil.which(git) is None:
        return Unavailable(f"{git} is not installed, or not on PATH; Headway reads repositories with it")
    return Unavailable(f"{git} could not be started: {error}")


def says_no_repository(ran: Ran) -> bool:
    """Whether git failed because there is no repository."""
    return b"not a git repository" in ran.stderr or b"cannot change to" in ran.stderr


def _environment() -> dict[str, str]:
    """Ours without anything that git would obey: inside a hook, GIT_DIR names another repository."""
    return {**{name: value for name, value in os.environ.items() if not name.startswith("GIT_")}, **_ENVIRONMENT}
