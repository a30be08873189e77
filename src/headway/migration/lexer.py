"""SQL as words, so that rules need not guess from text.

Only words and their places are needed, never a tree. sqlparse splits inside PostgreSQL's nested comments and knows no dialects;
sqlglot turns each statement that it does not know, and migrations are full of those, into one opaque string.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

from headway.migration.model import Dialect


class Sort(Enum):
    """What a token is."""

    WORD = "word"
    QUOTED = "quoted"
    TEXT = "text"
    NUMBER = "number"
    PARAMETER = "parameter"
    MARK = "mark"
    COMMENT = "comment"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class Token:
    """One word, name, string, number, mark or comment, and where it stands (lines count from 1)."""

    sort: Sort
    text: str
    start: int
    line: int

    @property
    def word(self) -> str:
        """The keyword it may be, in capitals; empty for everything that is quoted."""
        return self.text.upper() if self.sort is Sort.WORD or self.sort is Sort.MARK else ""

    @property
    def name(self) -> str:
        """The identifier it may be, as the database folds it."""
        if self.sort is Sort.QUOTED:
            return self.text[1:-1].replace(self.text[0] * 2, self.text[0])
        return self.text.lower()


@dataclass(frozen=True, slots=True)
class Statement:
    """Tokens without comments, the text they came from, and the line of the first."""

    tokens: tuple[Token, ...]
    text: str
    line: int
    words: tuple[str, ...]
    """The tokens as keywords, empty for what is none."""

    def begins(self, *words: str) -> bool:
        """Does it begin with these keywords?"""
        return self.words[: len(words)] == words


_COMMON = r"""
  (?P<space>\s+)
| (?P<comment>--[^\n]*)
| (?P<block>/\*)
| (?P<escaped>[eE]'(?:[^'\\]|''|\\.)*')
| (?P<text>(?:[bBxXnN]|[uU]&)?'[^']*(?:''[^']*)*')
| (?P<quoted>"[^"]*(?:""[^"]*)*")
| (?P<cast>::)
| (?P<parameter>:[A-Za-z_]\w*)
| (?P<number>\d[\w.]*)
| (?P<word>[^\W\d][\w$]*)
"""
_TOKENS = {
    Dialect.POSTGRES: re.compile(_COMMON + r"| (?P<dollar>\$(?:[^\W\d]\w*)?\$) | (?P<mark>.)", re.VERBOSE | re.DOTALL),
    Dialect.SQLITE: re.compile(_COMMON + r"| (?P<bracket>\[[^\]]*\]|`[^`]*(?:``[^`]*)*`) | (?P<mark>.)", re.VERBOSE | re.DOTALL),
}
_SORTS = {
    "comment": Sort.COMMENT,
    "escaped": Sort.TEXT,
    "text": Sort.TEXT,
    "quoted": Sort.QUOTED,
    "bracket": Sort.QUOTED,
    "parameter": Sort.PARAMETER,
    "number": Sort.NUMBER,
    "word": Sort.WORD,
    "cast": Sort.MARK,
    "mark": Sort.MARK,
}


def tokens(sql: str, dialect: Dialect, line: int = 1) -> Iterator[Token]:
    """Every token, comments too. What never ends is one broken token up to the end."""
    match, at, most = _TOKENS[dialect].match, 0, len(sql)
    counted = 0  # lines are counted up to here
    while at < most:
        found = match(sql, at)
        assert found is not None  # the last alternative takes any character
        group, end = found.lastgroup or "mark", found.end()
        if group == "space":
            at = end
            continue
        sort = _SORTS.get(group, Sort.MARK)
        if group == "block":
            sort, end = _block(sql, at, nested=dialect is Dialect.POSTGRES)
        elif group == "dollar":
            closed = sql.find(found[0], end)
            sort, end = (Sort.TEXT, closed + len(found[0])) if closed >= 0 else (Sort.BROKEN, most)
        elif group == "mark" and found[0] in "'\"`":
            sort, end = Sort.BROKEN, most
        line += sql.count("\n", counted, at)
        counted = at
        yield Token(sort, sql[at:end], at, line)
        at = end


def _block(sql: str, at: int, *, nested: bool) -> tuple[Sort, int]:
    depth, look = 1, at + 2
    marks = re.compile(r"/\*|\*/" if nested else r"\*/")
    while depth:
        found = marks.search(sql, look)
        if found is None:
            return Sort.BROKEN, len(sql)
        depth += 1 if found[0] == "/*" else -1
        look = found.end()
    return Sort.COMMENT, look


@lru_cache(maxsize=4096)  # lint, plan and runner each ask again
def statements(sql: str, dialect: Dialect, line: int = 1) -> tuple[Statement, ...]:
    """The statements, without empty ones. Bodies of triggers and of `begin atomic` functions stay whole."""
    found: list[Statement] = []
    current: list[Token] = []
    depth = 0
    for token in tokens(sql, dialect, line):
        if token.sort is Sort.COMMENT:
            continue
        if token.text == ";" and token.sort is Sort.MARK and depth <= 0:
            found += _statement(sql, current)
            current, depth = [], 0
            continue
        current.append(token)
        depth += _deeper(current)
    return (*found, *_statement(sql, current))


def _statement(sql: str, current: list[Token]) -> Iterator[Statement]:
    if current:
        text = sql[current[0].start : current[-1].start + len(current[-1].text)]
        yield Statement(tuple(current), text, current[0].line, tuple(token.word for token in current))


_BLOCKS = frozenset({"ATOMIC", "BEGIN", "CASE", "END"})


def _deeper(current: list[Token]) -> int:
    """How the newest token changes the depth in which a semicolon ends nothing."""
    token = current[-1]
    if token.sort is Sort.MARK:
        return {"(": 1, ")": -1}.get(token.text, 0)
    if token.sort is not Sort.WORD or token.word not in _BLOCKS or current[0].word != "CREATE":
        return 0
    heads = {each.word for each in current[1:4]}
    if not heads & {"TRIGGER", "FUNCTION", "PROCEDURE"}:
        return 0
    inside = any(each.word in {"ATOMIC", "BEGIN"} for each in current[:-1])
    if token.word == "ATOMIC" or (token.word == "BEGIN" and "TRIGGER" in heads):
        return 1
    if inside and token.word in {"CASE", "END"}:
        return 1 if token.word == "CASE" else -1
    return 0


def canonical(sql: str, dialect: Dialect) -> str:
    """The same for the same definition, however it is spaced, commented or quoted."""
    kept = (token for token in tokens(sql, dialect) if token.sort is not Sort.COMMENT)
    return " ".join(token.name if token.sort in {Sort.WORD, Sort.QUOTED} else token.text for token in kept)
