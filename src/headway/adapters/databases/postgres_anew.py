"""PostgreSQL's part of making a database anew: both names change in one transaction."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from psycopg import sql

from headway.adapters.databases import dumps
from headway.adapters.databases.address import Address
from headway.adapters.databases.anew import BEFORE, FRESH, KEPT, MARK
from headway.adapters.databases.postgres_vault import PostgresVault, named
from headway.errors import Failed, Refused


class PostgresGround(PostgresVault):
    """A name on a server, and the names beside it."""

    def exists(self) -> bool:
        return self._comment() is not None

    def renew(self, build: Callable[[Address], None], tag: str, *, like: str, mark: bool) -> str | None:
        live, aside = dumps.name_of(self._address), self.beside(f"{BEFORE}{tag}")
        self.sweep()
        with self.making(f"{FRESH}{tag}") as name:
            there = self.exists()
            with self._allowed():
                self.create(name, live if there else like or live)
            build(named(self._address, name))
            with self._allowed():
                if mark:
                    self._mark(name)
                if there:
                    self.swap(name, aside)
                else:
                    self.rename(name, live)
        self._thin()
        return aside if there else None

    def rename(self, name: str, to: str) -> None:
        """Give a database another name."""
        with self._server() as on:
            on.execute(sql.SQL("alter database {} rename to {}").format(sql.Identifier(name), sql.Identifier(to)))

    def remove(self) -> tuple[str, ...]:
        comment = self._comment()
        if comment is None:
            return ()
        if comment != MARK:
            return (f"{self._address.where} stays: Headway did not make it",)
        with self._allowed():
            for old in (*self._moved_aside(), dumps.name_of(self._address)):
                self.discard(old)
        return (f"{self._address.where} was removed",)

    def _thin(self) -> None:
        for old in self._moved_aside()[:-KEPT]:
            self.discard(old)

    def _moved_aside(self) -> tuple[str, ...]:
        """Those that a reset would put beside this very database; long names are cut."""
        with self._server() as on:
            names = [str(one) for (one,) in on.execute("select datname from pg_database order by 1").fetchall()]
        found = [(name, name.rpartition(BEFORE)[2]) for name in names if BEFORE in name]
        return tuple(name for name, tag in found if name == self.beside(f"{BEFORE}{tag}"))

    def _mark(self, name: str) -> None:
        with self._server() as on:
            on.execute(sql.SQL("comment on database {} is {}").format(sql.Identifier(name), sql.Literal(MARK)))

    def _comment(self) -> str | None:
        """What is written on it; None if there is no such database."""
        with self._server() as on:
            query = "select coalesce(shobj_description(oid, 'pg_database'), '') from pg_database where datname = %s"
            found = on.execute(query, (dumps.name_of(self._address),)).fetchone()
        return None if found is None else str(found[0])

    @contextmanager
    def _allowed(self) -> Iterator[None]:
        """What the server does not let us do is nothing that a release did."""
        try:
            yield
        except Failed as error:
            hint = "its user needs CREATEDB, its databases, and the right to end the sessions in them"
            raise Refused(f"{self._address.where} cannot be made anew", (str(error), hint)) from error
