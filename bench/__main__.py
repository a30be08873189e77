"""`python -m bench` lists the measurements; `python -m bench NAME …` runs one, `python -m bench all` one after the other."""

import runpy
import subprocess
import sys
from pathlib import Path

NAMES = sorted(path.stem for path in Path(__file__).parent.glob("*.py") if not path.stem.startswith("_"))

if sys.argv[1:] == ["all"]:
    failed = []
    for name in NAMES:
        sys.stdout.write(f"\n== {name}\n")
        sys.stdout.flush()
        if subprocess.run([sys.executable, "-m", "bench", name], check=False).returncode:
            failed.append(name)  # and on with the others: an hour's figures are not lost for one of them
    sys.exit(f"these did not end well: {', '.join(failed)}" if failed else 0)

if len(sys.argv) < 2 or sys.argv[1] not in NAMES:
    sys.stdout.write("python -m bench NAME, where NAME is one of:\n")
    for name in NAMES:
        first = (Path(__file__).parent / f"{name}.py").read_text().split('"""')[1].splitlines()[0]
        sys.stdout.write(f"  {name:16} {first}\n")
    sys.stdout.write(f"  {'all':16} Every one of these, one after the other, without options: some hours, on a machine that rests.\n")
    sys.stdout.write("With make: make bench ARGS=all, or make bench ARGS='engine --only sqlite'.\n")
    sys.exit(0 if len(sys.argv) < 2 else 2)

sys.argv = sys.argv[1:]
runpy.run_module(f"bench.{sys.argv[0]}", run_name="__main__", alter_sys=False)
