"""`python -m bench all`: the figures of an hour are not lost for one part that fails, and nobody takes the whole for well."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).parents[2] / "bench"
GOOD = '"""Tells its options."""\nimport sys\nprint("first", *sys.argv[1:])\n'
BAD = '"""Does not end well."""\nraise SystemExit(3)\n'


def bench(folder: Path, *words: str, **parts: str) -> "subprocess.CompletedProcess[str]":
    """The house's own runner over these parts."""
    place = folder / "bench"
    place.mkdir()
    for name in ("__init__.py", "__main__.py"):
        shutil.copy(BENCH / name, place)
    for name, text in parts.items():
        (place / f"{name}.py").write_text(text)
    environment = {"PATH": "/usr/bin:/bin"}
    command = [sys.executable, "-m", "bench", *words]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_a_part_that_fails_stops_no_other_and_the_end_names_it(tmp_path: Path) -> None:
    ran = bench(tmp_path, "all", drops=GOOD, engine=BAD, version=GOOD)
    assert ran.stdout.count("first\n") == 2
    assert (ran.returncode, ran.stderr) == (1, "these did not end well: engine (3)\n")


@pytest.mark.parametrize(("words", "options"), [(("all",), ""), (("all", "--small"), " --times 1")], ids=["whole", "small"])
def test_where_all_are_well_it_says_so_by_its_code_and_what_is_left_out_by_a_sentence(
    tmp_path: Path, words: tuple[str, ...], options: str
) -> None:
    ran = bench(tmp_path, *words, dead_canary=GOOD, cluster=BAD)
    assert f"== dead_canary\nfirst{options}\n" in ran.stdout
    assert "cluster is left out here: scripts/cluster run" in ran.stdout
    assert (ran.returncode, ran.stderr) == (0, "")


def test_every_part_has_a_small_form_that_it_knows() -> None:
    found = (BENCH / "__main__.py").read_text()
    small = dict(re.findall(r'^    "(\w+)": "([^"]+)",$', found, re.MULTILINE))
    parts = {path.stem for path in BENCH.glob("*.py") if not path.stem.startswith("_")}
    assert set(small) == parts - {"cluster"}
    for name, options in small.items():
        unknown = [word for word in options.split() if word.startswith("--") and f'"{word}"' not in (BENCH / f"{name}.py").read_text()]
        assert not unknown, f"{name} knows no {unknown}"
