"""`python -m bench` lists the measurements; `python -m bench NAME …` runs one."""

import runpy
import sys
from pathlib import Path

NAMES = sorted(path.stem for path in Path(__file__).parent.glob("*.py") if not path.stem.startswith("_"))

if len(sys.argv) < 2 or sys.argv[1] not in NAMES:
    sys.stdout.write("python -m bench NAME, where NAME is one of:\n")
    for name in NAMES:
        first = (Path(__file__).parent / f"{name}.py").read_text().split('"""')[1].splitlines()[0]
        sys.stdout.write(f"  {name:12} {first}\n")
    sys.exit(0 if len(sys.argv) < 2 else 2)

sys.argv = sys.argv[1:]
runpy.run_module(f"bench.{sys.argv[0]}", run_name="__main__", alter_sys=False)
