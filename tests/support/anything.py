"""Any value of a noun, drawn from its own annotations, so that a field added tomorrow is tested tomorrow."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from enum import Enum
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from headway.rollout.model import Weight

TEXT = st.text(max_size=8)
PLAIN: Mapping[Any, SearchStrategy[Any]] = {
    str: TEXT,
    int: st.integers(-(2**62), 2**62),
    float: st.floats(allow_nan=False),
    bool: st.booleans(),
    object: st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXT | st.lists(TEXT, max_size=2),
    NoneType: st.none(),
    datetime: st.datetimes(timezones=st.just(UTC)),
    Weight: st.integers(0, 100).map(Weight),
}


def anything(kind: Any) -> SearchStrategy[Any]:
    """Values of this type."""
    if kind in PLAIN:
        return PLAIN[kind]
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        return st.one_of(*map(anything, sorted(arguments, key=lambda each: each is not NoneType)))
    if origin is Literal:
        return st.sampled_from(arguments)
    if origin is tuple:
        if arguments[-1] is not Ellipsis:
            return st.tuples(*map(anything, arguments))
        return st.lists(anything(arguments[0]), max_size=3).map(tuple)
    if origin is Mapping:
        key, value = arguments
        return st.dictionaries(anything(key), anything(value), max_size=3)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return st.sampled_from(kind)
    if is_dataclass(kind):
        hints = get_type_hints(kind)
        return st.builds(kind, **{field.name: anything(hints[field.name]) for field in fields(kind)})
    raise TypeError(f"teach tests/support/anything.py to draw a {kind}")
