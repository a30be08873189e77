"""What does a commit's message say of other commits? What it reverts, what it fixes, its trailers."""

import re
from collections.abc import Mapping

_REVERTS = re.compile(r"^This reverts commit ([0-9a-f]{7,64})\b", re.MULTILINE)
_TRAILER = re.compile(r"^([A-Za-z][A-Za-z0-9-]*)\s*:\s+(\S.*)$")
_COMMIT = re.compile(r"[0-9a-f]{7,64}")
_RELEASE = re.compile(r"(?:[\w.-]+@)?v?\d+\.\d+\.\d+(?:[-+][0-9A-Za-z.+-]+)?")


def reverts(message: str) -> tuple[str, ...]:
    """The commits that `git revert` wrote down; prose in the middle of a line does not count."""
    return tuple(dict.fromkeys(_REVERTS.findall(message)))


def trailers(message: str) -> Mapping[str, str]:
    """The `Key: value` lines of the last paragraph, keys in small letters; what is given twice has one line for each.

    Lines of another shape (`Refs #12`) may stand between them; a line that begins with a blank goes on with the one before.
    """
    paragraphs = re.split(r"\n[ \t]*\n", message.replace("\r\n", "\n").strip())
    found: dict[str, str] = {}
    if len(paragraphs) < 2:
        return found
    last = None
    for line in paragraphs[-1].splitlines():
        if match := _TRAILER.match(line):
            last, value = match[1].lower(), match[2].strip()
            found[last] = f"{found[last]}\n{value}" if last in found else value
        elif last is not None and line[:1].isspace():
            found[last] += " " + line.strip()
        else:
            last = None
    return found


def fixes(found: Mapping[str, str]) -> tuple[str, ...]:
    """The commits and releases that `Fixes:` names, as in `Fixes: 1a2b3c4 ("the title")` or `Fixes: tally@1.4.0`; no issue numbers."""
    text = re.sub(r"\(.*?\)|\"[^\"\n]*\"", " ", found.get("fixes", ""))
    words = (word.strip(".;") for word in re.split(r"[\s,]+", text))
    return tuple(dict.fromkeys(word for word in words if _COMMIT.fullmatch(word) or _RELEASE.fullmatch(word)))
