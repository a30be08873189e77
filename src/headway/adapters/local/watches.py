"""How many files Envoy may still watch: where the system lets it watch no more it aborts, and every user of the environment with it."""

import os
from contextlib import suppress
from pathlib import Path

from headway.errors import Unavailable

LIMIT = Path("/proc/sys/fs/inotify/max_user_instances")
PLENTY = 4096
"""Where a user may have so many nobody counts."""
SPARE = 4
"""A new file is watched twice where traffic is copied; others on this machine take some meanwhile."""


def demand(what: str) -> None:
    """Unavailable, with the way out, if one more file can hardly be watched. Elsewhere than on Linux nothing is known of it."""
    try:
        limit = int(LIMIT.read_text())
    except (OSError, ValueError):
        return
    if limit >= PLENTY or (used := _in_use()) + SPARE <= limit:
        return
    raise Unavailable(
        f"Envoy could not watch {what}: of the {limit} inotify instances that a user may have here {used} are in use, and an Envoy "
        "that gets none ends; allow more: sysctl -w fs.inotify.max_user_instances=8192"
    )


def _in_use() -> int:
    """Those of this user's processes that we may see."""
    me, count = os.geteuid(), 0
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if process.stat().st_uid == me:
                count += sum(os.readlink(file) == "anon_inode:inotify" for file in os.scandir(process / "fd"))  # noqa: PTH115 - thousands
    return count
