"""squawk's opinion of PostgreSQL migrations, where the program is there; where it is not, that is said."""

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from headway.migration.lint import Finding, Grade
from headway.migration.model import Migration

# The runner sets the timeouts itself, never runs a file twice, and says more about these than a type's width.
_EXCLUDED = ("prefer-robust-stmts", "require-lock-timeout", "require-timeout-settings", "require-statement-timeout", "transaction-nesting")
_STYLE = {"prefer-bigint-over-int", "prefer-bigint-over-smallint", "prefer-text-field", "prefer-identity", "prefer-timestamp-tz"}
_CONTRACT = {"ban-drop-column", "ban-drop-table", "renaming-column", "renaming-table", "changing-column-type"}
"""Contracts wait for their time; that they are contracts is no danger in itself."""


def opinions(migrations: Sequence[Migration]) -> tuple[tuple[Finding, ...], str | None]:
    """The findings; or why there are none to be had."""
    program = shutil.which("squawk") or shutil.which("squawk", path=str(Path(sys.executable).parent))
    if program is None:
        return (), "squawk did not run: it is not installed (pip install squawk-cli)"
    found: list[Finding] = []
    for inside in (True, False):
        files = {f"{at}.sql": one for at, one in enumerate(migrations) if one.up is not None and one.up.transaction is inside}
        if files:
            more, silent = _asked(program, files, inside=inside)
            if silent:
                return tuple(found), silent
            found += more
    return tuple(found), None


def _asked(program: str, files: dict[str, Migration], *, inside: bool) -> tuple[list[Finding], str | None]:
    with tempfile.TemporaryDirectory() as folder:
        for name, one in files.items():
            (Path(folder) / name).write_text(one.up.sql if one.up else "", encoding="utf-8")
        within = ("--assume-in-transaction",) if inside else ()
        argv = (program, "--reporter", "json", *(f"--exclude={rule}" for rule in _EXCLUDED), *within, *files)
        ran = subprocess.run(argv, capture_output=True, text=True, check=False, cwd=folder)
    try:
        # Exit code 1 is "any finding", and also trouble: only the JSON tells.
        said = json.loads(ran.stdout)
    except ValueError:
        return [], f"squawk did not run: {(ran.stderr or ran.stdout).strip()[:200] or f'exit code {ran.returncode}'}"
    return [_finding(files[Path(each["file"]).name], each) for each in said], None


def _finding(one: Migration, said: dict[str, Any]) -> Finding:
    assert one.up is not None
    rule = said.get("rule_name", "unknown")
    text = " ".join(part for part in (said.get("message"), said.get("help")) if part)
    # squawk counts lines from 0.
    return Finding(
        f"squawk:{rule}",
        Grade.WARNING if rule in _STYLE | _CONTRACT else Grade.DANGER,
        one.file,
        one.up.line + int(said.get("line", 0)),
        text,
    )
