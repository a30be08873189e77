"""Who is who, while names are what the caller says they are."""

import re
from collections.abc import Iterable
from unicodedata import normalize


def same_person(one: str, other: str) -> bool:
    """Do these name the same person? `Bob <bob@x>`, `bob@x`, `bob` and `Bob` do: nobody approves their own work by spelling."""
    return bool(_names(one) & _names(other))


def distinct(people: Iterable[str]) -> tuple[str, ...]:
    """One name for each person, sorted. Who shares a name with two others makes them one: better one person too few than one too many."""
    groups: list[list[str]] = []
    for name in sorted(set(people)):
        same = [group for group in groups if any(same_person(name, other) for other in group)]
        groups = [group for group in groups if group not in same] + [[*(other for group in same for other in group), name]]
    return tuple(sorted(min(group, key=lambda name: (len(name.strip()), name)).strip() for group in groups))


def _names(person: str) -> frozenset[str]:
    # As people read it: no capital letter, wide letter or second blank makes a second person.
    whole = " ".join(normalize("NFKC", person).casefold().split())
    found = re.fullmatch(r"(?P<name>[^<]*)<(?P<mail>[^>]*)>", whole)
    parts = [found["name"].strip(), found["mail"].strip()] if found else [whole]
    mailboxes = [part.partition("@")[0] for part in parts if "@" in part]
    return frozenset(part for part in (*parts, *mailboxes) if part)
