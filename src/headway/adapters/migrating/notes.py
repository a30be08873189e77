"""What a run and those who watch it write to each other, in its folder. No secret is ever in it."""

import json
import secrets as chance
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from headway.errors import Unavailable
from headway.rollout.model import RunMigration
from headway.rollout.seen import MigrationRun, RunState


@dataclass(frozen=True, slots=True)
class About:
    """What to do. `apply` and `fill` are version and sha256 of each file; only these may go, and only as they were then."""

    what: str
    where: str
    files: str
    shelf: str
    release: str
    rollout: str
    together: str
    lock_timeout: float
    statement_timeout: float
    apply: tuple[tuple[int, str], ...]
    contracts: tuple[int, ...]
    fill: tuple[int, ...]
    whole: bool
    keep: tuple[int, int, int] | None = None


def about(effect: RunMigration, *, files: Path, shelf: Path, release: str, rollout: str) -> About:
    """The order for this run."""
    shipping = effect.shipping
    return About(
        what=effect.what,
        where=shipping.where,
        files=str(files),
        shelf=str(shelf),
        release=release,
        rollout=rollout,
        together=shipping.together.value,
        lock_timeout=shipping.database.lock_timeout,
        statement_timeout=shipping.database.statement_timeout,
        apply=tuple((one.version, one.sha256) for one in shipping.apply),
        contracts=tuple(sorted(shipping.contracts)),
        fill=tuple(one.version for one in shipping.fill),
        whole=shipping.whole,
        keep=shipping.database.backup.keep,
    )


def give(folder: Path, order: About) -> None:
    """Leave the order in the folder."""
    _write(folder / "about.json", asdict(order))


def taken(folder: Path) -> About:
    """The order that was left."""
    read = _read(folder / "about.json") or {}
    keep = read.get("keep")
    pairs = tuple((int(version), str(sha256)) for version, sha256 in read.get("apply", ()))
    lists = {name: tuple(read.get(name, ())) for name in ("contracts", "fill")}
    return About(**{**read, **lists, "apply": pairs, "keep": tuple(keep) if keep else None})


def advance(folder: Path, title: str, rows: int, *, done: bool) -> None:
    """How far a backfill came."""
    _write(folder / "progress.json", {"title": title, "rows": rows, "done": done})


def progress(folder: Path, effect: RunMigration) -> str:
    """What a run that goes on is at, in words."""
    where = effect.shipping.where
    match effect.what:
        case "backfill":
            read = _read(folder / "progress.json")
            so_far = f": {read['title']}, {read['rows']:,} rows so far" if read else ""
            return f"filling rows of {where}{so_far}"
        case "migrate":
            return f"migrating {where}: {', '.join(one.title for one in effect.shipping.apply)}"
    return f"asking what was promised of {where}"


def end(folder: Path, state: RunState, text: str, notes: tuple[str, ...] = ()) -> None:
    """How it ended."""
    _write(folder / "result.json", {"state": state.value, "text": text, "notes": list(notes)})


def result(folder: Path, log: str) -> MigrationRun | None:
    """How it ended; None while nobody has said."""
    read = _read(folder / "result.json")
    return None if read is None else MigrationRun(RunState(read["state"]), read["text"], tuple(read["notes"]), log)


def unfinished(title: str) -> str:
    """A row that was begun outside of a transaction and not finished blocks everything until a person has looked."""
    return f"{title} was begun and not finished: settle it with `headway migrate repair`, then retry"


def _write(path: Path, what: Mapping[str, object]) -> None:
    new = path.with_name(f".{path.name}.{chance.token_hex(8)}")
    new.write_text(json.dumps(what))
    new.replace(path)


def _read(path: Path) -> dict[str, Any] | None:
    try:
        return dict(json.loads(path.read_text()))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise Unavailable(f"{path} cannot be read: {error}") from error
