"""Exit codes say what scripts need to know."""

import pytest

from headway.cli.exits import EXIT_CODES, MEANINGS, exit_code, phase_code
from headway.errors import Contradiction, Failed, Fenced, HeadwayError, InvalidSpec, Refused, Unavailable
from headway.rollout.phases import ENDED, Phase


@pytest.mark.parametrize(
    ("error", "code"),
    [
        pytest.param(Unavailable("x"), 1, id="trouble on our side"),
        pytest.param(Contradiction("x"), 1, id="our own records disagree"),
        pytest.param(Fenced("x"), 1, id="somebody newer"),
        pytest.param(InvalidSpec("x"), 2, id="an invalid file"),
        pytest.param(Failed("x"), 3, id="the release failed"),
        pytest.param(Refused("x"), 12, id="refused"),
    ],
)
def test_each_error_has_its_code(error: HeadwayError, code: int) -> None:
    assert exit_code(error) == code


def test_every_code_has_a_meaning() -> None:
    assert set(EXIT_CODES.values()) <= set(MEANINGS)
    assert {phase_code(phase.value) for phase in Phase} - {None} <= set(MEANINGS)


def test_every_end_has_a_code() -> None:
    assert all(phase_code(phase.value) is not None for phase in ENDED)
