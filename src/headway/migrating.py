"""What stands behind `headway migrate`. Apart from `wiring`, whose server would be four fifths of the command's time."""

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from headway.adapters.databases.address import address
from headway.adapters.databases.foreign import kind
from headway.adapters.databases.foreign_verbs import ToolMigrations
from headway.adapters.databases.verbs import Migrations
from headway.adapters.secrets import resolve
from headway.adapters.system import SystemClock, new_id

__all__ = ["Migrations", "ToolMigrations", "migrations"]


def migrations(
    reference: str,
    folder: Path,
    shelf: Path,
    who: str,
    *,
    traffic: bool = False,
    key: str | None = None,
    tool: str | None = None,
    command: Sequence[str] = (),
    variable: str = "DATABASE_URL",
) -> Migrations | ToolMigrations:
    """The migrations of one database, by Headway's runner or the team's own tool."""
    found = address(reference)
    own = shelf / sha256(found.where.encode()).hexdigest()[:12]
    secret = resolve(key) if key else None
    if tool is None:
        return Migrations(found, folder, own, who, SystemClock().now, new_id, traffic=traffic, secret=secret)
    kind(tool)
    return ToolMigrations(
        found,
        folder,
        own,
        who,
        SystemClock().now,
        new_id,
        traffic=traffic,
        secret=secret,
        tool=tool,
        argv=tuple(command),
        variable=variable,
    )
