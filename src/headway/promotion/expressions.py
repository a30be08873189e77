"""Expressions of gates and checklists: a guarded part of CEL, typed when the file is read and evaluated by a library.

The library types nothing before it evaluates, so a misspelt field would be found when a release waits for it. This reader knows the
grammar and the types, and bounds what an expression can cost: its length, its depth, and how deep it loops.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from functools import lru_cache
from typing import Any

MOST_LONG = 1000
MOST_DEEP = 24
MOST_LOOPS = 2
"""One loop within another; with lists of MOST_ITEMS that is the longest an expression can take."""
MOST_ITEMS = 200
MOST_COPIES = 6
"""How often a loop may join texts or repeat what it goes over: loops after loops would double it each time, and 1000 characters are
room for sixty doublings."""

Type = str | tuple[str, "Type"] | Mapping[str, "Type"]
"""`bool`, `int`, `double`, `string`, `timestamp`, `duration`; ("list", T), ("map", T); or a record of fields."""

LITERALS: Mapping[str, Type] = {"true": "bool", "false": "bool"}
ORDERED = frozenset({"int", "double", "string", "timestamp", "duration"})
NUMBERS = frozenset({"int", "double"})
SUMS: Mapping[tuple[str, str, str], str] = {
    ("int", "+", "int"): "int", ("double", "+", "double"): "double", ("string", "+", "string"): "string",
    ("timestamp", "+", "duration"): "timestamp", ("duration", "+", "duration"): "duration", ("duration", "+", "timestamp"): "timestamp",
    ("int", "-", "int"): "int", ("double", "-", "double"): "double", ("timestamp", "-", "timestamp"): "duration",
    ("timestamp", "-", "duration"): "timestamp", ("duration", "-", "duration"): "duration",
    ("int", "*", "int"): "int", ("double", "*", "double"): "double", ("int", "/", "int"): "int", ("double", "/", "double"): "double",
    ("int", "%", "int"): "int",
}  # fmt: skip
METHODS: Mapping[str, tuple[Type, ...]] = {
    "startsWith": ("string",),
    "endsWith": ("string",),
    "contains": ("string",),
    "matches": ("string",),
}
CONVERSIONS: Mapping[str, tuple[frozenset[str], str]] = {
    "double": (frozenset({"int", "double", "string"}), "double"),
    "int": (frozenset({"int", "double", "string"}), "int"),
    "string": (frozenset({"int", "double", "string", "bool"}), "string"),
    "duration": (frozenset({"string"}), "duration"),
    "timestamp": (frozenset({"string"}), "timestamp"),
}
WRITTEN: Mapping[str, str] = {
    "duration": r"-?(\d+(\.\d+)?(h|m|s|ms))+",
    "timestamp": r"\d{4}-[01]\d-[0-3]\dT[0-2]\d:[0-5]\d:[0-5]\d(Z|[+-][0-2]\d:[0-5]\d)",
}
LOOPS = frozenset({"exists", "all", "exists_one", "filter", "map"})
TOKEN = re.compile(
    r"\s*(?:(?P<double>\d+\.\d+)|(?P<int>\d+)|(?P<string>\"(?:[^\"\\\n]|\\[\"\\nt])*\"|'(?:[^'\\\n]|\\['\\nt])*')"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*)|(?P<sign>\|\||&&|==|!=|<=|>=|[-+*/%!<>?:.,()\[\]]))"
)


class NotAnExpression(ValueError):  # noqa: N818 - it says what the text is not
    """What is wrong with it, and where (columns count from 1)."""


def check(text: str, roots: Mapping[str, Type]) -> None:
    """Raise NotAnExpression unless this is a question about these values: well-formed, within bounds, and true or false."""
    if len(text) > MOST_LONG:
        raise NotAnExpression(f"it is {len(text)} characters long, at most {MOST_LONG} are read")
    reader = _Reader(_tokens(text), [dict(roots)])
    found = reader.whole()
    if found != "bool":
        raise NotAnExpression(f"it is {shown(found)}, expected true or false")


def evaluate(text: str, values: Mapping[str, Any]) -> bool:
    """The answer, for values of the types that it was checked with; ValueError says why there is none."""
    from cel import compile as compile_  # half a second, for which only the server has the time

    try:
        found = compile_(text).execute(dict(values))
    except KeyError as error:
        raise ValueError(f"{error.args[0]} is not known") from error
    except IndexError as error:
        raise ValueError(str(error)) from error
    except (ValueError, TypeError, RuntimeError, ArithmeticError) as error:
        raise ValueError(str(error).partition("\n")[0]) from error
    if not isinstance(found, bool):
        raise ValueError("it did not come to true or false")  # noqa: TRY004 - no answer is one kind of trouble
    return found


def names(text: str) -> frozenset[str]:
    """The names that an expression mentions."""
    return frozenset(token.text for token in _tokens(text) if token.kind == "name")


def shown(found: Type) -> str:
    """A type in words."""
    match found:
        case str():
            return found
        case ("list", item):
            return f"a list of {shown(item)}"
        case ("map", item):
            return f"a map of {shown(item)}"
        case _:
            return "a group of fields"


def _written(name: str, text: str) -> bool:
    """Whether a duration or a moment is written as the library reads it; a 30th of February is no moment."""
    if re.fullmatch(WRITTEN[name], text) is None:
        return False
    try:
        return name != "timestamp" or datetime.fromisoformat(text) is not None
    except ValueError:
        return False


@lru_cache(maxsize=256)
def _uncompilable(quoted: str) -> str:
    """Why the library does not take a text as a regular expression; empty if it does. Its syntax is not that of Python's."""
    from cel import compile as compile_  # as above; a file without such a question does not load it

    try:
        compile_(f"''.matches({quoted})").execute({})
    except (ValueError, TypeError, RuntimeError) as error:
        said = str(error).removesuffix(" Check function arguments and their types.")
        told = re.search(r"^error: (.+?)\.?$", said, re.MULTILINE)
        if told:
            return told[1]
        return "compiled, it is too large" if "size limit" in said else said.partition("\n")[0]
    return ""


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    at: int


