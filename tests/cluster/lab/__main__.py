"""scripts/cluster build | up | down | enter COMMAND … | run COMMAND …"""

import os
import signal
import subprocess
import sys
from types import FrameType

from lab import life, ourselves, programs
from lab.layout import GATEWAY, KUBECONFIG, STATS, folder, modules
from lab.network import inside
from lab.trouble import Trouble

USAGE = """usage: scripts/cluster build           compile the programs (once)
       scripts/cluster up              start the cluster and leave it running
       scripts/cluster enter COMMAND   run a command in the network of the running cluster
       scripts/cluster run COMMAND     start it, run the command in it, remove it
       scripts/cluster down            end it and remove every trace
"""


def main(argv: list[str]) -> int:
    match argv:
        case ["build"]:
            life.demand()
            programs.build()
            ourselves.prepare()
        case ["up"]:
            life.up()
        case ["down"]:
            life.down()
        case ["enter", *command] if command:
            return enter(command)
        case ["run", *command] if command:
            return run(command)
        case _:
            sys.stderr.write(USAGE)
            return 2
    return 0


def run(command: list[str]) -> int:
    """With a cluster of the user's own, only the command: that one is neither started nor removed here."""
    if os.environ.get("HEADWAY_TEST_KUBECONFIG"):
        return subprocess.run(command, check=False).returncode
    for word in (
        signal.SIGTERM,
        signal.SIGHUP,
    ):  # a run that is told to end takes its cluster along; one that is killed leaves it to the next
        signal.signal(word, _ended)
    life.up()
    try:
        return enter(command)
    finally:
        life.down()


def _ended(word: int, _: FrameType | None) -> None:
    sys.exit(128 + word)


def enter(command: list[str]) -> int:
    if not life.running():
        raise Trouble("the cluster does not run; `scripts/cluster up` starts it")
    told = {"HEADWAY_TEST_KUBECONFIG": str(KUBECONFIG), "KUBECONFIG": str(KUBECONFIG), "HEADWAY_TEST_LAB": "yes"}
    told |= {"HEADWAY_TEST_GATEWAY": GATEWAY, "HEADWAY_TEST_STATS": STATS}
    path = ":".join([*(str(folder(module)) for module in modules()), os.environ["PATH"]])
    return subprocess.run(inside(command), env=os.environ | told | {"PATH": path}, check=False).returncode


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except Trouble as trouble:
        sys.stderr.write(f"{trouble}\n")
        sys.exit(1)
