"""What is written as the version: a candidate says what it may become, and every file says it as its readers understand it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version as Pep440

from headway.releases.stamping import stamped, written


@pytest.mark.parametrize(
    ("version", "label", "said"),
    [
        pytest.param("1.4.0", False, "1.4.0", id="a release says its version"),
        pytest.param("1.4.0-rc.2", False, "1.4.0", id="a candidate is built as what it may become, for it is never built again"),
        pytest.param("1.4.0-feature-x.3", True, "1.4.0-feature-x.3", id="a branch's build becomes nothing, and says so"),
    ],
)
def test_what_is_stamped(version: str, label: bool, said: str) -> None:
    assert stamped(version, label=label) == said


@pytest.mark.parametrize(
    ("version", "file", "said"),
    [
        pytest.param("1.4.0", "pyproject.toml", "1.4.0", id="the usual"),
        pytest.param("1.4.0-rc.2", "pyproject.toml", "1.4.0rc2", id="a candidate by PEP 440"),
        pytest.param("1.4.0-feature-x.3", "src/a/__init__.py", "1.4.0.dev3+feature.x", id="a branch, where PEP 440 has no word for it"),
        pytest.param("1.4.0-feature-x.3", "package.json", "1.4.0-feature-x.3", id="everybody else reads SemVer"),
        pytest.param("1.3.3-main.g1a2b3c4d5e", "pyproject.toml", "1.3.3.dev0+main.g1a2b3c4d5e", id="below the next version"),
    ],
)
def test_how_it_is_written(version: str, file: str, said: str) -> None:
    assert written(version, file) == said


WORD = st.from_regex(r"[A-Za-z][0-9A-Za-z-]{0,8}", fullmatch=True)


@given(st.tuples(st.integers(0, 50), st.integers(0, 50), st.integers(0, 50)), WORD, st.integers(0, 99))
def test_a_python_file_always_gets_what_pep_440_reads_and_never_more_than_the_release(
    core: tuple[int, int, int], name: str, number: int
) -> None:
    of = ".".join(map(str, core))
    said = Pep440(written(f"{of}-{name}.{number}", "pyproject.toml"))
    assert said.release == core
    assert said < Pep440(of)
