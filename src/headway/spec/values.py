"""What people write for times, shares, sizes and commands. Each reader raises ValueError with a hint, or with nothing to add."""

import re
import shlex

SECONDS = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
DURATION = r"(?=[0-9])([0-9]{1,4}d)?([0-9]{1,5}h)?([0-9]{1,6}m)?([0-9]{1,7}(\.[0-9]{1,3})?s)?([0-9]{1,9}ms)?"
LONGEST = 1000 * SECONDS["d"]
PERCENT = r"[0-9]{1,3}(\.[0-9]{1,6})?%"
SIZE = r"[0-9]{1,7}(MB|GB)"
REFERENCE = r"(env:[A-Za-z_][A-Za-z0-9_]*|file:[^\s]+|sops:/[^\s#]+#[^\s#]+|vault:[^\s#/][^\s#]*#[^\s#]+|keyring:[^\s]+/[^\s/]+)"
IN_CLUSTER_SCHEME = "kubernetes:"
IN_CLUSTER = IN_CLUSTER_SCHEME + r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?/[-._a-zA-Z0-9]{1,253}"
"""A key of a Secret that is in the cluster already: named, and never read by Headway."""


def seconds(text: str) -> float:
    """`15m`, `1h30m`, `500ms` as seconds."""
    if not re.fullmatch(DURATION, text):
        raise ValueError(f'did you mean "{text}s"?' if re.fullmatch(r"[0-9]{1,7}(\.[0-9]+)?", text) else "")
    total = sum(float(number) * SECONDS[unit] for number, unit in re.findall(r"([0-9.]+)(ms|[dhms])", text))
    if total > LONGEST:
        raise ValueError("1000d is the longest")
    return round(total, 3)


def share(text: str) -> float:
    """`1%` as 0.01."""
    if not re.fullmatch(PERCENT, text):
        raise ValueError(_percent_meant(text))
    percent = float(text.removesuffix("%"))
    if percent > 100:
        raise ValueError("100% is all")
    return round(percent / 100, 9)


def _percent_meant(text: str) -> str:
    if not re.fullmatch(r"[0-9]{1,3}(\.[0-9]{1,6})?", text):
        return ""
    number = float(text)
    return f'did you mean "{number * 100 if number < 1 else number:g}%"?'


def megabytes(text: str) -> int:
    """`512MB` as 512, `2GB` as 2048."""
    if not re.fullmatch(SIZE, text):
        raise ValueError(f'did you mean "{text}MB"?' if re.fullmatch(r"[0-9]{1,7}", text) else "")
    size = int(text[:-2]) * (1024 if text.endswith("GB") else 1)
    if not size:
        raise ValueError("nothing runs in that")
    return size


WAY_OUT = "no shell runs it: put it in a script, or write [sh, -c, ...]"


def words(text: str) -> tuple[str, ...]:
    """A command line as its words, as a shell would split it, with nothing left for a shell to do."""
    try:
        argv = tuple(shlex.split(text))
    except ValueError as error:
        raise ValueError(f"{str(error).lower()}") from error
    if not argv or not argv[0]:
        raise ValueError("")
    if syntax := shell_syntax(text.strip()):
        raise ValueError(f"{syntax} is for a shell and {WAY_OUT}")
    if re.match(r"[A-Za-z_][A-Za-z0-9_]*=", argv[0]):
        raise ValueError(f"{argv[0].partition('=')[0]}= is for a shell and {WAY_OUT}")
    return argv


SHELL = re.compile(r"&&|\|\||\$\(|>>|<<|\$(?!PORT\b)[A-Za-z_][A-Za-z0-9_]*|\$\{|[|&;<>`*\n]")
EXPANDED = re.compile(r"\$\(|\$(?!PORT\b)[A-Za-z_][A-Za-z0-9_]*|\$\{|`")


def shell_syntax(text: str) -> str | None:
    """The first thing in a command line that only a shell understands; quotes make it plain text, as they would there."""
    quote, at = "", 0
    while at < len(text):
        char = text[at]
        if char == "\\" and quote != "'":
            at += 2
        elif quote and char == quote:
            quote, at = "", at + 1
        elif not quote and char in "'\"":
            quote, at = char, at + 1
        elif quote != "'" and (found := (EXPANDED if quote else SHELL).match(text, at)):
            return "a new line" if found[0] == "\n" else found[0]
        else:
            at += 1
    return None
