"""Which requests in flight hang."""

from dataclasses import replace

import pytest
from stories import hanging, polls, served

from headway.analysis.evidence import begin
from headway.analysis.model import Counters
from headway.analysis.spans import hung


def test_nothing_hangs_before_anything_was_measured() -> None:
    *_, (_, evidence) = polls(hanging(10), served(90), 0)
    assert hung(evidence, 300) == (0, 0)
    assert hung(begin(evidence.since), 300) == (0, 0)


@pytest.mark.parametrize(
    ("latency_ms", "seconds", "hanging_requests"),
    [
        pytest.param(300, 2, 0, id="the ten that are in flight twice are explained"),
        pytest.param(300, 4, 18, id="of thirty, twelve are"),
        pytest.param(None, 2, 3, id="without a limit the old release's latency, or a tenth of a second, explains"),
        pytest.param(float("inf"), 4, 22, id="a limit without end is none"),
    ],
)
def test_what_arrivals_and_latency_explain_does_not_hang(latency_ms: float | None, seconds: int, hanging_requests: int) -> None:
    *_, (_, evidence) = polls(hanging(10), served(90), seconds)
    assert hung(evidence, latency_ms) == (hanging_requests, 0)


def test_failures_explain_nothing() -> None:
    """Otherwise a release that fails besides hanging would look better for it."""

    def failing_too(second: int) -> Counters:
        counters = hanging(10)(second)
        return replace(counters, completed=500 * second, failures=500 * second)

    (*_, (_, only_hanging)), (*_, (_, both)) = polls(hanging(10), None, 8), polls(failing_too, None, 8)
    assert hung(both, 300) == hung(only_hanging, 300) != (0, 0)


def test_a_hang_of_both_is_seen_in_both() -> None:
    *_, (_, evidence) = polls(hanging(10, from_second=30), hanging(90, from_second=30), 40)
    new, old = hung(evidence, 300)
    assert new > 50
    assert old > 450
