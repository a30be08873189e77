"""Small JSON files that one process leaves for another: whole or not there, so that nobody reads half of one."""

import json
import secrets as chance
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from headway.errors import Unavailable


def leave(path: Path, what: Mapping[str, object]) -> None:
    """Write it, in the place of what was there."""
    new = path.with_name(f".{path.name}.{chance.token_hex(8)}")
    new.write_text(json.dumps(what))
    new.replace(path)


def left(path: Path) -> dict[str, Any] | None:
    """What was left; None if nothing was. Unavailable if it cannot be read."""
    try:
        return dict(json.loads(path.read_text()))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise Unavailable(f"{path} cannot be read: {error}") from error
