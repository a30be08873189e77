"""The folder of migrations, read."""

import os
from pathlib import Path

from headway.errors import InvalidSpec, Unavailable
from headway.migration.files import parse
from headway.migration.model import Dialect, Migration

_LARGEST = 16 * 1024 * 1024


def read(folder: Path, dialect: Dialect) -> tuple[Migration, ...]:
    """The migrations of a folder; every fault at once."""
    texts: dict[str, str] = {}
    faults: list[str] = []
    try:
        with os.scandir(folder) as entries:
            names = sorted(one.name for one in entries if one.name.endswith(".sql") and one.is_file())
        for name in names:
            with (folder / name).open("rb") as file:
                content = file.read(_LARGEST + 1)
            if len(content) > _LARGEST:
                faults.append(f"{name}: is larger than {_LARGEST // 2**20} MiB; data belongs into a backfill or an import")
                continue
            try:
                texts[name] = content.decode("utf-8")
            except UnicodeDecodeError as error:
                faults.append(f"{name}: is not UTF-8 text (at byte {error.start})")
    except FileNotFoundError:
        raise InvalidSpec(f"{folder}: there is no such folder; expected one with files such as 0001_users.sql") from None
    except OSError as error:
        raise Unavailable(f"{folder} cannot be read: {error.strerror}") from error
    if faults:
        raise InvalidSpec(*faults)
    return parse(texts, dialect)
