"""What the interface and the migrations ask of the next version, compared with the last release."""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from headway.adapters.apidiff import openapi, python
from headway.adapters.history import Past
from headway.releases.api import Finding, waived
from headway.releases.contracts import contracts
from headway.releases.decision import Reason
from headway.releases.policy import Policy

_ENDINGS = (".py", ".pyi", ".json", ".yaml", ".yml", ".sql")


@dataclass(frozen=True, slots=True)
class Compared:
    """Reasons for a level, and what is to be said of waivers."""

    reasons: tuple[Reason, ...]
    notes: tuple[str, ...]


def compared(past: Past, last: str, head: str, policy: Policy, today: date) -> Compared:
    """Compare two commits as the policy says. Unavailable: it cannot be told, so nobody may guess."""
    paths = [path.strip("/") for path in (*policy.api.python, *policy.api.openapi, *filter(None, (policy.migrations,)))]
    with tempfile.TemporaryDirectory(prefix="headway-compare-") as scratch:
        old, new = Path(scratch, "old"), Path(scratch, "new")
        had = past.extract(last, paths, _ENDINGS, old)
        has = past.extract(head, paths, _ENDINGS, new)
        found = waived(_interface(old, new, policy), policy.waivers, today)
        reasons = [Reason(one.level, "api", one.text, one.where) for one in found.findings]
        reasons += _migrations(new, sorted(set(has) - set(had)), policy)
    return Compared(tuple(reasons), found.notes)


def _interface(old: Path, new: Path, policy: Policy) -> Iterator[Finding]:
    for folder in policy.api.python:
        yield from python.compare(old, new, folder.strip("/"))
    for file in policy.api.openapi:
        yield from openapi.compare(old, new, file.strip("/"))


def _migrations(new: Path, added: list[str], policy: Policy) -> Iterator[Reason]:
    for name in added:
        if policy.migrations is None or not name.startswith(policy.migrations.strip("/") + "/") or name.endswith(".down.sql"):
            continue
        for statement in contracts((new / name).read_text(errors="replace")):
            yield Reason(policy.contract, "migration", f"takes something away from whoever reads the data: {statement}", name)
