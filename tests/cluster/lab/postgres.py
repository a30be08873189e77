"""PostgreSQL's own programs, for a pod to mount: what an image of your own would install."""

import re
import shutil
from pathlib import Path

from lab.images import run

PROGRAMS = ("pg_dump", "pg_restore")


def client(server: Path, folder: Path) -> Path:
    """These programs, of the server whose data are there, with their libraries, so that they run on any base; their folder on the path.

    The node mounts the folder, so it has to be one that everybody may read.
    """
    installed = (Path("/proc") / (server / "postmaster.pid").read_text().split()[0] / "exe").resolve().parent
    libraries, doors = folder / "lib", folder / "bin"
    for made in (folder, libraries, doors):
        made.mkdir(mode=0o755)
    for name in PROGRAMS:
        shutil.copy(installed / name, libraries / name)
        for one in re.findall(r"(/\S+) \(0x", run("ldd", str(installed / name))):
            shutil.copy(one, libraries)
        (loader,) = libraries.glob("ld-*")
        door = doors / name
        door.write_text(f'#!/bin/sh\nhere=${{0%/*}}/../lib\nexec "$here/{loader.name}" --library-path "$here" "$here/{name}" "$@"\n')
        door.chmod(0o755)
    return doors
