"""The process of one scheduled backup, or of one drill: `python -m headway.adapters.migrating.upkeep FOLDER`, started by shelves.py.

It may be killed at any moment: half a backup is none, and the next one sweeps it away.
"""

import json
import os
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path

from headway.adapters.databases import backup as backups
from headway.adapters.databases import shelf as shelves
from headway.adapters.databases.address import address
from headway.adapters.migrating import notes
from headway.adapters.migrating.work import KEY, URL
from headway.adapters.system import new_id
from headway.errors import HeadwayError
from headway.migration.model import Dialect
from headway.migration.retention import Keep
from headway.rollout.seen import RunState


def main(folder: Path) -> int:
    """Do what the folder says, and leave there what came of it."""

    def stop(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)
    found = address(os.environ[URL])
    try:
        state, text = RunState.PASSED, _done(folder)
    except HeadwayError as error:
        state, text = RunState.ERRORED, str(error)
    except KeyboardInterrupt:
        state, text = RunState.STOPPED, "it was stopped"
    except Exception as error:
        state, text = RunState.ERRORED, f"Headway stumbled over itself: {error!r}"
    notes.end(folder, state, found.masked(text))
    sys.stdout.write(f"{found.masked(text)}\n")
    return 0 if state is RunState.PASSED else 1


def _done(folder: Path) -> str:
    order = json.loads((folder / "order.json").read_text())
    found, shelf, secret = address(os.environ[URL]), Path(order["shelf"]), os.environ.get(KEY)
    if order["chore"] == "drill":
        newest = backups.newest(shelf)
        done = backups.drill(found, newest, new_id(), secret)
        draft = folder.parent / f".drilled.{new_id()}"
        draft.write_text(json.dumps({"at": _now().isoformat(), "backup": newest.path.name}))
        draft.replace(folder.parent / "drilled.json")
        return f"{newest.path.name} restores: {done.rows:,} rows"
    if found.dialect is Dialect.SQLITE and not found.path.exists():
        return f"{found.where} is not there yet"
    made = backups.back_up(found, shelf, _now, new_id(), secret)
    gone = shelves.thin(shelf, Keep(*order["keep"])) if order["keep"] else ()
    swept = f"; {len(gone)} older ones removed" if gone else ""
    return f"{made.path.name}: {sum(made.manifest.tables.values()):,} rows, read through{swept}"


def _now() -> datetime:
    return datetime.now(UTC)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
