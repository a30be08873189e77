"""CalVer: the date gives the number, and a counter tells the releases of one period apart. Without zeros in front, so that it is SemVer."""

from datetime import date

from headway.releases.levels import Level
from headway.releases.version import Version


def dated(pattern: str, last: Version | None, today: date, level: Level) -> Version:
    """The version of today. Within the period of the last release its counter goes up."""
    year = today.year if pattern.startswith("YYYY.") else today.year % 100
    if ".MM." in pattern:
        same = last is not None and (last.major, last.minor) == (year, today.month)
        return Version(year, today.month, last.patch + 1 if same and last else 0)
    if last is None or last.major != year:
        return Version(year, 0, 0)
    return last.raised(min(level, Level.MINOR))
