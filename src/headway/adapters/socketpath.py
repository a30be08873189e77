"""Where the server of a home listens. Apart from the rest, so that a command which only asks it need not load what serves."""

import os
import stat
import tempfile
from hashlib import sha256
from pathlib import Path

from headway.errors import Unavailable


def socket_path(home: Path) -> Path:
    """Where the server listens: in the home, or, since a socket's path is short, in a private folder of the temporary one."""
    inside = home / "socket"
    if len(str(inside)) < 100:
        return inside
    folder = Path(tempfile.gettempdir()) / f"headway-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if found.st_uid != os.getuid() or not stat.S_ISDIR(found.st_mode) or stat.S_IMODE(found.st_mode) & 0o077:
        raise Unavailable(f"{folder} is not a private folder of this user; remove it, or choose a home with a shorter path")
    return folder / f"{sha256(str(home).encode()).hexdigest()[:16]}.sock"
