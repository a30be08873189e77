"""What does a release bring, in the words of its commits, for those who read a changelog?

`CHANGELOG.md` keeps the form of Keep a Changelog 1.1.0: an `Unreleased` section, then one section a version with Added, Changed,
Deprecated, Removed, Fixed and Security. What people wrote stays as they wrote it, wherever it stands: lines are only ever added, each
with the commit it came from in a comment, so that a line which a person reworded, moved or cut to its comment is not added again.
"""

import re
from bisect import bisect
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from headway.releases.conventional import is_revert, parse, reverted_title, title
from headway.releases.history import Change
from headway.releases.levels import Level
from headway.releases.policy import Policy
from headway.releases.unreleased import NOTHING, unreleased

SECTIONS = ("Added", "Changed", "Deprecated", "Removed", "Fixed", "Security")
HEAD = (
    "# Changelog\n\nAll notable changes, in the form of [Keep a Changelog](https://keepachangelog.com/en/1.1.0/); "
    "versions by [Semantic Versioning](https://semver.org/spec/v2.0.0.html).\n"
)
_OF_TYPE: Mapping[str, str] = {"feat": "Added", "fix": "Fixed", "perf": "Changed", "security": "Security", "deprecate": "Deprecated"}
_VERSION = re.compile(r"^## +\[?([^\]\s]+)\]?.*$", re.MULTILINE)
_FENCE = re.compile(r"^ {0,3}(```+|~~~+)", re.MULTILINE)
_LINKS = re.compile(r"(?:^\[[^\]\n]+\]: \S.*\n?|^[ \t]*\n)+\Z", re.MULTILINE)
"""Where the file ends with what its links mean."""
_SECTION = re.compile(r"^### +(\S.*?) *$")
_COMMIT = re.compile(r"<!-- ([0-9a-f]{7,64}) -->")


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a changelog."""

    section: str
    text: str
    commit: str
    breaking: tuple[str, ...] = ()
    """What it breaks, for whoever must act on it."""
    scope: str | None = None
    type: str = ""


def entries(
    changes: Sequence[Change], policy: Policy, inside: Mapping[str, str] = NOTHING, absent: frozenset[str] = frozenset()
) -> tuple[Entry, ...]:
    """What users notice of these commits, oldest first: what counts for the version, and nothing that never reached them."""
    weighed = unreleased(changes, policy, inside, absent)
    levels = {one.id: one.level for one in weighed.counted}
    return tuple(_entry(change, levels[change.id]) for change in reversed(changes) if change.id in levels)


def _entry(change: Change, level: Level) -> Entry:
    said = parse(change.message)
    if is_revert(change.message):
        return Entry("Removed", f"Taken back: {reverted_title(change.message) or title(change.message)}", change.id, type="revert")
    if said is None:
        return Entry("Changed", title(change.message), change.id, ("see the commit",) if level is Level.MAJOR else ())
    section = "Changed" if said.breaking and said.type != "fix" else _OF_TYPE.get(said.type, "Changed")
    return Entry(section, _sentence(said.description), change.id, said.breaking, said.scope, said.type)


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def release(old: str, version: str, on: date, found: Iterable[Entry]) -> str:
    """The changelog with a section for this version: what stood under Unreleased moves into it, what is missing is added."""
    text = old.replace("\r\n", "\n") if old.strip() else f"{HEAD}\n## [Unreleased]\n"
    new = _with(_begun(text, version, on), version, found)
    return new.replace("\n", "\r\n") if "\r\n" in old else new


def _begun(text: str, version: str, on: date) -> str:
    """The file with a heading of this version."""
    headings = _headings(text)
    if any(_names(match, version) for match in headings):
        return text  # cut before, or written by hand: only what is missing
    heading = f"## [{version}] - {on.isoformat()}"
    waiting = next((match for match in headings if match[1].lower() == "unreleased"), None)
    if waiting is not None:
        at = waiting.end()
        return f"{text[:at]}\n\n{heading}{text[at:]}"
    at = headings[0].start() if headings else _end(text)
    before = text[:at].rstrip("\n")
    return f"{before}\n\n## [Unreleased]\n\n{heading}\n\n{text[at:]}"


def _headings(text: str) -> Sequence[re.Match[str]]:
    """The headings of versions; what stands in a block of code is an example."""
    fences = [match.start() for match in _FENCE.finditer(text)]
    return [match for match in _VERSION.finditer(text) if bisect(fences, match.start()) % 2 == 0]


def _names(match: re.Match[str], version: str) -> bool:
    return match[1].removeprefix("v") == version


def _end(text: str) -> int:
    """Where the last section ends."""
    links = _LINKS.search(text)
    return links.start() if links is not None else len(text)


def _with(text: str, version: str, found: Iterable[Entry]) -> str:
    """Add the lines that are not in the whole file yet to the section of this version."""
    there = set(_COMMIT.findall(text))
    missing = [entry for entry in found if not any(entry.commit.startswith(one) for one in there)]
    headings = _headings(text)
    heading = next(match for match in headings if _names(match, version))
    after = next((match.start() for match in headings if match.start() > heading.start()), max(_end(text), heading.end()))
    body = text[heading.end() : after].strip("\n").split("\n") if text[heading.end() : after].strip() else []
    for entry in missing:
        body = _added(body, entry)
    tail = text[after:].lstrip("\n")
    whole = f"{text[: heading.end()]}\n\n" + ("\n".join(body) + "\n" if body else "")
    return f"{whole}\n{tail}" if tail and body else (whole + tail).rstrip("\n") + "\n"


def _added(body: list[str], entry: Entry) -> list[str]:
    line = f"- {_line(entry)} <!-- {entry.commit[:10]} -->"
    starts = {found[1]: place for place, text in enumerate(body) if (found := _SECTION.match(text))}
    if entry.section in starts:
        begin = starts[entry.section]
        end = next((place for place in sorted(starts.values()) if place > begin), len(body))
        while end > begin + 1 and not body[end - 1].strip():
            end -= 1
        return [*body[:end], *([""] if end == begin + 1 else []), line, *body[end:]]
    later = [starts[name] for name in SECTIONS[SECTIONS.index(entry.section) + 1 :] if name in starts]
    at = min(later, default=len(body))
    head, tail = body[:at], body[at:]
    while head and not head[-1].strip():
        head.pop()
    return [*head, *([""] if head else []), f"### {entry.section}", "", line, *([""] if tail else []), *tail]


def _line(entry: Entry) -> str:
    scope = f"**{entry.scope}:** " if entry.scope else ""
    broken = f" **Breaking:** {' '.join(' '.join(entry.breaking).split())}" if entry.breaking else ""
    return f"{scope}{entry.text}{broken if entry.breaking != (entry.text,) else ' **Breaking.**'}"


def notes(found: Sequence[Entry], audience: str) -> str:
    """The same release for one audience: `users` read what they can notice, `operators` what they must act on, `developers` everything."""
    match audience:
        case "operators":
            acted = [entry for entry in found if entry.breaking or entry.section in {"Removed", "Deprecated", "Security"}]
            return _listed(acted) or "Nothing to act on.\n"
        case "developers":
            return "".join(f"- {_line(entry)} ({entry.commit[:10]})\n" for entry in found) or "Nothing.\n"
        case "users":
            return _listed(found) or "Nothing that you would notice.\n"
        case _:
            raise ValueError(f"notes are for users, operators or developers, not for {audience!r}")


def _listed(found: Sequence[Entry]) -> str:
    parts = []
    for section in SECTIONS:
        lines = [f"- {_line(entry)}" for entry in found if entry.section == section]
        if lines:
            parts.append(f"### {section}\n\n" + "\n".join(lines) + "\n")
    return "\n".join(parts)
