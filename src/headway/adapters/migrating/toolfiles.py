"""The migrations that a tool would find in a release, read from the files of its commit: nothing of the release is run for it."""

from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path

from headway.errors import HeadwayError, InvalidSpec
from headway.migration.files import parse
from headway.migration.model import Dialect, Migration, Script
from headway.migration.pythonfiles import Revision, alembic, django, in_order
from headway.migration.toolshipping import Pending

_USUAL = "db/migrations"
"""Where dbmate looks, if nobody says otherwise."""


def found(tool: str, folder: Path) -> tuple[tuple[Pending, ...], tuple[Migration, ...]]:
    """What is there by the tool's own names, in its order, and those of them whose SQL can be linted."""
    if not folder.is_dir():
        raise InvalidSpec(f"the folder of migrations {folder.name} is not in the release's commit")
    match tool:
        case "dbmate":
            return _dbmate(folder / _USUAL if (folder / _USUAL).is_dir() else folder)
        case "flyway":
            return _flyway(folder)
    read = dict(_alembic(folder) if tool == "alembic" else _django(folder))
    return tuple(Pending(one.name, one.sql, _hash(read[one])) for one in in_order(list(read))), ()


def _dbmate(folder: Path) -> tuple[tuple[Pending, ...], tuple[Migration, ...]]:
    pending, readable = [], []
    for file in sorted(folder.glob("*.sql")):
        text = _text(file)
        try:
            (one,) = parse({file.name: text}, Dialect.POSTGRES)
        except (HeadwayError, ValueError):
            pending.append(Pending(file.name, None, _hash(text)))
            continue
        pending.append(Pending(file.name, one.up.sql if one.up else "", _hash(text)))
        readable.append(one)
    return tuple(pending), tuple(readable)


def _flyway(folder: Path) -> tuple[tuple[Pending, ...], tuple[Migration, ...]]:
    """Versions in their order; then what is repeated, which is another one whenever its text is."""
    pending, readable = [], []
    for at, file in enumerate(sorted((*folder.rglob("V*__*.sql"), *folder.rglob("R__*.sql")), key=_order)):
        text = _text(file)
        name = file.name if file.name.startswith("V") else f"{file.name} {_hash(text)[:8]}"
        pending.append(Pending(name, text, _hash(text)))
        # A way down is not in its free edition, so that none is missed.
        readable.append(Migration(at, name, name, _hash(text), Script(text, 1), down=Script("", 1)))
    return tuple(pending), tuple(readable)


def _order(file: Path) -> tuple[bool, tuple[int, ...], str]:
    version = file.name.partition("__")[0][1:].replace("_", ".").split(".")
    return file.name.startswith("R"), tuple(int(one) for one in version if one.isdigit()), file.name


def _alembic(folder: Path) -> Iterator[tuple[Revision, str]]:
    for file in _python(folder):
        if "versions" in file.parent.relative_to(folder).parts and (one := alembic(text := _text(file))) is not None:
            yield one, text


def _django(folder: Path) -> Iterator[tuple[Revision, str]]:
    for file in _python(folder):
        if file.parent.name == "migrations" and file.name != "__init__.py":
            text = _text(file)
            if (one := django(text, file.parent.parent.name, file.stem)) is not None:
                yield one, text


def _python(folder: Path) -> Iterable[Path]:
    return sorted(folder.rglob("*.py"))


def _text(file: Path) -> str:
    return file.read_text("utf-8", "replace")


def _hash(text: str) -> str:
    return sha256(text.encode()).hexdigest()
