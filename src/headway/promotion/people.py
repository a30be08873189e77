"""Who is who, while names are what the caller says they are."""

import re


def same_person(one: str, other: str) -> bool:
    """Do these name the same person? `Bob <bob@x>`, `bob@x`, `bob` and `Bob` do: nobody approves their own work by spelling."""
    return bool(_names(one) & _names(other))


def _names(person: str) -> frozenset[str]:
    whole = person.strip().casefold()
    found = re.fullmatch(r"(?P<name>[^<]*)<(?P<mail>[^>]*)>", whole)
    parts = [found["name"].strip(), found["mail"].strip()] if found else [whole]
    mailboxes = [part.partition("@")[0] for part in parts if "@" in part]
    return frozenset(part for part in (*parts, *mailboxes) if part)
