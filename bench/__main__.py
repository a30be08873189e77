"""`python -m bench` lists the measurements; `python -m bench NAME …` runs one, `python -m bench all` one after the other."""

import os
import runpy
import subprocess
import sys
import time
from pathlib import Path

NAMES = sorted(path.stem for path in Path(__file__).parent.glob("*.py") if not path.stem.startswith("_"))

SMALL = {
    "against_script": "--monitor 5",
    "chaos": "--kills 20 --store sqlite",
    "dead_canary": "--times 1",
    "drops": "--requests 2000 --rate 200",
    "engine": "--rollouts 20 --runs 1 --waiting 200",
    "hundred": "--repositories 2 --services 2 --live 1 --seconds 3",
    "migrations": "--files 5 --runs 1",
    "push_to_serving": "--times 1",
    "version": "10",
}
"""As little as each part does: enough to see that it runs, too little for a figure."""

ELSEWHERE = {"cluster": ("HEADWAY_TEST_GATEWAY", "scripts/cluster run .venv/bin/python -m bench cluster")}
"""Parts that only run where this variable is set; otherwise the command that sees to it."""


def run_all(small: bool) -> str:
    """Every part that can run here; what went wrong, if anything did."""
    failed, left_out = [], []
    for name in NAMES:
        needs, instead = ELSEWHERE.get(name, ("", ""))
        if needs and needs not in os.environ:
            left_out.append(f"{name} is left out here: {instead}\n")
            continue
        sys.stdout.write(f"\n== {name}\n")
        sys.stdout.flush()
        options, began = SMALL.get(name, "").split() if small else (), time.monotonic()
        ended = subprocess.run([sys.executable, "-m", "bench", name, *options], check=False).returncode
        if ended:
            failed.append(f"{name} ({ended})")  # and on with the others: an hour's figures are not lost for one of them
        sys.stdout.write(f"-- {name}, {time.monotonic() - began:.0f} s\n")
    sys.stdout.writelines(["\n", *left_out])
    return f"these did not end well: {', '.join(failed)}" if failed else ""


if sys.argv[1:] in (["all"], ["all", "--small"]):
    sys.exit(run_all("--small" in sys.argv) or 0)

if len(sys.argv) < 2 or sys.argv[1] not in NAMES:
    sys.stdout.write("python -m bench NAME, where NAME is one of:\n")
    for name in NAMES:
        first = (Path(__file__).parent / f"{name}.py").read_text().split('"""')[1].splitlines()[0]
        sys.stdout.write(f"  {name:16} {first}\n")
    sys.stdout.write(f"  {'all':16} Every one of these, one after the other, without options: some hours, on a machine that rests.\n")
    sys.stdout.write(f"  {'all --small':16} The same with as little as each can do: shows that they run, and gives no figures.\n")
    sys.stdout.write("With make: make bench ARGS=all, or make bench ARGS='engine --only sqlite'.\n")
    sys.exit(0 if len(sys.argv) < 2 else 2)

sys.argv = sys.argv[1:]
runpy.run_module(f"bench.{sys.argv[0]}", run_name="__main__", alter_sys=False)
