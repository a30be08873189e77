"""SemVer 2.0.0, to the letter; the library `semver` is the judge."""

import pytest
import semver
from hypothesis import assume, given
from hypothesis import strategies as st

from headway.releases.levels import Level
from headway.releases.version import Version, channel, is_channel, step, version

NUMBERS = st.integers(0, 10**12)
IDENTIFIERS = st.from_regex(r"(0|[1-9][0-9]{0,5}|[0-9]{0,3}[A-Za-z-][0-9A-Za-z-]{0,6})", fullmatch=True)
VERSIONS = st.builds(Version, NUMBERS, NUMBERS, NUMBERS, st.lists(IDENTIFIERS, max_size=4).map(tuple))
NEAR = st.from_regex(r"v?[0-9]{1,3}(\.[0-9]{1,2}){1,3}(-[0-9a-z.-]{0,8})?(\+[0-9a-z.-]{0,6})?", fullmatch=True)


@given(VERSIONS, VERSIONS)
def test_precedence_is_that_of_the_library(one: Version, other: Version) -> None:
    compared = semver.Version.parse(str(one)).compare(str(other))
    assert (one > other) - (one < other) == compared
    assert (one == other) is (compared == 0)


@given(VERSIONS)
def test_what_is_written_is_read(of: Version) -> None:
    assert str(version(str(of))) == str(of)


@given(st.one_of(NEAR, st.text(max_size=20)))
def test_what_is_a_version_is_what_the_library_takes(text: str) -> None:
    assume(text.isascii())
    assert (version(text) is not None) is semver.Version.is_valid(text)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("01.9.9", id="a zero in front"),
        pytest.param("1.2", id="two numbers"),
        pytest.param("1.2.3.dev1", id="four parts"),
        pytest.param("1.2.3-01", id="a zero in front of a pre-release"),
        pytest.param("1.2.3-", id="an empty pre-release"),
        pytest.param("1.2.3-a..b", id="an empty identifier"),
        pytest.param("v1.2.3", id="a v is of the tag"),
        pytest.param("1.2.3\n", id="a line"),
        pytest.param("\uff11.2.3", id="digits of another script"),
        pytest.param("9" * 300 + ".0.0", id="longer than any version"),
    ],
)
def test_what_is_no_version(text: str) -> None:
    assert version(text) is None


def test_the_order_of_the_specification() -> None:
    names = ["1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc.1", "1.0.0"]
    found = [version(name) for name in names]
    assert sorted([each for each in found[::-1] if each]) == found


def test_build_metadata_never_decides() -> None:
    assert version("1.0.0+a") == version("1.0.0+b") == version("1.0.0")
    assert str(Version(1, 0, 0, build="a").raised(Level.PATCH)) == "1.0.1"


@given(VERSIONS, st.sampled_from([Level.PATCH, Level.MINOR, Level.MAJOR]))
def test_what_is_raised_is_greater_and_of_that_level(of: Version, level: Level) -> None:
    raised = of.core.raised(level)
    assert raised > of
    assert step(of.core, raised) is level


@given(VERSIONS, st.sampled_from(["rc", "beta", "feature-x", "a.b"]), st.integers(1, 99))
def test_candidates_come_before_their_version_and_in_order(of: Version, name: str, number: int) -> None:
    core = of.core
    assert core.candidate(name, number) < core.candidate(name, number + 1) < core
    assert channel(core.candidate(name, number).pre) == (name, number)


@pytest.mark.parametrize(
    ("pre", "found"),
    [
        pytest.param(("rc", "1"), ("rc", 1), id="with a dot"),
        pytest.param(("rc10",), ("rc", 10), id="without"),
        pytest.param(("rc",), None, id="no number"),
        pytest.param(("1",), None, id="no channel"),
        pytest.param(("feature-x-2", "3"), ("feature-x-2", 3), id="a number in the channel"),
    ],
)
def test_channels(pre: tuple[str, ...], found: tuple[str, int] | None) -> None:
    assert channel(pre) == found


@pytest.mark.parametrize(
    ("name", "good"),
    [("rc", True), ("feature-x", True), ("a.b", True), ("", False), ("1", False), ("rc.", False), ("r c", False), ("rc_1", False)],
)
def test_what_can_be_counted(name: str, good: bool) -> None:
    assert is_channel(name) is good
