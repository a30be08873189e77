"""What a release would do to a database by the team's own tool, and what keeps it from that: worked out before anything starts.

As with Headway's own files: what takes something away waits until every release that runs has it too, unchanged. A tool goes all the way
or not at all, so that one migration which must wait holds all of them.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256

from headway.environments.model import Database
from headway.migration.abilities import ByTool
from headway.migration.changes import Loss, Name, changes, kind_of
from headway.migration.model import Dialect, Kind, Migration, Script
from headway.migration.rollback import Counted, sentence
from headway.migration.shipping import Outlook, Shipped, Shipping


@dataclass(frozen=True, slots=True)
class Pending:
    """A migration that the tool has not applied, by the tool's own name. `sql` None: what it runs cannot be told beforehand."""

    name: str
    sql: str | None
    file: str = ""
    """The sha256 of its file, where that was read: by it two releases can be compared all the same."""


@dataclass(frozen=True, slots=True)
class Knows:
    """A release that runs on the database, and the migrations that it has. `same`: it is of the very commit that is to come."""

    release: str
    known: frozenset[tuple[str, str]] = frozenset()
    same: bool = False

    def has(self, one: Shipped) -> bool:
        """Has it this migration, unchanged? One of which nothing could be read cannot be compared either."""
        return self.same or (one.sha256 != "" and (one.title, one.sha256) in self.known)


def outlook_by_tool(
    tool: ByTool,
    dialect: Dialect,
    pending: Sequence[Pending],
    said: tuple[tuple[str, ...], tuple[str, ...]],
    database: Database,
    where: str,
    folder: str,
    running: Sequence[Knows],
    count: Callable[[Loss], int | None],
) -> Outlook:
    """Hold what the tool would do against what runs. `said`: what a person mends, and what only another release can."""
    waits, refusals = said
    shipped = tuple(_shipped(tool, dialect, pending, running, count))
    held = [one for one in shipped if one.kind is Kind.CONTRACT and not all(each.has(one) for each in running)]
    adding = [one.title for one in shipped if one.kind is not Kind.CONTRACT]
    if held and adding:
        names = ", ".join(one.title for one in held)
        # Held too they would leave the new release without what it adds, on a schema that it was not made for.
        why = f"{', '.join(adding)} cannot go without {names}: {tool.name} goes all the way or not at all"
        what = "cannot be told beforehand to take nothing away" if all(one.unclear for one in held) else "takes something away"
        refusals = (*refusals, f"{why}, and {names} {what} that a release here may need; ship {names} in a release of its own, after")
    shipping = Shipping(
        database=database,
        where=where,
        folder=folder,
        apply=() if held else shipped,
        waiting=shipped if held else (),
        whole=not running,
        tool=tool,
        subject=_sha256(repr((where, [(one.title, one.sha256) for one in shipped]))) if shipped and not held else "",
    )
    return Outlook(shipping, waits, refusals)


def known(pending: Sequence[Pending]) -> frozenset[tuple[str, str]]:
    """What a release with these migrations has, of those that are still to come; what cannot be read cannot be compared."""
    return frozenset((one.name, mark) for one in pending if (mark := _mark(one)))


def _shipped(
    tool: ByTool, dialect: Dialect, pending: Sequence[Pending], running: Sequence[Knows], count: Callable[[Loss], int | None]
) -> Iterator[Shipped]:
    created: set[Name] = set()
    for at, one in enumerate(pending, 1):
        if not running:  # nothing that could mind, so nobody asked what they run
            yield Shipped(at, one.name, "", Kind.EXPAND)
        elif one.sql is None:
            back = f"after {one.name} nobody can say whether there is an automatic way back: what it runs cannot be told beforehand"
            yield Shipped(at, one.name, _mark(one), Kind.CONTRACT, back, "what nobody can say", unclear=True)
        else:
            migration = Migration(at, one.name, one.name, _mark(one), Script(one.sql, 1))
            found = changes(migration.up, dialect, created.copy())
            kind = kind_of(migration, dialect, created)
            counted = {each.loss: count(each.loss) for each in found if each.loss}
            back = sentence(one.name, kind, [each.what for each in found if each.breaks], counted, has_down=False)
            down = f"; {tool.name} has a way down, which Headway has not read and does not go" if tool.promises.has_down else None
            back = back.replace("; it has no down", down or f"; {tool.name} has no way down")
            lost = ", ".join(str(Counted(loss, number)) for loss, number in counted.items()) if kind is Kind.CONTRACT else ""
            yield Shipped(at, one.name, migration.sha256, kind, back, lost)


def _mark(one: Pending) -> str:
    """By which it is known: what it runs, else its file; empty where neither could be read."""
    return one.file or ("" if one.sql is None else _sha256(one.sql))


def _sha256(sql: str) -> str:
    return sha256(sql.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Went:
    """What Headway had a tool apply, as it remembers it: the tool's own table has only the name."""

    name: str
    contract: bool
    took: str
    at: str


def taken_by(went: Sequence[Went], has: frozenset[str], strangers: Sequence[str]) -> tuple[str, ...]:
    """What was taken by migrations that a release does not have. `strangers`: applied, and in none of its files.

    Of one that Headway did not see applied nobody knows what it took, so it may be anything.
    """
    seen = {one.name: one for one in went}
    gone = [one for one in went if one.name not in has and one.contract]
    unseen = [name for name in strangers if name not in seen and name not in has]
    return (
        *(f"{one.name}, applied on {one.at}, took {one.took or 'what it may need'}" for one in gone),
        *(f"{name} was not applied by this Headway: nobody can say what it took" for name in unseen),
    )