def _tokens(text: str) -> list[_Token]:
    tokens, at = [], 0
    end = len(text.rstrip())
    while at < end:
        found = TOKEN.match(text, at)
        if found is None:
            start = at + len(text[at:]) - len(text[at:].lstrip())
            raise NotAnExpression(f"{text[start]!r} at {start + 1} is not understood")
        kind = found.lastgroup or ""
        tokens.append(_Token(kind, found[kind], found.start(kind) + 1))
        at = found.end()
    return [*tokens, _Token("end", "the end", end + 1)]


@dataclass
class _Reader:
    """Reads by precedence, loosest first, and answers with the type of what it read."""

    tokens: list[_Token]
    scopes: list[dict[str, Type]]
    at: int = 0
    depth: int = 0
    loops: int = 0
    copies: int = 0
    mapped: int = 0

    def whole(self) -> Type:
        found = self.choice()
        if self.now.kind != "end":
            raise self.fault(f"{self.now.text!r} is left over")
        return found

    @property
    def now(self) -> _Token:
        return self.tokens[self.at]

    def fault(self, text: str, at: int | None = None) -> NotAnExpression:
        return NotAnExpression(f"{text}, at {at or self.now.at}")

    def take(self, *signs: str) -> str | None:
        if self.now.text in signs and self.now.kind == ("name" if self.now.text == "in" else "sign"):
            self.at += 1
            return self.tokens[self.at - 1].text
        return None

    def must(self, sign: str) -> None:
        if not self.take(sign):
            raise self.fault(f"{self.now.text!r} found, expected {sign!r}")

    def choice(self) -> Type:
        self.depth += 1
        if self.depth > MOST_DEEP:
            raise self.fault(f"nested more than {MOST_DEEP} deep")
        found = self.either()
        if self.take("?"):
            self.wants(found, "bool", "before ?")
            yes = self.choice()
            self.must(":")
            no = self.choice()
            if yes != no:
                raise self.fault(f"one side of ? is {shown(yes)}, the other {shown(no)}")
            found = yes
        self.depth -= 1
        return found

    def either(self) -> Type:
        return self.joined(self.both, "||")

    def both(self) -> Type:
        return self.joined(self.compared, "&&")

    def joined(self, part: Callable[[], Type], sign: str) -> Type:
        found = part()
        while self.take(sign):
            self.wants(found, "bool", f"before {sign}")
            found = part()
            self.wants(found, "bool", f"after {sign}")
        return found

    def compared(self) -> Type:
        left = self.sum()
        while sign := self.take("==", "!=", "<", "<=", ">", ">=", "in"):
            right = self.sum()
            self.comparable(left, sign, right)
            left = "bool"
        return left

    def comparable(self, left: Type, sign: str, right: Type) -> None:
        if sign == "in":
            fits = isinstance(right, tuple) and (left == right[1] if right[0] == "list" else left == "string")
            if not fits:
                raise self.fault(f"{shown(left)} in {shown(right)} is no question")
            return
        ordered = isinstance(left, str) and left in ORDERED
        # Fractions compare with whole numbers, as the library has it; anything else only with its like.
        numbers = left in NUMBERS and right in NUMBERS if isinstance(left, str) and isinstance(right, str) else False
        if not numbers and (left != right or (sign not in {"==", "!="} and not ordered) or isinstance(left, Mapping)):
            raise self.fault(f"{shown(left)} {sign} {shown(right)} is no question")

    def sum(self) -> Type:
        return self.counted(self.product, "+", "-")

    def product(self) -> Type:
        return self.counted(self.single, "*", "/", "%")

    def counted(self, part: Callable[[], Type], *signs: str) -> Type:
        left = part()
        while sign := self.take(*signs):
            right = part()
            both = SUMS.get((left, sign, right)) if isinstance(left, str) and isinstance(right, str) else None
            if both is None:
                mixed = {shown(left), shown(right)} == {"int", "double"}
                raise self.fault(
                    f"{shown(left)} {sign} {shown(right)} cannot be worked out" + ("; write double(...) or 1.0" if mixed else "")
                )
            if both == "string" and self.loops:
                self.copied(1)
            left = both
        return left

    def copied(self, times: int) -> None:
        self.copies += times
        if self.copies > MOST_COPIES:
            raise self.fault(f"loops that join or repeat more than {MOST_COPIES} times")

    def single(self) -> Type:
        if self.take("!"):
            self.nested()
            found = self.single()
            self.depth -= 1
            self.wants(found, "bool", "after !")
            return "bool"
        if self.take("-"):
            self.nested()
            found = self.single()
            self.depth -= 1
            if found not in ("int", "double"):
                raise self.fault(f"- before {shown(found)}")
            return found
        return self.member()

    def nested(self) -> None:
        self.depth += 1
        if self.depth > MOST_DEEP:
            raise self.fault(f"nested more than {MOST_DEEP} deep")

    def member(self) -> Type:
        found = self.primary()
        while sign := self.take(".", "["):
            if sign == "[":
                found = self.indexed(found)
            else:
                name = self.name()
                found = self.called(found, name) if self.take("(") else self.part(found, name)
        return found

    def indexed(self, whole: Type) -> Type:
        index = self.choice()
        self.must("]")
        if isinstance(whole, tuple):
            self.wants(index, "int" if whole[0] == "list" else "string", "between [ and ]")
            return whole[1]
        raise self.fault(f"{shown(whole)} has no [...]")

    def part(self, whole: Type, name: str) -> Type:
        if isinstance(whole, tuple) and whole[0] == "map":
            return whole[1]
        if isinstance(whole, Mapping):
            if name in whole:
                return whole[name]
            raise self.unknown(name, whole, "field")
        raise self.fault(f"{shown(whole)} has no field {name}")

    def called(self, whole: Type, name: str) -> Type:
        if name in LOOPS and isinstance(whole, tuple) and whole[0] == "list":
            return self.loop(whole[1], name)
        if name == "size" and (isinstance(whole, tuple) or whole == "string"):
            self.must(")")
            return "int"
        if name in METHODS and whole == "string":
            start = self.at
            self.wants(self.choice(), "string", f"in {name}(...)")
            if name == "matches":
                self.pattern(self.tokens[start : self.at])
            self.must(")")
            return "bool"
        raise self.fault(f"{shown(whole)} has no {name}(...)")

    def pattern(self, inside: list[_Token]) -> None:
        """A regular expression that is written out is compiled now; one that is worked out, when it is asked."""
        match [token for token in inside if token.text not in {"(", ")"}]:
            case [_Token("string") as written] if wrong := _uncompilable(written.text):
                raise self.fault(f"{written.text} is no regular expression: {wrong}", written.at)

    def loop(self, item: Type, name: str) -> Type:
        self.loops += 1
        if self.loops > MOST_LOOPS:
            raise self.fault(f"loops within loops, more than {MOST_LOOPS} deep")
        variable = self.name()
        if any(variable in scope for scope in self.scopes):
            raise self.fault(f"{variable} is taken; choose another name", self.tokens[self.at - 1].at)
        self.must(",")
        self.mapped += name == "map" and self.loops > 1
        if self.mapped > 1:
            raise self.fault("more than one map within a loop")
        self.scopes.append({variable: item})
        found = self.choice()
        self.scopes.pop()
        self.must(")")
        self.loops -= 1
        if name == "map":
            return ("list", found)
        self.wants(found, "bool", f"in {name}(...)")
        return ("list", item) if name == "filter" else "bool"

    def primary(self) -> Type:
        token = self.now
        if token.kind in {"int", "double", "string"}:
            if token.kind == "int" and len(token.text) > 18:
                raise self.fault("a number of more than 18 digits")
            self.at += 1
            return token.kind
        if self.take("("):
            found = self.choice()
            self.must(")")
            return found
        if self.take("["):
            return self.listed()
        return self.named(self.name())

    def named(self, name: str) -> Type:
        if name in LITERALS:
            return LITERALS[name]
        if self.take("("):
            return self.function(name)
        for scope in reversed(self.scopes):
            if name in scope:
                return scope[name]
        raise self.unknown(name, {key: "" for scope in self.scopes for key in scope}, "value")

    def function(self, name: str) -> Type:
        start = self.at
        found = self.choice()
        inside = self.tokens[start : self.at]
        self.must(")")
        if name == "size" and (isinstance(found, tuple) or found == "string"):
            return "int"
        if name == "has" and len(inside) > 2 and inside[-2].text == ".":
            return "bool"
        if name in WRITTEN and not (len(inside) == 1 and _written(name, inside[0].text[1:-1])):
            raise self.fault(f"{name}(...) takes what is written out, such as {'90m' if name == 'duration' else '2026-01-31T12:00:00Z'}")
        if name in CONVERSIONS and isinstance(found, str) and found in CONVERSIONS[name][0]:
            return CONVERSIONS[name][1]
        raise self.fault(f"there is no {name}({shown(found)})")

    def listed(self) -> Type:
        if self.take("]"):
            raise self.fault("an empty list asks nothing")
        items, own = [self.choice()], set().union(*self.scopes[1:])
        while self.take(","):
            start = self.at
            items.append(self.choice())
            if any(token.text in own for token in self.tokens[start : self.at]):
                self.copied(1)
        self.must("]")
        if any(item != items[0] for item in items):
            raise self.fault("a list of different kinds of values")
        return ("list", items[0])

    def name(self) -> str:
        if self.now.kind != "name" or self.now.text == "in":
            raise self.fault(f"{self.now.text!r} found, expected a name")
        self.at += 1
        return self.tokens[self.at - 1].text

    def wants(self, found: Type, wanted: Type, where: str) -> None:
        if found != wanted:
            raise self.fault(f"{shown(found)} {where}, expected {shown(wanted)}")

    def unknown(self, name: str, known: Mapping[str, Type], what: str) -> NotAnExpression:
        close = get_close_matches(name, list(known), n=1)
        meant = f'; did you mean "{close[0]}"?' if close else f"; there are {', '.join(sorted(known))}"
        return self.fault(f"there is no {what} {name}{meant}", self.tokens[self.at - 1].at)
