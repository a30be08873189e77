"""What `headway version next` answers, and how it says it. Knows nothing of the command line's library: see start.py."""

import sys
from pathlib import Path

from headway.cli.deciding import decided
from headway.cli.exits import DONE, REFUSED, TROUBLE
from headway.cli.start import every_letter
from headway.releases.decision import Asked, Decision, Reason
from headway.releases.levels import Level
from headway.releases.lines import Line


def answer(as_json: bool, explain: bool, channel: str | None, path: Path | None, line: Line | None, revision: str) -> int:
    """Decide, say it, and how it came out."""
    decision, undecided = decided(path, revision, Asked(channel, line))
    if explain:
        # With --json, standard output is for the object alone.
        (sys.stderr if as_json else sys.stdout).write("".join(f"{told}\n" for told in _tree(decision)))
    if as_json:
        import json

        sys.stdout.write(json.dumps(_view(decision), indent=2, ensure_ascii=not every_letter()) + "\n")
    elif not explain:
        _say(decision, undecided)
    if undecided is not None:
        return TROUBLE
    return REFUSED if decision.refused is not None else DONE


def _view(decision: Decision) -> dict[str, object]:
    return {
        "current": str(decision.current) if decision.current else None,
        "next": str(decision.next) if decision.next else None,
        "level": decision.level.value,
        "because": [
            {"level": reason.level.value, "kind": reason.kind, "what": reason.what, "where": reason.where} for reason in decision.because
        ],
        "refused": decision.refused,
    }


def _say(decision: Decision, undecided: str | None) -> None:
    """The version alone on standard output, for scripts; why, for people."""
    if decision.next is not None:
        sys.stdout.write(f"{decision.next}\n")
    sys.stderr.write("".join(f"{told}\n" for told in (_answer(decision, undecided), *_reasons(decision))))


def _answer(decision: Decision, undecided: str | None = None) -> str:
    if undecided is not None:
        return f"undecided: {undecided}"
    if decision.refused is not None:
        return f"refused: {decision.refused}"
    if decision.next is None:
        return f"nothing to release since {decision.current}" if decision.current else "nothing to release"
    return f"{decision.level.value}: {decision.current or 'nothing'} -> {decision.next}"


def _reasons(decision: Decision) -> list[str]:
    return [f"  {reason.level.value}  {reason.kind}  {reason.what}  {_short(reason.where)}".rstrip() for reason in decision.because]


def _short(where: str) -> str:
    """Commits by their first letters, everything else whole."""
    return where[:10] if len(where) in (40, 64) and where.isalnum() else where


QUESTIONS = {
    Level.MAJOR: "does it break what users rely on?",
    Level.MINOR: "does it give them anything new?",
    Level.PATCH: "does it repair anything?",
}


def _tree(decision: Decision) -> list[str]:
    """The decision from its beginning: what was looked at, each question with what answers it, what came out."""
    lines = [f"├─ {note}" for note in decision.notes]
    asked = [] if any(reason.kind in {"policy", "undecided"} for reason in decision.because) else list(QUESTIONS)
    for level in asked:
        found = [reason for reason in decision.because if reason.level is level]
        if found:
            lines.append(f"├─ {QUESTIONS[level]} yes, {level.value}")
            lines += [f"│  {'└' if reason is found[-1] else '├'}─ {_why(reason)}" for reason in found]
        elif all(reason.level < level for reason in decision.because):
            lines.append(f"├─ {QUESTIONS[level]} no")
    if not asked:
        lines += [f"├─ {reason.level.value}: {_why(reason)}" for reason in decision.because]
    return [*lines, f"└─ {_answer(decision)}"]


def _why(reason: Reason) -> str:
    return f"{reason.what} ({f'{reason.kind} {_short(reason.where)}'.strip()})"
