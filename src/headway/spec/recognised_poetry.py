"""What Poetry was told to install, in words that pip understands: for projects that pip cannot install as a package."""

import re
from typing import Any

Told = tuple[tuple[str, ...], tuple[str, ...]]


def requirements(dependencies: dict[str, Any]) -> Told:
    """Requirements for pip, and the names of those that it cannot be told of: from git, by path, or by several conditions."""
    said = {name: _requirement(name, wanted) for name, wanted in dependencies.items() if name != "python"}
    return tuple(one for one in said.values() if one), tuple(name for name, one in said.items() if one is None)


def _requirement(name: str, wanted: object) -> str | None:
    extras = ""
    if isinstance(wanted, dict):
        if set(wanted) - {"version", "extras"}:
            return None
        extras = f"[{','.join(map(str, wanted.get('extras', ())))}]" if wanted.get("extras") else ""
        wanted = wanted.get("version")
    if not isinstance(wanted, str) or "|" in wanted:
        return None
    ranges = [_range(one.strip()) for one in wanted.split(",")]
    whole = f"{name}{extras}{','.join(one or '' for one in ranges)}"
    # It goes into a shell's quotes.
    return whole if None not in ranges and re.fullmatch(r"[\w.,<>=!~*\[\]+-]+", whole) else None


def _range(wanted: str) -> str | None:
    """`^1.2` and `~1.2` are Poetry's own; a bare version is exactly that one."""
    if wanted in {"", "*"}:
        return ""
    if re.match(r"[<>=!]=?|~=", wanted):
        return wanted.replace(" ", "")
    found = re.fullmatch(r"([\^~]?)\s*(\d+(?:\.\d+)*)", wanted)
    if found is None:
        return f"=={wanted}" if re.fullmatch(r"\d+(\.\d+)*\.\*", wanted) else None
    sign, version = found[1], found[2]
    if not sign:
        return f"=={version}"
    parts = [int(part) for part in version.split(".")]
    fixed = min(1, len(parts) - 1) if sign == "~" else next((number for number, part in enumerate(parts) if part), len(parts) - 1)
    above = [*parts[:fixed], parts[fixed] + 1]
    return f">={version},<{'.'.join(map(str, above))}"
