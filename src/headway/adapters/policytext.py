"""The text of the server's policies: a file on this machine, or one in a repository, where a change of it is a commit."""

from pathlib import Path

from headway.adapters.git import GitRepository
from headway.errors import InvalidSpec

NAME = "policies.yaml"
"""In a repository, at the root of the branch."""


class PolicyText:
    """Where the policies are written. Read each time, so that a change counts at once."""

    def __init__(self, path: Path, branch: str) -> None:
        self._path = path
        self._branch = branch
        self._repository = GitRepository(path) if path.is_dir() else None
        self._read: tuple[str, str] | None = None

    def read(self) -> tuple[str, str]:
        """How the text is called, and the text. InvalidSpec if there is none: then nothing new goes out anywhere."""
        if self._repository is None:
            return self._file()
        head = self._repository.refs().get(self._branch)
        if head is None:
            raise InvalidSpec(f"{self._path} has no branch {self._branch}, on which the policies are to be")
        label = f"{NAME} at {head[:10]}"
        if self._read is None or self._read[0] != label:
            text = self._repository.read(head, NAME)
            if text is None:
                raise InvalidSpec(f"{NAME}: there is none at {head[:10]} of {self._path}; commit it to {self._branch}")
            self._read = (label, text)
        return self._read

    def _file(self) -> tuple[str, str]:
        try:
            return str(self._path), self._path.read_text("utf-8")
        except FileNotFoundError:
            raise InvalidSpec(f"{self._path}: the policies are not there; bring them back, or `headway policies drop`") from None
        except OSError as error:
            raise InvalidSpec(f"{self._path}: the policies cannot be read: {error.strerror}") from error
        except UnicodeDecodeError as error:
            raise InvalidSpec(f"{self._path}: the policies are not UTF-8 text (byte {error.start})") from error
