"""What does a commit's message say? Conventional Commits 1.0.0, to the letter.

    <type>[(scope)][!]: <description>

    [body]

    [footers: `Token: value` or `Token #value`, one blank line after the body]

Type, scope and tokens are read without regard to case; `BREAKING CHANGE` (or `BREAKING-CHANGE`) only in capitals, only as a footer, only
before a colon and a blank. The value of a footer ends where the next token begins. Prose that mentions a breaking change is prose.
"""

import re
from dataclasses import dataclass, replace
from functools import cached_property

HEADER = re.compile(r"([^\s():!]+)(?:\(([^()\r\n]*[^()\s][^()\r\n]*)\))?(!)?: +(\S.*)")
_TOKEN = re.compile(r"(BREAKING CHANGE|[A-Za-z0-9][A-Za-z0-9-]*)(: | (?=#))(.*)")
_OPEN = re.compile(r"(BREAKING[ -]CHANGE):[ \t]*$")
"""What it breaks may stand on the lines below: git takes the blank away from the end of this one."""
_DRAFT = re.compile(r"(?:fixup|squash|amend)! ")
_REVERTS = re.compile(r"^This reverts commit ([0-9a-f]{7,64})\b(?:, reversing\s+changes made to ([0-9a-f]{7,64})\b)?", re.MULTILINE)
_REVERT = re.compile(r"(?:Revert|Reapply) \"(.*)\"(?: \(#[0-9]+\))?")
BREAKING = frozenset({"BREAKING CHANGE", "BREAKING-CHANGE"})


@dataclass(frozen=True, slots=True)
class Footer:
    """One footer. `token` as it was written."""

    token: str
    value: str
    hashed: bool = False
    """Written `Token #value`."""


@dataclass(frozen=True)
class Message:
    """A commit's message that follows the convention."""

    type: str
    """In small letters."""
    scope: str | None
    description: str
    marked: bool
    """`!` before the colon."""
    rest: str

    @cached_property
    def footers(self) -> tuple[Footer, ...]:
        """In the order of the message."""
        return footers(self.rest)

    @cached_property
    def breaking(self) -> tuple[str, ...]:
        """What it breaks: one sentence for each; empty if nothing."""
        told = breaking(self.footers)
        return told or ((self.description,) if self.marked else ())

    def value(self, token: str) -> str | None:
        """The last value under this token, whatever its case."""
        return next((footer.value for footer in reversed(self.footers) if footer.token.lower() == token.lower()), None)


def parse(message: str) -> Message | None:
    """The message as the convention reads it; None if it does not follow the convention."""
    found = HEADER.match(message)
    if found is None:
        return None
    type_, scope, mark, description = found.groups()
    return Message(type_.lower(), scope.strip() if scope else None, description.rstrip(), mark is not None, message[found.end() :])


def title(message: str) -> str:
    """The first line."""
    return message.split("\n", 1)[0].strip()


def footers(message: str) -> tuple[Footer, ...]:
    """The footers of what follows the first line. They begin after a blank line, with a token; from there on, tokens separate them."""
    lines = message.replace("\r\n", "\n").split("\n")[1:]
    found: list[Footer] = []
    blank = False
    for line in lines:
        token = _TOKEN.match(line) if blank or found else None
        if token and token[3].strip():
            found.append(Footer(token[1], token[3].strip(), hashed=token[2] == " "))
        elif (blank or found) and (opened := _OPEN.match(line)):
            found.append(Footer(opened[1], ""))
        elif found and line.strip():
            found[-1] = replace(found[-1], value=f"{found[-1].value}\n{line.strip()}".lstrip("\n"))
        blank = not line.strip()
    return tuple(found)


def breaking(found: tuple[Footer, ...]) -> tuple[str, ...]:
    """What breaking-change footers tell; `BREAKING CHANGE #12` is none, for the convention wants a colon."""
    return tuple(footer.value for footer in found if footer.token in BREAKING and footer.value and not footer.hashed)


def is_draft(message: str) -> bool:
    """`fixup!`, `squash!` and `amend!` commits are meant to disappear into another."""
    return _DRAFT.match(message) is not None


def reverts(message: str) -> tuple[tuple[str, str | None], ...]:
    """What `git revert` wrote down: the commit and, for a merge, the side that was kept; and what a `revert:` names in its `Refs`."""
    found = [(commit, kept or None) for commit, kept in _REVERTS.findall(message)]
    said = parse(message)
    if said is not None and said.type == "revert":
        # The convention's own recommendation: `revert: …` with `Refs: 676104e, a215868`.
        refs = " ".join(footer.value for footer in said.footers if footer.token.lower() == "refs")
        found += [(commit, None) for commit in re.findall(r"\b[0-9a-f]{7,64}\b", refs)]
    return tuple(dict.fromkeys(found))


def is_revert(message: str) -> bool:
    """Whether the title says that something is taken back, or back in."""
    said = parse(message)
    return _REVERT.fullmatch(title(message)) is not None or (said is not None and said.type == "revert")


def reverted_title(message: str) -> str | None:
    """The title of what a revert takes back, as far as its own title tells."""
    if found := _REVERT.fullmatch(title(message)):
        return found[1] if not title(message).startswith("Reapply") else f'Revert "{found[1]}"'
    said = parse(message)
    return said.description if said is not None and said.type == "revert" else None


def returning_title(message: str) -> str | None:
    """The title of what a revert of a revert brings back; None if this is none."""
    before = reverted_title(message)
    return reverted_title(before) if before is not None and is_revert(before) else None
