"""The folder of migrations, read."""

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
        files = sorted(path for path in folder.iterdir() if path.suffix == ".sql" and path.is_file())
        for path in files:
            if path.stat().st_size > _LARGEST:
                faults.append(f"{path.name}: is larger than {_LARGEST // 2**20} MiB; data belongs into a backfill or an import")
                continue
            try:
                texts[path.name] = path.read_text("utf-8")
            except UnicodeDecodeError as error:
                faults.append(f"{path.name}: is not UTF-8 text (at byte {error.start})")
    except FileNotFoundError:
        raise InvalidSpec(f"{folder}: there is no such folder; expected one with files such as 0001_users.sql") from None
    except OSError as error:
        raise Unavailable(f"{folder} cannot be read: {error.strerror}") from error
    if faults:
        raise InvalidSpec(*faults)
    return parse(texts, dialect)
