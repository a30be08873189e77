"""Do two environments differ where they should, and only there?

What is declared as differing is intended; whatever else differs is drift: somebody forgot one of the two.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from headway.environments.configuration import Resolved


@dataclass(frozen=True, slots=True)
class Unlike:
    """A variable that is not the same in two environments. None: it is not there. A secret shows as its reference, never as its value."""

    name: str
    before: str | None
    after: str | None
    origins: tuple[str | None, str | None]
    intended: bool
    why: str


def unlike(before: Resolved, after: Resolved, differs: Collection[str]) -> tuple[Unlike, ...]:
    """What is not the same, drift first; `differs` are the variables of which the file says that they shall differ."""
    return tuple(sorted(_unlike(before, after, differs), key=lambda one: (one.intended, one.name)))


def _unlike(before: Resolved, after: Resolved, differs: Collection[str]) -> Iterator[Unlike]:
    for name in sorted(before.origins.keys() | after.origins.keys()):
        old, new = shown(before, name), shown(after, name)
        if old != new:
            intended, why = _judged(before, after, name, differs)
            yield Unlike(name, old, new, (before.origins.get(name), after.origins.get(name)), intended, why)


def _judged(before: Resolved, after: Resolved, name: str, differs: Collection[str]) -> tuple[bool, str]:
    secret = [name in one.configuration.secrets for one in (before, after)]
    there = [name in one.origins for one in (before, after)]
    if name in differs:
        return True, "declared under differs"
    if not all(there):
        return False, "only one of the two has it"
    if all(secret):
        return True, "each has a secret of its own"
    if any(secret):
        return False, "a secret in one of the two, in plain sight in the other"
    return False, "not declared under differs"


def shown(of: Resolved, name: str) -> str | None:
    """The variable as it may be shown."""
    if name in of.configuration.secrets:
        return f"secret {of.configuration.secrets[name]}"
    return of.configuration.values.get(name)
