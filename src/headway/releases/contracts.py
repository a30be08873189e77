"""Which statements of a migration take something away? Whoever reads the data directly loses it."""

import re

_DOWN = re.compile(r"^--\s*migrate:down\b", re.MULTILINE)
_COMMENT = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)
_TEXT = re.compile(r"'(?:[^']|'')*'")
_TAKES = re.compile(
    r"\b(?:drop\s+(?:table|column|view|materialized\s+view|type|schema|function)\b|rename\s+(?:to|column)\b|alter\s+table\b.*\bdrop\s+(?!constraint|default|not|index))",
    re.IGNORECASE | re.DOTALL,
)


def contracts(sql: str) -> tuple[str, ...]:
    """The statements of the up part that drop or rename something, each on one line."""
    up = _TEXT.sub("''", _COMMENT.sub(" ", _DOWN.split(sql)[0]))
    return tuple(" ".join(statement.split()) for statement in up.split(";") if _TAKES.search(statement))
