"""Writing files that others read at any moment: whole or not at all, and only for their owner."""

import contextlib
import os
from pathlib import Path

from headway.errors import Unavailable


def write(path: Path, text: bytes) -> None:
    """Replace the file by a rename, the bytes on disk before it shows. Envoy and the next Headway never see half of it."""
    new = path.with_name(f".{path.name}.new")
    try:
        handle = os.open(new, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            new.unlink()
        raise Unavailable(f"{path} could not be written: {error}; nothing was changed") from error


def read(path: Path) -> bytes | None:
    """What is there; None if nothing is."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Unavailable(f"{path} could not be read: {error}") from error
