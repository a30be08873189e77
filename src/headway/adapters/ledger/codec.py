"""Nouns to JSON text and back: enums by value, unions by their `kind`, datetimes as ISO 8601 in UTC."""

import json
from collections.abc import Mapping
from dataclasses import fields
from functools import cache
from typing import Any, TypeVar, cast

from pydantic import TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError, to_json, to_jsonable_python

from headway.errors import Contradiction
from headway.rollout.model import Rollout

T = TypeVar("T")

FORMAT: int = next(cast(int, field.default) for field in fields(Rollout) if field.name == "format")
"""The newest format of a rollout's record that this code reads and writes."""


class Unreadable(Contradiction):
    """A record that this Headway is too old for, or that was damaged."""


def encode(value: object) -> str:
    """The JSON of a noun. Infinity survives; a half of a surrogate pair, as file names may hold, becomes a question mark."""
    try:
        return to_json(value, inf_nan_mode="strings").decode()
    except PydanticSerializationError:
        return json.dumps(_speakable(to_jsonable_python(value, inf_nan_mode="strings")), separators=(",", ":"))


def decode(noun: type[T], text: str) -> T:
    """The noun again; Unreadable if this Headway does not understand it."""
    try:
        return cast(T, _adapter(cast(Any, noun)).validate_json(text))
    except ValidationError as error:
        # Not str(error): it quotes the values, and quotes them at length.
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"][:3])
        raise Unreadable(f"{noun.__name__} {where}: {first['msg']}") from error


def decode_rollout(text: str, format: int) -> Rollout:
    """A rollout's record; Unreadable if its format is newer than ours, even when its fields happen to fit."""
    if format > FORMAT:
        raise Unreadable(f"the record has format {format}, this Headway reads up to {FORMAT}")
    return decode(Rollout, text)


def canonical(value: Mapping[str, object]) -> str:
    """The one JSON text of a value: sorted keys, no blanks, ASCII only, so that its hash is the same everywhere."""
    simple = to_jsonable_python(value, inf_nan_mode="strings", fallback=str)
    text = _CANONICAL(simple)
    # Only where there is a surrogate may there be half of one.
    return _CANONICAL(_speakable(simple)) if "\\ud" in text else text


_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False).encode


def plain(text: str) -> str:
    """Text that every database takes: PostgreSQL refuses NUL, and neither takes half a surrogate pair."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode(errors="replace").decode()


@cache
def _adapter(noun: Any) -> TypeAdapter[Any]:
    return TypeAdapter(noun)


def _speakable(value: Any) -> Any:
    match value:
        case str():
            return value.encode(errors="replace").decode()
        case list():
            return [_speakable(each) for each in value]
        case dict():
            return {_speakable(key): _speakable(each) for key, each in value.items()}
        case _:
            return value
