"""Several branches share an environment: may one that lacks what runs there take its place, and may its database be made anew for that?"""

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


def spared(stage: Stage) -> str | None:
    """Why the stage's database is never made anew; None where it may be. The file's reader asks too, but a policy may add approvals."""
    name = stage.environment.name
    if stage.environment.database is None:
        return f"{name} names no database for {stage.service}"
    if stage.environment.data != "synthetic":
        return f"the data of {name} is real: only an environment that says `data: synthetic` can have it made anew"
    if stage.after:
        return f"{name} comes after {', '.join(stage.after)}: only the first environment of the way can have its data made anew"
    if stage.approvals.needed or stage.also or stage.advisory is not None:
        return f"{name} needs people's approval: its data is never made anew"
    return None
