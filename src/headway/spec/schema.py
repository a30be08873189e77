"""The JSON Schema of headway.yaml, for editors: made from the table that validates."""

from typing import Any

from headway.spec.keys import FILE
from headway.spec.policy_keys import POLICIES


def schema() -> dict[str, Any]:
    """What an editor completes and underlines. It knows keys and types; names and numbers that must agree are `headway validate`'s."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "headway.yaml",
        "description": "The way of one repository's services to production.",
    } | FILE.schema()


def policies_schema() -> dict[str, Any]:
    """The same for the server's policies."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "policies.yaml",
        "description": "What every repository of a server inherits, and what none of them may weaken.",
    } | POLICIES.schema()
