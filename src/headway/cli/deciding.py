"""Looks at a repository and decides its next version: the refs, the commits, the interface, the migrations; then `decide`."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

from headway.adapters.history import Past
from headway.adapters.today import today
from headway.errors import InvalidSpec, Refused, Unavailable
from headway.releases.decision import Asked, Decision, Reason, decide
from headway.releases.history import History
from headway.releases.levels import Level
from headway.releases.lines import Line, line_of_branch, naming
from headway.releases.policy import Api, Policy

_FILE = "headway.yaml"


def decided(at: Path | None, revision: str, asked: Asked) -> tuple[Decision, str | None]:
    """The decision, and why there is none if the question could not be answered."""
    try:
        past = Past(at or Path(), revision)
        folder = past.place.folder if at is not None else ""
        policy = _policy(past.place.top)
        asked = replace(asked, line=asked.line or _line(past, revision))
        history = past.history(naming(folder, None if folder else policy.tag), asked.line, folder)
    except Refused as error:
        return Decision(None, None, Level.NONE, (), refused=str(error)), None
    now = today()
    try:
        findings, notes = _compared(past, history, policy, now)
    except Unavailable as error:
        # Not knowing is not a patch: without the comparison there is no answer.
        told = decide(history, policy, now, asked)
        return replace(told, next=None, level=Level.NONE, because=(Reason(Level.NONE, "undecided", str(error), ""),)), str(error)
    told = decide(history, policy, now, asked, findings)
    return replace(told, notes=(*told.notes, *notes)), None


def _policy(top: Path | None) -> Policy:
    """What headway.yaml says of versions, if there is one and it does."""
    try:
        text = (top / _FILE).read_bytes() if top else b""
    except FileNotFoundError:
        return Policy()
    except OSError as error:
        raise InvalidSpec(f"{top}/{_FILE}: cannot be read: {error.strerror}") from error
    if b"versions" not in text:  # reading YAML takes longer than everything else here
        return Policy()
    from headway.spec.versions import read_versions

    return read_versions(text, _FILE)


def _line(past: Past, revision: str) -> Line | None:
    branch = past.place.branch if revision == "HEAD" else revision
    return line_of_branch(branch) if branch else None


def _compared(past: Past, history: History, policy: Policy, now: date) -> tuple[Sequence[Reason], Sequence[str]]:
    if history.last is None or (policy.api == Api() and policy.migrations is None):
        return (), ()
    from headway.adapters.comparing import compared

    found = compared(past, history.last.commit, history.head, policy, now)
    return found.reasons, found.notes
