"""Several branches share an environment: may one that lacks what runs there take its place?"""

from headway.promotion.model import Candidate, Objection, Stage


def objections(candidate: Candidate, stage: Stage) -> tuple[Objection, ...]:
    """One where the stage refuses it. It waits: what runs there may be replaced, or merged, and then nothing is lacking."""
    if stage.diverged != "refuse" or candidate.lacks is None:
        return ()
    where = stage.environment.name
    return (
        Objection(
            f"{candidate.version} lacks commits of {candidate.lacks}, which runs in {where} (diverged: refuse); merge them, or wait until "
            f"{where} runs something that {candidate.version} contains"
        ),
    )
