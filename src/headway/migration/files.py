"""From files to migrations, with every fault at once.

0042_phone.sql           -- migrate:up [transaction:false]
                         -- migrate:verify
                         -- migrate:backfill table=users key=id batch=1000 rate=5000 pause=0.1
                         -- migrate:verify          (after a backfill: holds once that is through)
                         -- migrate:down [transaction:false]
0042_phone.up.sql and 0042_phone.down.sql            the same as a pair; the header of the first section may be left out
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from headway.errors import InvalidSpec
from headway.migration.lexer import Sort, Token, statements, tokens
from headway.migration.model import Backfill, Dialect, Migration, Script

LARGEST_VERSION = 2**63 - 1
_NAME = re.compile(r"(?P<version>\d+)_(?P<name>\w[\w.-]*?)(?:\.(?P<half>up|down))?\.sql", re.ASCII)
_HEADER = re.compile(r"--\s*migrate:(?P<section>\w+)\s*(?P<options>.*)")
_OPTIONS = {"up": {"transaction"}, "down": {"transaction"}, "verify": set(), "backfill": {"table", "key", "batch", "rate", "pause"}}
_QUOTES = re.compile(r"['\"`\[$]|/\*")
_COMMENT = re.compile(r"^--[^\n]*", re.MULTILINE)
_IDENTIFIER = re.compile(r"[A-Za-z_][\w$]*(\.[A-Za-z_][\w$]*)?")


@dataclass(frozen=True, slots=True)
class _Section:
    name: str
    options: Mapping[str, str]
    sql: str
    line: int
    """The header's line; the SQL starts on the next."""


