"""The votes in SQLite: one row per choice, shared by all replicas of an environment at the same time."""

import sqlite3
import threading
import time
from pathlib import Path

BUSY_SECONDS = 5.0
TABLE = "CREATE TABLE IF NOT EXISTS votes (choice TEXT PRIMARY KEY, count INTEGER NOT NULL) WITHOUT ROWID"
ADD = "INSERT INTO votes VALUES (?, 1) ON CONFLICT (choice) DO UPDATE SET count = count + 1 RETURNING count"


class Votes:
    """Votes that outlive the process. Safe to use from many threads and many processes."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        # One connection each way: in WAL mode counting never waits for somebody else's vote.
        self._writer = _open(folder / "votes.db")
        self._reader = _open(folder / "votes.db")
        self._writing = threading.Lock()
        self._reading = threading.Lock()

    def add(self, choice: str) -> int:
        """Count one vote; returns how many the choice has now."""
        with self._writing:
            # fetchall, not fetchone: the statement commits only once it is exhausted.
            ((count,),) = self._writer.execute(ADD, (choice,)).fetchall()
        return int(count)

    def counts(self) -> dict[str, int]:
        """All choices, the one with the most votes first."""
        with self._reading:
            return dict(self._reader.execute("SELECT choice, count FROM votes ORDER BY count DESC, choice").fetchall())

    def close(self) -> None:
        with self._writing, self._reading:
            self._writer.close()
            self._reader.close()


def _open(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    give_up = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            # Replicas start together, and the step into WAL mode answers "locked" at once instead of waiting.
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute(TABLE)
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > give_up:
                raise
            time.sleep(0.02)
        else:
            return connection
