"""The tables. Whoever changes them counts VERSION up and writes the step that leads there, in upgrade.py.

Moments are whole microseconds since 1970 in UTC: exact, sortable and the same in both databases. What is only carried is JSON
text; what is asked for is a column.
"""

from datetime import UTC, datetime, timedelta

from sqlalchemy import (
    BigInteger,
    Column,
    Dialect,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    text,
)

from headway.rollout.phases import ACTIVE, Phase

VERSION = 3
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


class Moment(TypeDecorator[datetime]):
    """An aware moment; naive ones are refused, for nobody can tell later what they meant."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:  # noqa: ARG002
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value.isoformat()} has no timezone; the ledger keeps moments in UTC")
        return (value - EPOCH) // MICROSECOND

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        return None if value is None else EPOCH + value * MICROSECOND


# SQLite counts rows by itself only for a column that is called INTEGER.
Number = BigInteger().with_variant(Integer, "sqlite")

metadata = MetaData()

meta = Table("meta", metadata, Column("key", Text, primary_key=True), Column("value", Text, nullable=False))

rollouts = Table(
    "rollouts",
    metadata,
    Column("id", Text, primary_key=True),
    Column("service", Text, nullable=False),
    Column("environment", Text, nullable=False),
    Column("release", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("asked_by", Text, nullable=False),
    # The Headway on whose machine the place is; empty: any may turn it.
    Column("host", Text, nullable=False, default=""),
    Column("phase", Text, nullable=False),
    Column("generation", BigInteger, nullable=False),
    Column("turn", BigInteger, nullable=False),
    Column("format", Integer, nullable=False),
    Column("record", Text, nullable=False),
    Column("revision", BigInteger, nullable=False, default=0),
    Column("why", Text, nullable=False),
    Column("due", Moment),
    # How many signals ever came: a save that read fewer leaves the rollout due.
    Column("wake", BigInteger, nullable=False, default=0),
    Column("lease", Text),
    Column("lease_until", Moment),
    # The format of the Headway that could not read the record; a newer one tries again.
    Column("unread_by", Integer),
    Column("created", Moment, nullable=False),
    Column("turned", Moment, nullable=False),
    Column("updated", Moment, nullable=False),
)

# Named by what it is not, so that a phase which a newer Headway invents counts as active here.
_IDLE = ", ".join(f"'{phase.value}'" for phase in Phase if phase not in ACTIVE)
IS_ACTIVE = text(f"phase not in ({_IDLE})")
Index("one_active_rollout", rollouts.c.service, rollouts.c.environment, unique=True, sqlite_where=IS_ACTIVE, postgresql_where=IS_ACTIVE)
Index("rollouts_due", rollouts.c.due, sqlite_where=text("due is not null"), postgresql_where=text("due is not null"))
Index("rollouts_of_place", rollouts.c.service, rollouts.c.environment, rollouts.c.created)
Index("rollouts_created", rollouts.c.created)

signals = Table(
    "signals",
    metadata,
    Column("rollout", Text, primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("body", Text, nullable=False),
)

# `live` and `before` are generations in `lives`.
places = Table(
    "places",
    metadata,
    Column("service", Text, primary_key=True),
    Column("environment", Text, primary_key=True),
    Column("generation", BigInteger, nullable=False),
    Column("live", BigInteger),
    Column("before", BigInteger),
)

lives = Table(
    "lives",
    metadata,
    Column("service", Text, primary_key=True),
    Column("environment", Text, primary_key=True),
    Column("generation", BigInteger, primary_key=True, autoincrement=False),
    Column("release", Text, nullable=False),
    Column("workload", Text, nullable=False),
    Column("record", Text, nullable=False),
    Column("before", BigInteger),
)

events = Table(
    "events",
    metadata,
    Column("id", Number, primary_key=True),
    Column("stream", Text, nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("body", Text, nullable=False),
    Column("hash", Text, nullable=False),
    Index("events_of_stream", "stream", "number", unique=True),
)

heads = Table(
    "heads",
    metadata,
    Column("stream", Text, primary_key=True),
    Column("length", BigInteger, nullable=False),
    Column("hash", Text, nullable=False),
)

releases = Table(
    "releases",
    metadata,
    Column("name", Text, primary_key=True),
    Column("service", Text, nullable=False),
    Column("cut_at", Moment, nullable=False),
    Column("record", Text, nullable=False),
    Column("withdrawn", Text),
    Index("releases_of_service", "service", "cut_at"),
)

approvals = Table(
    "approvals",
    metadata,
    Column("number", Number, primary_key=True),
    Column("release", Text, nullable=False),
    Column("environment", Text, nullable=False),
    Column("record", Text, nullable=False),
    Index("approvals_of_release", "release", "environment"),
)

statements = Table(
    "statements",
    metadata,
    Column("number", Number, primary_key=True),
    Column("release", Text, nullable=False),
    Column("environment", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("record", Text, nullable=False),
    Index("statements_of_release", "release", "environment"),
)

trains = Table(
    "trains",
    metadata,
    Column("id", Text, primary_key=True),
    Column("service", Text, nullable=False),
    Column("timetable", Text, nullable=False),
    Column("departs", Moment, nullable=False),
    # `upcoming` and `ongoing` while it has not ended: at most one of each for a service. Empty afterwards.
    Column("track", Text),
    Column("record", Text, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Index("trains_of_service", "service", "departs"),
)
Index(
    "one_train_a_track",
    trains.c.service,
    trains.c.track,
    unique=True,
    sqlite_where=text("track is not null"),
    postgresql_where=text("track is not null"),
)

hotfixes = Table(
    "hotfixes",
    metadata,
    Column("id", Text, primary_key=True),
    Column("service", Text, nullable=False),
    Column("at", Moment, nullable=False),
    Column("record", Text, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Index("hotfixes_of_service", "service", "at"),
)

passed = Table(
    "passed",
    metadata,
    Column("number", Number, primary_key=True),
    Column("service", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("record", Text, nullable=False),
    Index("passed_of_digest", "digest", "service"),
)

quarantines = Table(
    "quarantines",
    metadata,
    Column("number", Number, primary_key=True),
    Column("service", Text, nullable=False),
    Column("release", Text, nullable=False),
    Column("record", Text, nullable=False),
    Column("cleared", Moment),
    Index("quarantines_of_service", "service", "cleared"),
)

outbox = Table(
    "outbox",
    metadata,
    Column("number", Number, primary_key=True),
    Column("rollout", Text, nullable=False),
    Column("record", Text, nullable=False),
    Column("due", Moment),
    Column("tries", Integer, nullable=False, default=0),
    Column("delivered", Moment),
    Column("trouble", Text),
    Index("outbox_due", "due", sqlite_where=text("due is not null"), postgresql_where=text("due is not null")),
)

repositories = Table(
    "repositories",
    metadata,
    Column("path", Text, primary_key=True),
    Column("branch", Text, nullable=False),
    Column("added_at", Moment, nullable=False),
)

settings = Table("settings", metadata, Column("key", Text, primary_key=True), Column("value", Text, nullable=False))

branched = Table(
    "branched",
    metadata,
    Column("service", Text, primary_key=True),
    Column("environment", Text, primary_key=True),
    Column("state", Text, nullable=False),
    Column("created", Moment, nullable=False),
    Column("record", Text, nullable=False),
)

seen_refs = Table(
    "seen_refs",
    metadata,
    Column("repository", Text, primary_key=True),
    Column("ref", Text, primary_key=True),
    Column("commit_id", Text, nullable=False),
)
