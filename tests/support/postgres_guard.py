"""Runs PostgreSQL for as long as the test run's process lives, then stops it and removes its folder.

A process of its own, so that a killed test run leaves nothing behind. argv: run's process id, folder, user, the server's argv.
"""

import pwd
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import psutil


def main() -> None:
    run, folder, user, *argv = sys.argv[1:]
    who = {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []} if user else {}
    server = subprocess.Popen(argv, cwd="/", start_new_session=True, **who)
    with suppress(psutil.NoSuchProcess):
        psutil.Process(int(run)).wait()
    server.send_signal(signal.SIGQUIT)  # at once: nobody needs this data any more
    server.wait()
    shutil.rmtree(folder, ignore_errors=True)
    Path(f"{folder}.lock").unlink(missing_ok=True)


if __name__ == "__main__":
    main()
