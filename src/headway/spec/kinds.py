"""The kinds of values that the keys take: names, durations, commands and the like, made of `Value`."""

import re
from collections.abc import Callable
from datetime import date
from typing import Any

from headway.releases.version import Version, version
from headway.spec import values
from headway.spec.faults import nearest
from headway.spec.nodes import Kind, Node
from headway.spec.shapes import Value


def _text(node: Node) -> str:
    """Text, and not what YAML reads as something else: `1.10` unquoted is a number that has lost its zero."""
    if node.kind is not Kind.TEXT:
        raise ValueError("put it in quotes" if node.kind in {Kind.NUMBER, Kind.BOOLEAN} else "")
    if not node.text.strip():
        raise ValueError("")
    return node.text


text_of = _text
"""For kinds of values that are made elsewhere."""


def matching(pattern: str, words: str, *, quiet: bool = False, hint: str = "") -> Value:
    """Text of a certain form."""

    def convert(node: Node) -> str:
        text = _text(node)
        if not re.fullmatch(pattern, text):
            raise ValueError(hint)
        return text

    return Value(words, convert, {"type": "string", "pattern": f"^{pattern}$"}, quiet)


def measured(pattern: str, words: str, convert: Callable[[str], Any], *, zero: bool = True) -> Value:
    """A number with its unit. It may be written without quotes; a bare number gets a hint."""

    def read(node: Node) -> Any:
        if node.kind not in {Kind.TEXT, Kind.NUMBER}:
            raise ValueError("")
        number = convert(node.text)
        if not zero and not number:
            raise ValueError("nothing happens in no time")
        return number

    return Value(words, read, {"type": "string", "pattern": f"^{pattern}$"})


def whole(least: int, most: int) -> Value:
    """A whole number within bounds."""

    def convert(node: Node) -> int:
        if node.kind is not Kind.NUMBER or not re.fullmatch(r"[0-9]{1,9}", node.text) or not least <= int(node.text) <= most:
            raise ValueError("")
        return int(node.text)

    return Value(f"a whole number from {least} to {most}", convert, {"type": "integer", "minimum": least, "maximum": most})


def one_of(*names: str, later: tuple[str, ...] = ()) -> Value:
    """One of a few words. Those of `later` are known and not in this version."""

    def convert(node: Node) -> str:
        text = _text(node)
        if text in later:
            raise ValueError(f"{text} is not in this version")
        if text not in names:
            meant = nearest(text, names)
            raise ValueError(f'did you mean "{meant}"?' if meant else "")
        return text

    return Value(" or ".join(names), convert, {"enum": list(names)})


def _setting(node: Node) -> str:
    # Environment variables are text; a number or true is taken exactly as it is written, so that 1.10 stays 1.10.
    if node.kind in {Kind.MAPPING, Kind.LIST}:
        raise ValueError("a variable of the environment is one value")
    if node.kind is Kind.NOTHING:
        raise ValueError('write "" for an empty one')
    if "\0" in node.text:
        raise ValueError("no variable can hold a NUL")
    return node.text


def _setting_name(node: Node) -> str:
    if not re.fullmatch(SETTING_NAME_PATTERN, node.text):
        raise ValueError("Headway sets it" if node.text == "PORT" or node.text.startswith("HEADWAY_") else "")
    return node.text


def _flag(node: Node) -> bool:
    if node.kind is not Kind.BOOLEAN:
        raise ValueError("")
    return node.text.lower() == "true"


def _number(node: Node) -> float:
    if node.kind is not Kind.NUMBER or not re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,6})?", node.text) or not 1 <= float(node.text) <= 1000:
        raise ValueError("")
    return float(node.text)


def _command(node: Node) -> tuple[str, ...]:
    if node.kind is not Kind.LIST:
        return values.words(_text(node))
    if not node.items or not node.items[0].text:
        raise ValueError("")
    for item in node.items:
        if item.kind is not Kind.TEXT:
            raise ValueError(f"{item.shown} is one of its words; put it in quotes")
        if "\0" in item.text:
            raise ValueError("no argument can hold a NUL")
    return tuple(item.text for item in node.items)


def _version(node: Node) -> int:
    if node.kind is not Kind.NUMBER or node.text != "1":
        raise ValueError("a newer Headway may read it" if re.fullmatch("[2-9]", node.text) else "")
    return 1