def normal(text: str) -> str:
    """The text as it counts: a BOM, CRLF, blanks at ends of lines and empty lines at the end change nothing."""
    lines = [line.rstrip() for line in text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")]
    while lines and not lines[-1]:
        lines.pop()
    return "\n".join(lines) + "\n"


def parse(files: Mapping[str, str], dialect: Dialect) -> tuple[Migration, ...]:
    """The migrations of these files (name to text), by version. Raises InvalidSpec with every fault."""
    faults: list[str] = []
    found: list[Migration] = []
    for (version, name), halves in sorted(_paired(files, faults).items()):
        migration = _Reader(dialect, faults).migration(version, name, halves)
        if migration is not None:
            found.append(migration)
    if faults:
        raise InvalidSpec(*faults)
    return tuple(sorted(found, key=lambda one: (one.version, one.file)))


def down_of(stored: str, title: str, dialect: Dialect) -> Script:
    """The way back as the ledger kept it."""
    faults: list[str] = []
    sections = _sections(f"{title} in the ledger", normal(stored), dialect, faults, first="down")
    if faults or len(sections) != 1:
        raise InvalidSpec(*(faults or [f"{title} in the ledger: its way back cannot be read"]))
    return _script(sections[0])


def stored_down(migration: Migration) -> str | None:
    """The way back as the ledger keeps it."""
    if migration.down is None:
        return None
    return f"-- migrate:down{'' if migration.down.transaction else ' transaction:false'}\n{migration.down.sql}"


_Halves = dict[str, tuple[str, str]]
"""`up`, `down` or empty (one file for both) to the file's name and normal text."""


def _paired(files: Mapping[str, str], faults: list[str]) -> dict[tuple[str, str], _Halves]:
    pairs: dict[tuple[str, str], _Halves] = {}
    for file in sorted(files):
        if not file.endswith(".sql"):
            continue
        found = _NAME.fullmatch(file)
        if found is None:
            faults.append(f"{file}: is not named like a migration; expected 0042_name.sql, or 0042_name.up.sql beside 0042_name.down.sql")
        elif int(found["version"]) > LARGEST_VERSION:
            faults.append(f"{file}: version {found['version']} is too large; expected at most {LARGEST_VERSION}")
        else:
            halves = pairs.setdefault((found["version"], found["name"]), {})
            halves[found["half"] or ""] = (file, normal(files[file]))
    return pairs


class _Reader:
    """Reads one migration; faults are collected."""

    def __init__(self, dialect: Dialect, faults: list[str]) -> None:
        self._dialect = dialect
        self._faults = faults

    def migration(self, version: str, name: str, halves: _Halves) -> Migration | None:
        file = next(iter(halves.values()))[0]
        if "" in halves and len(halves) > 1:
            self._faults.append(
                f"{halves[''][0]}: there is also {', '.join(one[0] for key, one in halves.items() if key)}; keep one of them"
            )
            return None
        if "" not in halves and "up" not in halves:
            self._faults.append(f"{file}: has no {file.removesuffix('.down.sql')}.up.sql beside it")
            return None
        before = len(self._faults)
        sections = [one for half, (path, text) in sorted(halves.items(), reverse=True) for one in self._half(path, half, text)]
        if len(self._faults) > before:
            return None
        text = "".join(
            f"{text}" if half != "down" else f"-- migrate:down\n{text}" for half, (_, text) in sorted(halves.items(), reverse=True)
        )
        return self._assembled(int(version), name, halves.get("", halves.get("up", (file, "")))[0], text, sections)

    def _half(self, path: str, half: str, text: str) -> list[_Section]:
        sections = _sections(path, text, self._dialect, self._faults, first=half or None)
        wrong = [one for one in sections if (half == "down") is not (one.name == "down")] if half else []
        self._faults += [f"{path}:{one.line}: a `{one.name}` section belongs into the other file of the pair" for one in wrong]
        for one in sections:
            self._check(path, one)
        for name in ("up", "down", "backfill"):
            for twice in [one for one in sections if one.name == name][1:]:
                self._faults.append(f"{path}:{twice.line}: a second `{name}` section; expected one per file")
        if not half and not any(one.name in {"up", "backfill"} for one in sections):
            self._faults.append(f"{path}:1: has no `-- migrate:up`")
        return sections

    def _check(self, path: str, section: _Section) -> None:
        where = f"{path}:{section.line}"
        for unknown in sorted(set(section.options) - _OPTIONS[section.name]):
            expected = ", ".join(sorted(_OPTIONS[section.name])) or "no option"
            self._faults.append(f"{where}: `{section.name}` has no option {unknown!r}; expected {expected}")
        # An ordinary section need not be cut into statements to be read.
        count = len(statements(section.sql, self._dialect)) if section.options or section.name in {"verify", "backfill"} else 1
        if section.options.get("transaction", "true") not in {"true", "false"}:
            self._faults.append(f"{where}: transaction is true or false, not {section.options['transaction']!r}")
        if section.options.get("transaction") == "false" and count != 1:
            # Half of two statements is a state that nobody can name.
            self._faults.append(f"{where}: `transaction:false` takes exactly one statement; found {count}; make a file of each")
        if section.name == "verify" and not count:
            self._faults.append(f"{where}: `verify` has no query; expected queries that each give one true value")
        if section.name == "backfill":
            self._check_backfill(path, section, count)

    def _check_backfill(self, path: str, section: _Section, count: int) -> None:
        where, options = f"{path}:{section.line}", section.options
        for name in ("table", "key"):
            if not _IDENTIFIER.fullmatch(options.get(name, "")):
                self._faults.append(f"{where}: a backfill names its {name}, such as {name}={'users' if name == 'table' else 'id'}")
        if not re.fullmatch(r"[1-9]\d{0,5}", options.get("batch", "1000")):
            self._faults.append(f"{where}: batch is a number of rows from 1 to 999999, not {options['batch']!r}")
        for name in ("rate", "pause"):
            value = options.get(name, "1")
            if not re.fullmatch(r"\d{1,9}(\.\d{1,6})?", value) or (name == "rate" and float(value) == 0):
                self._faults.append(f"{where}: {name} is a number ({'rows per second' if name == 'rate' else 'seconds'}), not {value!r}")
        used = {one.text for one in tokens(section.sql, self._dialect) if one.sort is Sort.PARAMETER}
        if count != 1 or used != {":first", ":last"}:
            self._faults.append(
                f"{where}: a backfill is one statement that speaks of :first and :last, such as … WHERE id BETWEEN :first AND :last"
            )

    def _assembled(self, version: int, name: str, file: str, text: str, sections: list[_Section]) -> Migration:
        verify: list[Script] = []
        filled: list[Script] = []
        seen_backfill = False
        for one in sections:
            seen_backfill = seen_backfill or one.name == "backfill"
            if one.name == "verify":
                (filled if seen_backfill else verify).append(_script(one))
        up, down, backfill = (next((one for one in sections if one.name == wanted), None) for wanted in ("up", "down", "backfill"))
        return Migration(
            version=version,
            name=name,
            file=file,
            sha256=hashlib.sha256(text.encode()).hexdigest(),
            up=_script(up) if up else None,
            down=_script(down) if down else None,
            verify=tuple(verify),
            backfill=_backfill(backfill) if backfill else None,
            filled=tuple(filled),
        )


def _script(section: _Section) -> Script:
    return Script(section.sql, section.line + 1, section.options.get("transaction") != "false")


def _backfill(section: _Section) -> Backfill:
    options = section.options
    return Backfill(
        sql=section.sql,
        line=section.line + 1,
        table=options["table"],
        key=options["key"],
        batch=int(options.get("batch", "1000")),
        rate=float(options["rate"]) if "rate" in options else None,
        pause=float(options.get("pause", "0")),
    )


def _sections(path: str, text: str, dialect: Dialect, faults: list[str], first: str | None) -> list[_Section]:
    """Cut at the headers. What stands before the first header belongs to `first`; None: nothing may stand there."""
    lines = text.split("\n")
    # Where nothing is quoted, a header is known by its line alone; most files are so, and each is read before every run.
    pieces = [*(tokens(text, dialect) if _QUOTES.search(text) else _plain_comments(text))]
    headers = [*_headers(text, pieces)]
    faults += [f"{path}:{one.line}: what starts with {one.text[:12]!r} never ends" for one in pieces if one.sort is Sort.BROKEN]
    if first is not None and not any(name == first for _, name, _ in headers):
        headers = [(0, first, ""), *headers]
    start = headers[0][0] if headers else len(lines) + 1
    stray = statements("\n".join(lines[: max(start - 1, 0)]), dialect)[:1] if start > 1 else ()
    faults += [f"{path}:{one.line}: SQL before the first `-- migrate:` line; expected `-- migrate:up` above it" for one in stray]
    found = []
    ends = [*(one[0] - 1 for one in headers[1:]), len(lines)]
    for (line, name, options), end in zip(headers, ends, strict=False):
        if name not in _OPTIONS:
            faults.append(f"{path}:{line}: unknown section {name!r}; expected {', '.join(_OPTIONS)}")
            continue
        found.append(_Section(name, _options(path, line, options, faults), "\n".join(lines[line:end]), line))
    return found


def _plain_comments(text: str) -> Iterable[Token]:
    """The comments at the beginnings of lines, as tokens."""
    for found in _COMMENT.finditer(text):
        yield Token(Sort.COMMENT, found[0], found.start(), text.count("\n", 0, found.start()) + 1)


def _headers(text: str, pieces: Iterable[Token]) -> Iterable[tuple[int, str, str]]:
    """The lines that are headers; one within a string or a function's body is not."""
    for token in pieces:
        at_start = token.start == 0 or text[token.start - 1] == "\n"
        if token.sort is Sort.COMMENT and at_start and (found := _HEADER.fullmatch(token.text)):
            yield token.line, found["section"], found["options"]


def _options(path: str, line: int, text: str, faults: list[str]) -> dict[str, str]:
    options: dict[str, str] = {}
    for word in text.split():
        found = re.fullmatch(r"([a-z]+)[:=](\S+)", word)
        if found is None:
            faults.append(f"{path}:{line}: cannot read {word!r}; expected options such as transaction:false or batch=1000")
        elif found[1] in options:
            faults.append(f"{path}:{line}: {found[1]} is given twice")
        else:
            options[found[1]] = found[2]
    return options
