"""Where did an artifact come from? An in-toto Statement v1 with the SLSA provenance v1 predicate.

It speaks of the artifact and not of a version: a candidate that becomes stable keeps it, for nothing was built. What was written into files
as the version before the build is told, by file: with it and the commit anybody can make the same artifact again.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from headway import __version__
from headway.releases.model import BuildSpec

PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "https://slsa.dev/provenance/v1"
BUILD_TYPE = "urn:headway:build:v1"
_MANIFEST = "the SHA-256 of the artifact's manifest, which names every file with its own digest"


def statement(
    *,
    service: str,
    digest: str,
    commit: str,
    ref: str,
    recipe: BuildSpec,
    host: str,
    started: datetime,
    finished: datetime,
    evidence: Sequence[str] = (),
    stamped: Mapping[str, str] | None = None,
) -> Mapping[str, object]:
    """What was built from what, by whom, how and when."""
    algorithm, _, hexadecimal = digest.partition(":")
    return {
        "_type": STATEMENT,
        "subject": [{"name": service, "digest": {algorithm: hexadecimal}, "annotations": {"headway:digest": _MANIFEST}}],
        "predicateType": PREDICATE,
        "predicate": {
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": {
                    "service": service,
                    "ref": ref,
                    "build": {
                        "command": list(recipe.argv),
                        "output": recipe.output,
                        "checks": list(recipe.checks),
                        "timeout": recipe.timeout,
                        **({"stamped": dict(stamped)} if stamped else {}),
                    },
                },
                "internalParameters": {},
                "resolvedDependencies": [{"name": "source", "digest": {"gitCommit": commit}}],
            },
            "runDetails": {
                "builder": {"id": f"urn:headway:builder:{host}", "version": {"headway": __version__}},
                "metadata": {
                    "invocationId": f"{commit}-{int(started.timestamp() * 1000)}",
                    "startedOn": _moment(started),
                    "finishedOn": _moment(finished),
                },
                "byproducts": [{"name": "evidence", "annotations": {"said": list(evidence)}}],
            },
        },
    }


def _moment(when: datetime) -> str:
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
