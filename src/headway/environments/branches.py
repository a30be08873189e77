"""Environments that belong to a branch: how they are called, and how long they live."""

import hashlib
import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from headway.environments.model import Place

SEPARATOR = "."
"""No declared environment has it in its name, and every platform takes it in one."""
OWN = "branch:"
"""How the reference to the database of a branch's own environment begins; no file can say it."""
LONGEST = 24
_PULL = re.compile(r"refs/[a-z-]+/([0-9]+)/[a-z]+")
_MARKED = re.compile(r"(^|-)[0-9a-f]{6}$")
_PULL_NAME = re.compile(r"pr/[0-9]+")


@dataclass(frozen=True, slots=True)
class PerBranch:
    """Each branch gets an environment of its own: at most `limit` run at a time, and one that nobody pushed to for `idle` seconds stops."""

    limit: int = 10
    idle: float = 7 * 86400.0


class State(Enum):
    """What became of a branch's environment."""

    OPEN = "open"
    STOPPED = "stopped"
    """Nobody pushed for long: nothing runs, everything is kept, and the next push starts it again."""
    LEAVING = "leaving"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class BranchEnvironment:
    """One service in the environment of one branch. `pushed` is when the branch last moved, `why` what its state is due to."""

    place: Place
    ref: str
    state: State
    created: datetime
    pushed: datetime
    commit: str
    why: str = ""
    host: str = ""

    @property
    def shared(self) -> str:
        """The environment of the file that it is made from."""
        return shared_of(self.place.environment)


@dataclass(frozen=True, slots=True)
class Fate:
    """What should become of it now, and why."""

    state: State
    why: str = ""


def environment_of(shared: str, ref: str) -> str:
    """The environment of this branch or pull request: `dev.feature-x`, `dev.pr-7`; never that of another one.

    A branch whose name says more than that, or could be told from another one only with difficulty, gets a mark at its end.
    """
    pull = _PULL.fullmatch(ref)
    if pull is not None:
        return f"{shared}{SEPARATOR}pr-{pull[1]}"
    slug = re.sub(r"[^a-z0-9]+", "-", ref.lower()).strip("-")
    plain = ref in {slug.replace("-", "/", 1), slug.replace("-", "")} and not (_PULL_NAME.fullmatch(ref) or _MARKED.search(slug))
    if plain and len(slug) <= LONGEST:
        return f"{shared}{SEPARATOR}{slug}"
    mark = hashlib.sha256(ref.encode("utf-8", "surrogateescape")).hexdigest()[:6]
    name = f"{slug[:LONGEST].strip('-')}-{mark}".strip("-")
    return f"{shared}{SEPARATOR}{name}"


def shared_of(environment: str) -> str:
    """The environment of the file that this one is, or is made from."""
    return environment.partition(SEPARATOR)[0]


def of_a_branch(environment: str) -> bool:
    """Whether this is a branch's own environment."""
    return SEPARATOR in environment


def own(environment: str, reference: str) -> str:
    """The reference to this environment's own database, which is beside the one that the file's reference names."""
    return f"{OWN}{environment}:{reference}"


def own_database(reference: str) -> tuple[str, str] | None:
    """Whose own database this is, and the file's reference; None if it is nobody's own."""
    if not reference.startswith(OWN):
        return None
    environment, _, rest = reference.removeprefix(OWN).partition(":")
    return environment, rest


def room(rules: PerBranch, shared: str, service: str, there: Collection[BranchEnvironment]) -> str | None:
    """Why no further environment of this service may run; None when one may."""
    running = sorted(
        one.ref for one in there if one.state in {State.OPEN, State.LEAVING} and (one.place.service, one.shared) == (service, shared)
    )
    if len(running) < rules.limit:
        return None
    first = f"{shared} has the environments of {len(running)} branches, of {rules.limit} (per_branch: limit)"
    return f"{first}; delete or merge one of {', '.join(running[:5])}{' ...' if len(running) > 5 else ''}"


def fate(
    one: BranchEnvironment, rules: PerBranch | None, *, head: str | None, merged: bool, asked: datetime | None, busy: bool, now: datetime
) -> Fate:
    """What should become of an environment that has not ended.

    `head` is where the branch points now, None when it is gone; `merged`: the protected branch has all of it. `asked` is when somebody
    last asked for a rollout there, `busy` whether one waits or is under way.
    """
    if one.state is State.LEAVING:
        return Fate(State.LEAVING, one.why)
    if rules is None:
        return Fate(State.LEAVING, f"{one.shared} is no longer an environment for each branch")
    if head is None:
        return Fate(State.LEAVING, f"{one.ref} is gone")
    if merged:
        return Fate(State.LEAVING, f"{one.ref} is merged")
    last = max(one.pushed, asked or one.pushed)
    idle = now - last >= timedelta(seconds=rules.idle)
    if one.state is State.STOPPED and (busy or not idle):  # also of a rollout that was over before anybody looked
        return Fate(State.OPEN, "somebody asked for a release here")
    if one.state is State.OPEN and idle and not busy:
        return Fate(State.STOPPED, f"nothing was pushed since {last:%Y-%m-%d %H:%M} UTC; the next push starts it again")
    return Fate(one.state, one.why)
