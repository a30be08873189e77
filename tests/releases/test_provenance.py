"""The statement has what in-toto's Statement v1 and SLSA's provenance v1 require."""

from datetime import UTC, datetime, timedelta, timezone

from headway.releases.model import BuildSpec
from headway.releases.provenance import statement

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_everything_that_the_specifications_require_is_there() -> None:
    told = statement(
        service="tally",
        digest=f"sha256:{'a' * 64}",
        commit="c" * 40,
        ref="main",
        recipe=BuildSpec(argv=("make",), output="dist", checks=("lint",)),
        host="h1",
        started=AT.astimezone(timezone(timedelta(hours=2))),
        finished=AT + timedelta(seconds=90),
        evidence=("lint passed",),
    )
    assert (told["_type"], told["predicateType"]) == ("https://in-toto.io/Statement/v1", "https://slsa.dev/provenance/v1")
    [subject] = told["subject"]  # type: ignore[misc]
    assert (subject["name"], subject["digest"]) == ("tally", {"sha256": "a" * 64})
    predicate = told["predicate"]
    definition, run = predicate["buildDefinition"], predicate["runDetails"]  # type: ignore[index]
    assert definition["buildType"]
    assert definition["externalParameters"]["build"] == {"command": ["make"], "output": "dist", "checks": ["lint"], "timeout": 600.0}
    assert definition["resolvedDependencies"][0]["digest"] == {"gitCommit": "c" * 40}
    assert run["builder"]["id"] == "urn:headway:builder:h1"
    assert (run["metadata"]["startedOn"], run["metadata"]["finishedOn"]) == ("2026-03-01T12:00:00Z", "2026-03-01T12:01:30Z")
    assert run["byproducts"][0]["annotations"] == {"said": ["lint passed"]}
