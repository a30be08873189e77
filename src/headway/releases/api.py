"""What has changed for those who use an interface, and which level does each change require?

Removal or narrowing is major, addition or deprecation at least minor. A waiver takes a finding out, with a reason and for a time.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from headway.releases.levels import Level
from headway.releases.policy import Waiver


@dataclass(frozen=True, slots=True)
class Finding:
    """One change of an interface."""

    level: Level
    subject: str
    """What a waiver names: a symbol such as `tally.votes.count`, an operation such as `GET /votes`."""
    what: str
    where: str
    """The file."""

    @property
    def text(self) -> str:
        """For people."""
        return f"{self.subject}: {self.what}"


@dataclass(frozen=True, slots=True)
class Waived:
    """The findings that count, and what is to be said of those that do not."""

    findings: tuple[Finding, ...]
    notes: tuple[str, ...]


def waived(found: Iterable[Finding], waivers: Mapping[str, Waiver], today: date) -> Waived:
    """Leave out what is waived today. A waiver that has run out, or that nothing needs, is said."""
    counted: list[Finding] = []
    used: dict[str, None] = {}
    for finding in found:
        waiver = waivers.get(finding.subject)
        if waiver is None or today > waiver.until:
            counted.append(finding)
        if waiver is not None:
            used[finding.subject] = None
    return Waived(tuple(counted), tuple(_notes(waivers, used, today)))


def _notes(waivers: Mapping[str, Waiver], used: Iterable[str], today: date) -> Sequence[str]:
    needed = set(used)
    notes = []
    for subject, waiver in waivers.items():
        if subject not in needed:
            notes.append(f"the waiver for {subject} is not needed any more")
        elif today > waiver.until:
            notes.append(f"the waiver for {subject} ran out on {waiver.until}: the finding counts")
        else:
            notes.append(f"{subject} is waived until {waiver.until}: {waiver.reason}")
    return notes
