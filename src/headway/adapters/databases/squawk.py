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
    for one in migrations:
        if one.up is None:
            continue
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "migration.sql"
            file.write_text(one.up.sql, encoding="utf-8")
            inside = ("--assume-in-transaction",) if one.up.transaction else ()
            argv = (program, "--reporter", "json", *(f"--exclude={rule}" for rule in _EXCLUDED), *inside, str(file))
            ran = subprocess.run(argv, capture_output=True, text=True, check=False, cwd=folder)
        try:
            # Exit code 1 is "any finding", and also trouble: only the JSON tells.
            said = json.loads(ran.stdout)
        except ValueError:
            return tuple(found), f"squawk did not run: {(ran.stderr or ran.stdout).strip()[:200] or f'exit code {ran.returncode}'}"
        found += [_finding(one, each) for each in said]
    return tuple(found), None


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
