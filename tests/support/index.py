"""Packages of other people, from the index that pip is configured for."""

import os
import subprocess
import sys
from functools import cache

import pytest


def reachable() -> None:
    """Skip where pip reaches no index, and say how to have one; in CI that is a failure."""
    trouble = _trouble()
    if trouble is None:
        return
    if os.environ.get("CI"):
        pytest.fail(f"CI must reach a package index, and pip says: {trouble}")
    pytest.skip(f"pip reaches no package index ({trouble}); connect this machine, or name one: pip config set global.index-url URL")


@cache
def _trouble() -> str | None:
    """What pip says when it is asked for the versions of a small package."""
    asked = (sys.executable, "-m", "pip", "index", "versions", "pypiserver", "--retries", "0", "--timeout", "10")
    try:
        ran = subprocess.run(asked, capture_output=True, text=True, check=False, timeout=60)
    except subprocess.TimeoutExpired:
        return "no answer within a minute"
    return None if ran.returncode == 0 else (ran.stderr.strip().splitlines() or ["it failed"])[-1]
