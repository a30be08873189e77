"""A selector of Prometheus, such as `http_requests_total{code=~"5.."}`: which series are meant, and nothing computed from them.

Headway adds up itself: a rate, a sum or anything else that Prometheus computes does not say when it was scraped, nor which of those that
count has restarted.
"""

import re
from collections.abc import Mapping

_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
_MATCHER = r'[a-zA-Z_][a-zA-Z0-9_]*\s*(?:=~|!~|!=|=)\s*"(?:[^"\\\n]|\\.)*"'
_SELECTOR = re.compile(rf"\s*(?P<name>{_NAME})\s*(?:\{{\s*(?P<matchers>{_MATCHER}(?:\s*,\s*{_MATCHER})*)?\s*,?\s*\}})?\s*")
LABEL = r"[a-zA-Z_][a-zA-Z0-9_]*"


def check(selector: str) -> None:
    """ValueError, with a hint, if this is no selector of one metric."""
    if _SELECTOR.fullmatch(selector):
        return
    if "(" in selector.partition("{")[0] or "[" in selector.partition("{")[0]:
        raise ValueError("write the counter alone, without sum() or rate(): Headway adds up itself")
    raise ValueError("")


def narrowed(selector: str, label: str, pattern: str, words: Mapping[str, str]) -> str:
    """The same with one matcher more, and with `$namespace` and the like replaced by what they stand for."""
    found = _SELECTOR.fullmatch(selector)
    if found is None:
        raise ValueError(f"{selector} is not a selector")
    matchers = found["matchers"] or ""
    for word, value in words.items():
        matchers = matchers.replace(f"${word}", value)
    more = [f'{label}=~"{pattern}"'] if label else []
    return f"{found['name']}{{{', '.join(filter(None, [matchers, *more]))}}}"
