"""What a release would do to a database that only a Job reaches: by the files of its commit, since nobody can ask the tool beforehand.

What is pending only the database knows. What Headway's own Jobs brought there it remembers; the rest goes to the tool, which leaves alone
what it applied before. So a file that somebody else applied is told as one that may go, and never the other way round.
"""

from collections.abc import Collection, Sequence

from headway.environments.model import Database, InCluster
from headway.migration.abilities import ByTool
from headway.migration.lint import blocking, lint
from headway.migration.model import Dialect, Migration
from headway.migration.shipping import Outlook
from headway.migration.toolshipping import Knows, Pending, outlook_by_tool


def outlook_by_job(
    tool: ByTool,
    files: Sequence[Pending],
    readable: Sequence[Migration],
    applied: Collection[str],
    database: Database,
    inside: InCluster,
    folder: str,
    running: Sequence[Knows],
) -> Outlook:
    """Hold the release's files against what runs. `readable`: those among them whose SQL can be linted; `applied`: by our own Jobs."""
    pending = [one for one in files if one.name not in applied]
    doubted = blocking(lint([one for one in readable if one.file not in applied], Dialect.POSTGRES), traffic=database.lint == "block")
    refusals = () if database.lint == "off" else tuple(map(str, doubted))
    return outlook_by_tool(
        tool, Dialect.POSTGRES, pending, ((), refusals), database, where(database, inside), folder, running, lambda _: None
    )


def where(database: Database, inside: InCluster) -> str:
    """The database as people call it: by the reference, since nobody here reads the URL."""
    return f"the database of {database.url} in {inside.cluster.namespace}"
