"""What an approval of a stage is bound to, besides the release and its configuration: everything that the stage will do."""

import json
from dataclasses import asdict
from hashlib import sha256

from headway.promotion.model import Stage

# The configuration has a digest of its own. Who is told, what triggers the stage, who overtakes whom, when it may start and whose word
# counts at all change nothing of what is approved.
NOT_BOUND = frozenset(
    {
        "environment",
        "notify",
        "trigger",
        "newer",
        "freezes",
        "break_glass",
        "groups",
        "revoked",
        "timezone",
        "origins",
        "per_branch",
        "diverged",
    }
)
# Bound where the file has them: a stage without them keeps the digest it had before there were any.
WHERE_GIVEN = frozenset({"advisory", "also", "checklist", "drill", "gates", "holdback", "preview", "routing", "skipped"})


def target_digest(stage: Stage) -> str:
    """The digest of what this stage will do to a release; editing the pipeline changes it, and so voids approvals."""
    deeds = {name: value for name, value in asdict(stage).items() if name not in NOT_BOUND and (value or name not in WHERE_GIVEN)}
    where = {
        "name": stage.environment.name,
        "replicas": stage.environment.replicas,
        "platform": stage.environment.platform,
        "port": stage.environment.port,
        # Only where there is one: approvals of before there were any still hold.
        **({"database": _without_unused(asdict(stage.environment.database))} if stage.environment.database is not None else {}),
        **({"cluster": _without_new(asdict(stage.environment.cluster))} if stage.environment.cluster else {}),
    }
    text = json.dumps(_canonical(deeds | {"environment": where}), sort_keys=True, separators=(",", ":"))
    return f"sha256:{sha256(text.encode()).hexdigest()}"


def _without_unused(database: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in database.items() if value or name not in {"seed", "reset", "inside"}}


_NEW = {"gateway": "contour", "prometheus": None, "architecture": (), "registry": "ask", "copy_to": ""}
"""What a cluster could not say at first, and what it means where it is not said."""


def _without_new(cluster: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in cluster.items() if name not in _NEW or value != _NEW[name]}


def _canonical(value: object) -> object:
    """15 minutes are 15 minutes, whether the file's reader made them 900 or 900.0."""
    match value:
        case dict():
            # What came later and is not used is left out: an upgrade of Headway voids nobody's approval.
            return {str(key): _canonical(item) for key, item in value.items() if not (key == "command" and item is None)}
        case list() | tuple():
            return [_canonical(item) for item in value]
        case float() if value.is_integer():
            return int(value)
        case _:
            return value
