"""A branch that lacks what runs in a shared environment, and a stage that minds."""

import pytest

from headway.environments.model import Environment
from headway.promotion.diverged import objections
from headway.promotion.model import Candidate, Stage


@pytest.mark.parametrize(
    ("rule", "lacks", "objects"),
    [
        pytest.param("keep", None, False, id="nobody minds, and nothing is lacking"),
        pytest.param("keep", "tally@1.1.0", False, id="nobody minds"),
        pytest.param("refuse", None, False, id="nothing is lacking"),
        pytest.param("refuse", "tally@1.1.0", True, id="it lacks something, and the stage minds"),
    ],
)
def test_only_a_stage_that_minds_keeps_out_what_lacks_something(rule: str, lacks: str | None, objects: bool) -> None:
    candidate = Candidate("tally@1.2.0", "1.2.0", "sha256:a", "ada", "ada", "sha256:c", "sha256:t", lacks=lacks)
    found = objections(candidate, Stage("tally", Environment("dev"), diverged=rule))
    assert [(one.kind, "lacks commits of tally@1.1.0" in one.text) for one in found] == ([("waits", True)] if objects else [])
