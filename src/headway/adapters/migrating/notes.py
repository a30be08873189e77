"""What a run and those who watch it write to each other, in its folder. No secret is ever in it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from headway.adapters.jottings import leave, left
from headway.environments.branches import own_database
from headway.environments.model import Place
from headway.migration.abilities import ByTool
from headway.migration.model import Kind
from headway.migration.shipping import Shipped
from headway.migration.toolshipping import Went
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
    took: tuple[tuple[int, str], ...] = ()
    """What the versions that take something away take, counted beforehand."""
    tool: Mapping[str, Any] | None = None
    """The team's own tool, its words and what it is to apply; None: Headway's runner."""
    source: str = ""
    seed: tuple[tuple[str, ...], ...] = ()
    urls: tuple[str, ...] = ()
    """The variables in which a seed's command finds the URL."""
    env: Mapping[str, str] = field(default_factory=dict)
    like: str = ""
    mark: bool = False


def about(
    effect: RunMigration, place: Place, *, source: Path, shelf: Path, rollout: str, like: str = "", remember: Path | None = None
) -> About:
    """The order for this run."""
    shipping, configuration = effect.shipping, effect.workload.configuration
    said = {"HEADWAY_SERVICE": place.service, "HEADWAY_ENVIRONMENT": place.environment, "HEADWAY_VERSION": effect.workload.version}
    own = tuple(name for name, reference in configuration.secrets.items() if reference == shipping.database.url)
    return About(
        what=effect.what,
        where=shipping.where,
        files=str(source / shipping.folder),
        shelf=str(shelf),
        release=f"{place.service}@{effect.workload.version}",
        rollout=rollout,
        together=shipping.together.value,
        lock_timeout=shipping.database.lock_timeout,
        statement_timeout=shipping.database.statement_timeout,
        apply=tuple((one.version, one.sha256) for one in shipping.apply),
        contracts=tuple(sorted(shipping.contracts)),
        fill=tuple(one.version for one in shipping.fill),
        whole=shipping.whole,
        keep=shipping.database.backup.keep,
        took=tuple((one.version, one.took) for one in shipping.apply if one.took),
        tool=None if shipping.tool is None else _by_tool(shipping.tool, shipping.apply, remember),
        source=str(source),
        seed=shipping.database.seed,
        urls=tuple(dict.fromkeys(("DATABASE_URL", *own))),
        env={**configuration.values, **said},
        like=like,
        mark=own_database(shipping.database.url) is not None,
    )


def _by_tool(tool: ByTool, apply: Sequence[Shipped], remember: Path | None) -> Mapping[str, Any]:
    return {
        "name": tool.name,
        "command": list(tool.command),
        "url_in": tool.url_in,
        "apply": [{"name": one.title, "contract": one.kind is Kind.CONTRACT, "took": one.took} for one in apply],
        "remember": str(remember) if remember else None,
    }


def give(folder: Path, order: About) -> None:
    """Leave the order in the folder."""
    leave(folder / "about.json", asdict(order))


def taken(folder: Path) -> About:
    """The order that was left."""
    read = left(folder / "about.json") or {}
    keep = read.get("keep")
    pairs = tuple((int(version), str(sha256)) for version, sha256 in read.get("apply", ()))
    lists = {name: tuple(read.get(name, ())) for name in ("contracts", "fill", "urls")}
    pieces = {name: tuple(map(tuple, read.get(name, ()))) for name in ("seed", "took")}
    return About(**{**read, **lists, **pieces, "apply": pairs, "keep": tuple(keep) if keep else None})


def advance(folder: Path, title: str, rows: int, *, done: bool) -> None:
    """How far a backfill came."""
    leave(folder / "progress.json", {"title": title, "rows": rows, "done": done})


def progress(folder: Path, effect: RunMigration) -> str:
    """What a run that goes on is at, in words."""
    where = effect.shipping.where
    match effect.what:
        case "backfill":
            read = left(folder / "progress.json")
            so_far = f": {read['title']}, {read['rows']:,} rows so far" if read else ""
            return f"filling rows of {where}{so_far}"
        case "migrate":
            by = f" by {effect.shipping.tool.name}" if effect.shipping.tool else ""
            return f"migrating {where}{by}: {', '.join(one.title for one in effect.shipping.apply)}"
        case "reset":
            return f"making {where} anew: {', '.join(one.title for one in effect.shipping.apply)}"
    return f"asking what was promised of {where}"


def begin(folder: Path) -> None:
    """The tool is about to begin: from here on nobody but the database knows how far it came."""
    leave(folder / "begun.json", {"begun": True})


def begun(folder: Path) -> bool:
    """Had the tool begun?"""
    return (folder / "begun.json").exists()


def remember(path: Path, went: Sequence[Went], forget: frozenset[str] = frozenset()) -> None:
    """Keep what a tool took away: its own table has only the names. The newest word about a name counts."""
    known = {one.name: one for one in (*remembered(path), *went) if one.name not in forget}
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    leave(path, {"went": [asdict(one) for one in known.values()]})


def remembered(path: Path) -> tuple[Went, ...]:
    """What Headway had tools apply to this database."""
    return tuple(Went(**one) for one in (left(path) or {}).get("went", ()))


def end(folder: Path, state: RunState, text: str, notes: tuple[str, ...] = ()) -> None:
    """How it ended."""
    leave(folder / "result.json", {"state": state.value, "text": text, "notes": list(notes)})


def result(folder: Path, log: str) -> MigrationRun | None:
    """How it ended; None while nobody has said."""
    read = left(folder / "result.json")
    return None if read is None else MigrationRun(RunState(read["state"]), read["text"], tuple(read["notes"]), log)


def unfinished(title: str) -> str:
    """A row that was begun outside of a transaction and not finished blocks everything until a person has looked."""
    return f"{title} was begun and not finished: settle it with `headway migrate repair`, then retry"
