"""What a release would do to an environment's database, and what keeps it from that: worked out before anything starts.

On the way forward the release before can still come back, so what takes something away waits until no release that runs needs it: one
that has the file itself, unchanged, does not. Where nothing runs yet, nothing needs to wait.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256

from headway.environments.model import Database
from headway.migration.abilities import ByTool
from headway.migration.changes import Loss, Name, changes, kind_of
from headway.migration.lint import transaction_control
from headway.migration.model import Dialect, Kind, Migration, Row
from headway.migration.plan import Together, default_together, plan
from headway.migration.rollback import Counted, sentence
from headway.migration.status import Status, compare, contradictions
from headway.migration.status import objections as of_the_ledger

Known = frozenset[tuple[int, str]]
"""The migrations that a release has, by version and sha256."""


@dataclass(frozen=True, slots=True)
class Shipped:
    """One migration as a rollout froze it. `back` says which way back there is after it."""

    version: int
    title: str
    sha256: str
    kind: Kind
    back: str = ""
    took: str = ""
    """What it takes away for good, counted beforehand."""
    unclear: bool = False
    """What it runs cannot be told beforehand: handled as what takes something away."""

    @property
    def word(self) -> str:
        """What it means for the release that runs, for people."""
        return "unclear" if self.unclear else self.kind.value


@dataclass(frozen=True, slots=True)
class Shipping:
    """What one rollout does to one database, frozen into its plan.

    `apply` goes out before any instance of the new release starts, `fill` after it has the traffic; `waiting` is left to a later rollout.
    `whole`: nothing runs there yet, so that backfills and what takes something away go out at once, in their order.
    """

    database: Database
    where: str
    """The database as people call it; no secret."""
    folder: str
    apply: tuple[Shipped, ...] = ()
    fill: tuple[Shipped, ...] = ()
    waiting: tuple[Shipped, ...] = ()
    together: Together = Together.RELEASE
    whole: bool = False
    tool: ByTool | None = None
    """The team's own tool, which knows its migrations by name: versions are then only their order. None: Headway's runner."""
    anew: tuple[str, ...] = ()
    """Why the database is made anew, by these and its seed, and what it holds moved aside; empty: it is not."""
    subject: str = ""
    """Known by this: the ledger as it is, the files, and what goes. Empty where nothing goes."""

    @property
    def contracts(self) -> frozenset[int]:
        """The versions to apply that take something away."""
        return frozenset(one.version for one in self.apply if one.kind is Kind.CONTRACT)


@dataclass(frozen=True, slots=True)
class Anew:
    """That a database may be made anew. It is where there is none yet, for each reason in `why`, and for `contradicted` ledgers.

    `spare`: databases that hold real data. It is never one of these, whatever the two references are called.
    """

    why: tuple[str, ...] = ()
    contradicted: bool = False
    spare: tuple[Database, ...] = ()


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a release would do, and why it may not: `waits` can be lifted without another release, `refusals` cannot."""

    shipping: Shipping | None = None
    waits: tuple[str, ...] = ()
    refusals: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Runs:
    """A release that runs on the database, and the migrations it knows."""

    name: str
    known: Known


def known(files: Iterable[Migration]) -> Known:
    """What a release with these files knows."""
    return frozenset((one.version, one.sha256) for one in files)


def outlook(
    status: Status,
    dialect: Dialect,
    database: Database,
    where: str,
    folder: str,
    running: Sequence[Runs],
    count: Callable[[Loss], int | None],
) -> Outlook:
    """Hold the release's files against the ledger and against what runs. `count` tells how many values a loss would destroy."""
    waits, refusals = _objections(status, dialect)
    together = Together(database.together) if database.together else default_together(dialect, traffic=True)
    allowed = {one.version for one in status.pending if all((one.version, one.sha256) in each.known for each in running)}
    run = plan(status, dialect, together, contracts=allowed)
    if not running:
        apply: Sequence[Migration] = status.pending
        held: Sequence[Migration] = ()
    else:
        apply = [one for group in run.groups for one in group.migrations]
        held = run.waiting
    shipped = {one.version: one for one in _shipped(status.pending, dialect, running, count, allowed)}
    later = [one.title for one in held[1:] if shipped[one.version].kind is not Kind.CONTRACT]
    if later:
        refusals = (*refusals, f"{', '.join(later)} would come after {held[0].title}, and {run.why[0]}; ship that in a release of its own")
    fill = [*status.unfilled, *(one for one in apply if one.backfill)] if running else []
    going = {one.version for one in (*apply, *fill)}
    return Outlook(
        Shipping(
            database=database,
            where=where,
            folder=folder,
            apply=tuple(shipped[one.version] for one in apply),
            fill=tuple(Shipped(one.version, one.title, one.sha256, Kind.BACKFILL) for one in fill),
            waiting=tuple(shipped[one.version] for one in held),
            together=together,
            whole=not running,
            subject=_subject(where, status, going, held) if going else "",
        ),
        waits,
        refusals,
    )


def why_anew(anew: Anew, status: Status | None, where: str) -> tuple[str, ...]:
    """Why the database is made anew; empty if it is not. No status: there is none yet."""
    if status is None:
        return (*anew.why, f"{where} is not there yet")
    # What somebody could do about it instead is not said: it is being done.
    return (*anew.why, *(one.partition(";")[0] for one in contradictions(status) if anew.contradicted))


