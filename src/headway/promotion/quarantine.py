"""Does this release still contain what was rolled back?"""

from collections.abc import Sequence

from headway.promotion.model import Candidate, Objection, Quarantine, Suspicion


def objections(candidate: Candidate, suspicions: Sequence[Suspicion]) -> tuple[Objection, ...]:
    """One for each quarantine that this release neither leaves behind nor answers."""
    return tuple(Objection(_text(candidate, suspicion)) for suspicion in suspicions if _stands(candidate, suspicion))


def _stands(candidate: Candidate, suspicion: Suspicion) -> bool:
    # The same release again cannot bring its own fix, whatever a commit of it claims.
    return _itself(candidate, suspicion) or (suspicion.contained and suspicion.answered_by is None)


def _text(candidate: Candidate, suspicion: Suspicion) -> str:
    quarantine = suspicion.quarantine
    why = "; ".join(quarantine.why) or "no reason was recorded"
    clear = f"headway release clear {quarantine.release} --why REASON"
    if _itself(candidate, suspicion):
        return (
            f"{quarantine.release} is in quarantine: it was rolled back in {quarantine.environment} ({why}); "
            f"cut a release with a fix, or, if it was not to blame: {clear}"
        )
    return (
        f"{candidate.version} still contains {quarantine.release} ({_suspects(quarantine)}), which was rolled back "
        f"in {quarantine.environment} ({why}); revert it, or name the fix in a commit with the trailer "
        f"`Fixes: {_short(quarantine.commit)}`, or, if it was not to blame: {clear}"
    )


def _itself(candidate: Candidate, suspicion: Suspicion) -> bool:
    return suspicion.quarantine.release == candidate.release


def _suspects(quarantine: Quarantine) -> str:
    """As one says it to git."""
    return _short(quarantine.commit) if quarantine.since is None else f"{_short(quarantine.since)}..{_short(quarantine.commit)}"


def _short(commit: str) -> str:
    return commit[:10]
