"""Which artifacts are kept."""

from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from headway.releases.collection import kept
from headway.releases.model import Release, RunSpec

RELEASE = Release("tally", "1.0.0", "c" * 40, "main", "sha256:0", RunSpec(("tally",)), "alice", "alice", datetime(2026, 1, 1, tzinfo=UTC))


def release(number: int, service: str = "tally", withdrawn: str | None = None) -> Release:
    return replace(RELEASE, service=service, version=f"1.{number}.0", digest=f"sha256:{service}{number}", withdrawn=withdrawn)


def test_the_newest_of_each_service_are_kept() -> None:
    releases = [release(3), release(9, "other"), release(2), release(1)]
    assert kept(releases, (), newest=2) == {"sha256:tally3", "sha256:tally2", "sha256:other9"}


def test_a_withdrawn_release_keeps_its_artifact_only_where_it_runs() -> None:
    releases = [release(2, withdrawn="leaks"), release(1)]
    assert kept(releases, (), newest=5) == {"sha256:tally1"}
    assert kept(releases, {"sha256:tally2"}, newest=5) == {"sha256:tally1", "sha256:tally2"}


@given(st.lists(st.integers(0, 30), max_size=40), st.sets(st.integers(0, 30)), st.integers(1, 10))
def test_what_is_in_use_is_always_kept(numbers: list[int], used: set[int], newest: int) -> None:
    in_use = {f"sha256:tally{number}" for number in used}
    assert in_use <= kept([release(number) for number in numbers], in_use, newest)
