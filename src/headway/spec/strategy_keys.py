"""The keys of a strategy: how a release takes over, and who meets it before everybody does."""

import re

from headway.spec.kinds import DURATION, FLAG, matching, whole
from headway.spec.nodes import Kind, Node
from headway.spec.records import Key, Record
from headway.spec.shapes import ListOf, Value

COUNT = whole(1, 1000)
NAME_OF_A_FIELD = r"[A-Za-z0-9!#$%&'*+.^_|~-]{1,100}"


def _copied(node: Node) -> int:
    if not re.fullmatch(r"(100|[1-9][0-9]?)%", node.text):
        raise ValueError("")
    return int(node.text[:-1])


def _value(node: Node) -> str:
    if node.kind in {Kind.MAPPING, Kind.LIST, Kind.NOTHING} or not re.fullmatch(r"[!-~]([ -~]{0,198}[!-~])?", node.text):
        raise ValueError("visible characters, not more than 200")
    return node.text


def _cookie_value(node: Node) -> str:
    if not re.fullmatch(r'[^\s;,"]+', text := _value(node)):
        raise ValueError('no blank, ";", "," or quote')
    return text


ANY_SCALAR = {"type": ["string", "number", "boolean"]}
WHOLE_PERCENT = Value("a whole share from 1% to 100%", _copied, {"type": "string", "pattern": "^(100|[1-9][0-9]?)%$"})
VALUE = Value("the exact value", _value, ANY_SCALAR)
COOKIE_VALUE = Value("the exact value", _cookie_value, ANY_SCALAR)
FIELD = matching(NAME_OF_A_FIELD, "the name of a header, such as X-Tester")
COOKIE = matching(NAME_OF_A_FIELD, "the name of a cookie")

ROLLING = Record("a mapping with batch", (Key("batch", COUNT, "How many replicas are replaced at a time.", "1"),))

ROUTE = Record(
    "a mapping with header or cookie",
    (
        Key(
            "header",
            Record(
                "a mapping with name and value",
                (
                    Key("name", FIELD, "The header's name; upper and lower case are the same.", required=True),
                    Key("value", VALUE, "Its value, exactly.", required=True),
                ),
            ),
            "Who sends this header reaches the new release.",
        ),
        Key(
            "cookie",
            Record(
                "a mapping with name and value",
                (
                    Key("name", COOKIE, "The cookie's name.", required=True),
                    Key("value", COOKIE_VALUE, "Its value, exactly.", required=True),
                ),
            ),
            "Who has this cookie reaches the new release.",
        ),
    ),
    some_of=("header", "cookie"),
)

CANARY = Record(
    "a list of weights, in percent, or a mapping",
    (
        Key(
            "weights",
            ListOf(whole(1, 100), "a list of weights, in percent", 1),
            "The shares of traffic, in percent, that the new release gets one after the other; 100 comes last, written or not.",
            "[10, 50, 100]",
        ),
        Key(
            "route",
            ROUTE,
            "Testers: they reach the new release before it has any weight, and for as long as it has not all.",
            otherwise="the weights alone decide",
        ),
        Key("sticky", FLAG, "Whether users stay with the release they have: nobody is thrown back while the weight grows.", "false"),
        Key(
            "mirror",
            WHOLE_PERCENT,
            "The share of reads (GET, HEAD, OPTIONS) that is copied to the new release before it has weight; it is judged by the copies, "
            "and nobody sees its answers.",
            otherwise="nothing is copied",
        ),
        Key(
            "alone",
            DURATION,
            "How long testers and copies have the new release to themselves, at least, before it gets its first share.",
            otherwise="min_time of the analysis",
        ),
    ),
    short="weights",
)

STRATEGY = Record(
    "rolling, canary, blue-green, or a mapping with one of them",
    (
        Key("rolling", ROLLING, "Replace replicas a few at a time.", "{}"),
        Key("canary", CANARY, "Growing shares of the traffic, judged at each.", "[10, 50, 100]"),
        Key(
            "blue-green",
            Record("an empty mapping", ()),
            "The whole new side beside the old one, looked at while idle (`preview`); then all traffic in one move, and one move back.",
            "{}",
        ),
    ),
    one_of=("rolling", "canary", "blue-green"),
    bare=True,
)