SETTING_NAME_PATTERN = r"(?!PORT$|HEADWAY_)[A-Za-z_][A-Za-z0-9_]{0,127}"
TEXT = Value("text", _text, {"type": "string", "pattern": r"\S"})
VERSION = Value("1, the version of this format", _version, {"const": 1})
NAME = matching(r"[a-z][a-z0-9-]{0,39}", 'lower-case letters, digits and "-", starting with a letter, at most 40 long')
CHECK_NAME = matching(r"[a-z0-9][a-z0-9_-]{0,39}", 'lower-case letters, digits, "-" and "_", at most 40 long')
SETTING_NAME = Value(
    "letters, digits and _, not starting with a digit", _setting_name, {"type": "string", "pattern": f"^{SETTING_NAME_PATTERN}$"}
)
SETTING = Value("text, a number, true or false", _setting, {"type": ["string", "number", "boolean"]})
TOLD_SECRET = matching(
    f"({values.REFERENCE}|{values.IN_CLUSTER})",
    "a reference such as env:DB_PASSWORD, file:/run/db, sops:/etc/shop.yaml#db, vault:secret/data/shop#db, keyring:shop/db "
    "or kubernetes:shop-secrets/db, never the secret itself",
    quiet=True,
)
"""Of a service's own variables: those that run on a cluster may be given what is there."""
SECRET = matching(
    values.REFERENCE,
    "a reference such as env:DB_PASSWORD, file:/run/db, sops:/etc/shop.yaml#db, vault:secret/data/shop#db or keyring:shop/db, "
    "never the secret itself",
    quiet=True,
)
PERSON = matching(r"\S+", "the name of a person, without blanks")
BRANCH = matching(r"[^\s~^:\\\[]+", "the name of a branch")
PATTERN = matching(r"[^\s~^:\\]+", "the name of a branch, or a pattern such as feature/*")
HTTP_PATH = matching(r"/[^\s]*", "a path such as /health")
FOLDER = matching(
    r"(?!/)(?!(.*/)?\.\.(/|$))[^\0]+", "a folder inside of the repository", hint="it is relative to the repository, without .."
)
WEBHOOK = matching(r"(https?://[^\s]+|" + values.REFERENCE + ")", "a URL, or a reference such as env:ONCALL_URL that holds one", quiet=True)
DURATION = measured(values.DURATION, "a duration such as 500ms, 15m or 1h30m", values.seconds)
TIME = measured(values.DURATION, "a duration such as 500ms, 15m or 1h30m, longer than none", values.seconds, zero=False)
PERCENT = measured(values.PERCENT, "a share such as 1% or 0.5%", values.share)
SIZE = measured(values.SIZE, "a size such as 512MB or 2GB", values.megabytes)
FLAG = Value("true or false", _flag, {"type": "boolean"})
FACTOR = Value("a number from 1 to 1000", _number, {"type": "number", "minimum": 1, "maximum": 1000})
COMMAND = Value(
    "a command",
    _command,
    {"anyOf": [{"type": "string", "pattern": r"\S"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]},
)


def _grouped(node: Node) -> str:
    """An expression with one group: what stands there is replaced, the rest stays."""
    text = _text(node)
    try:
        groups = re.compile(text, re.MULTILINE).groups
    except re.error as error:
        raise ValueError(str(error)) from None
    if groups != 1:
        raise ValueError(f"it has {groups or 'no'} group{'s' if groups > 1 else ''}; use (?:…) for those that only hold together")
    return text


GROUPED = Value("a regular expression with one group around the version", _grouped, {"type": "string", "pattern": r"\("})


def _day(node: Node) -> date:
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", node.text):
        raise ValueError("")
    try:
        return date.fromisoformat(node.text)
    except ValueError:
        raise ValueError("there is no such day") from None


def _semver(node: Node) -> Version:
    found = version(_text(node))
    if found is None or not found.stable or found.build:
        raise ValueError("")
    return found


DAY = Value("a day such as 2026-12-31", _day, {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"})
STABLE = Value("a version such as 0.1.0", _semver, {"type": "string", "pattern": r"^[0-9]+\.[0-9]+\.[0-9]+$"})
TAG = matching(r"[^\s~^:?*\[\\]*\{version\}[^\s~^:?*\[\\]*", "the name of a tag with {version} in it, such as v{version}")
COMMIT_TYPE = matching(r"[^\s():!A-Z]+", "a type of commits in small letters, such as perf")
SYMBOL = matching(r"\S.*", "what the finding names, such as tally.answers.greet or GET /votes")
