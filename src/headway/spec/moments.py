"""What people write for times of the week, dates, clocks and questions."""

import re
from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from headway.promotion.expressions import MOST_LONG, NotAnExpression, check
from headway.promotion.gates import ROOTS
from headway.promotion.windows import DAYS, Weekly
from headway.spec.nodes import Kind, Node
from headway.spec.shapes import Value

DAY = f"({'|'.join(DAYS)})"
CLOCK = r"([01][0-9]|2[0-3]):[0-5][0-9]"
WEEK = f"{DAY} {CLOCK} to {DAY} {CLOCK}"
DATE = rf"[0-9]{{4}}-[01][0-9]-[0-3][0-9] {CLOCK}"
CRON_PATTERN = r"\S+ \S+ \S+ \S+ \S+"


def _text(node: Node) -> str:
    if node.kind is not Kind.TEXT:
        raise ValueError("")
    return node.text.strip()


def _weekly(node: Node) -> Weekly:
    text = _text(node).lower()
    if not re.fullmatch(WEEK, text):
        raise ValueError("days are mon, tue, wed, thu, fri, sat, sun" if re.search("day|[a-z]{4}", text.replace(" to ", " ")) else "")
    start, end = text.split(" to ")
    return Weekly(*_point(start), *_point(end))


def _point(text: str) -> tuple[int, time]:
    day, _, clock = text.partition(" ")
    return DAYS.index(day), time.fromisoformat(clock)


def _date(node: Node) -> datetime:
    text = _text(node)
    if not re.fullmatch(DATE, text):
        raise ValueError(f'did you mean "{text} 00:00"?' if re.fullmatch(r"[0-9-]{10}", text) else "")
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError("there is no such day") from error


def _cron(node: Node) -> str:
    text = " ".join(_text(node).split())
    if not re.fullmatch(CRON_PATTERN, text):
        raise ValueError("")
    try:
        next(CronSim(text, datetime(2024, 1, 1, tzinfo=UTC)))
    except CronSimError as error:
        raise ValueError(str(error).lower()) from error
    except StopIteration as error:
        raise ValueError("that never comes") from error
    return text


def _zone(node: Node) -> str:
    name = _text(node)
    try:
        if name.startswith((".", "/")):
            raise ValueError("")
        ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:  # a folder of the database is no timezone
        raise ValueError("") from error
    return name


def _question(node: Node) -> str:
    text = _text(node)
    try:
        check(text, ROOTS)
    except NotAnExpression as error:
        raise ValueError(str(error)) from error
    return text


WEEKLY = Value("a part of the week such as fri 16:00 to mon 08:00", _weekly, {"type": "string", "pattern": f"^{WEEK}$"})
MOMENT = Value("a date and time such as 2026-12-20 00:00", _date, {"type": "string", "pattern": f"^{DATE}$"})
CRON = Value('five fields of cron such as "0 22 * * mon-fri"', _cron, {"type": "string", "pattern": f"^{CRON_PATTERN}$"})
ZONE = Value("the name of a timezone such as Europe/Berlin or UTC", _zone, {"type": "string", "pattern": r"^[A-Za-z][A-Za-z0-9_+/-]*$"})
QUESTION = Value("an expression (CEL) that is true or false", _question, {"type": "string", "maxLength": MOST_LONG})