def made_anew(status: Status, dialect: Dialect, database: Database, where: str, folder: str, why: Sequence[str]) -> Outlook:
    """The whole history at once, on an empty database: only what is wrong with the files themselves stands in the way."""
    empty = compare(status.files, ())
    together = Together(database.together) if database.together else default_together(dialect, traffic=False)
    apply = tuple(_shipped(status.files, dialect, (), lambda _: 0, ()))
    _, refusals = _objections(empty, dialect)
    shipping = Shipping(database, where, folder, apply, together=together, whole=True, anew=tuple(dict.fromkeys(why)))
    return Outlook(shipping, (), refusals)


def made_by(rollout: str, rows: Sequence[Row]) -> bool:
    """Did this rollout make the database? Then all that its ledger has came from it."""
    return bool(rows) and all(row.rollout == rollout for row in rows)


def _subject(where: str, status: Status, going: Collection[int], held: Sequence[Migration]) -> str:
    rows = sorted((row.version, row.sha256, row.state.value) for row in (*status.applied, *status.running))
    files = [(one.version, one.sha256) for one in status.pending]
    left = sorted(one.version for one in status.unfilled)
    told = repr((where, rows, files, left, sorted(going), [one.version for one in held]))
    return f"sha256:{sha256(told.encode()).hexdigest()}"


def _objections(status: Status, dialect: Dialect) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What a repair mends, and what only another release can."""
    said = of_the_ledger(status)
    begun = len(status.running)
    controls = [
        f"{one.file}:{found.line}: {found.words[0]} would end the transaction behind the runner's back"
        for one in status.pending
        if one.up is not None and (found := transaction_control(one.up, dialect)) is not None
    ]
    return said[:begun], (*said[begun:], *controls)


def _shipped(
    pending: Sequence[Migration], dialect: Dialect, running: Sequence[Runs], count: Callable[[Loss], int | None], allowed: Collection[int]
) -> Iterator[Shipped]:
    created: set[Name] = set()
    for one in pending:
        found = changes(one.up, dialect, created.copy())
        kind = kind_of(one, dialect, created)
        counted = {each.loss: count(each.loss) for each in found if each.loss} if running else {}
        back = sentence(one.title, kind, [each.what for each in found if each.breaks], counted, has_down=one.down is not None)
        if kind is Kind.CONTRACT and one.version in allowed:
            back += f"; {', '.join(dict.fromkeys(each.name for each in running))} can come back without it"
        # One that adds and fills is applied as the first and filled as the second.
        said = Kind.EXPAND if kind is Kind.BACKFILL and one.up is not None else kind
        lost = ", ".join(str(Counted(loss, number)) for loss, number in counted.items())
        yield Shipped(one.version, one.title, one.sha256, said, back if running else "", lost)


def for_later(shipping: Shipping) -> tuple[str, ...]:
    """What this rollout leaves alone, and when it comes."""
    if shipping.tool is not None:
        return tuple(_for_later_by(shipping.tool, shipping)) if shipping.waiting else ()
    return tuple(f"{one.title} waits: it takes something away that a release here may need; {_then(shipping)}" for one in shipping.waiting)


def _for_later_by(tool: ByTool, shipping: Shipping) -> Iterator[str]:
    """The tool goes all the way or not at all, so that one which must wait holds all of them."""
    names = ", ".join(one.title for one in shipping.waiting)
    yield f"{names}: {tool.name} goes all the way or not at all, so all of it waits; {_then(shipping)}"
    for one in shipping.waiting:
        if one.unclear:
            yield f"{one.title} may take something away: what it runs cannot be told beforehand"
        elif one.kind is Kind.CONTRACT:
            yield f"{one.title} takes something away that a release here may need"


def _then(shipping: Shipping) -> str:
    if shipping.database.contract == "auto":
        return "Headway promotes this release once more when the old one is gone"
    again = "promote this release once more when the old one is gone"
    # With the next only what can be compared with what the release before had.
    return again if any(one.unclear and not one.sha256 for one in shipping.waiting) else f"{again}, or it goes with the next"


def way_back(shipping: Shipping) -> tuple[str, ...]:
    """Which way back there is after these, said beforehand."""
    if shipping.anew:
        return (f"{shipping.where} stays as it was made anew: the release before would run on it; promote that to have it made for it",)
    return tuple(one.back for one in shipping.apply if one.back)


def left_behind(shipping: Shipping) -> str:
    """What the schema keeps when the release goes back after these were applied."""
    if shipping.anew:
        return f"{shipping.where} stays as it was made anew; promote the release that serves again to have it made for that"
    return f"the schema keeps {', '.join(one.title for one in shipping.apply)}: the old release runs on it, and nothing is restored"


def taken(rows: Sequence[Row], target: Known) -> tuple[str, ...]:
    """What was taken away by migrations that a release does not have: why it may not run on this database any more."""
    have = {version for version, _ in target}
    gone = [row for row in rows if row.version not in have and (row.kind is Kind.CONTRACT or row.took)]
    return tuple(f"{row.title}, applied on {row.at:%Y-%m-%d %H:%M}, took {row.took or 'what it may need'}" for row in gone)
