"""Two environments differ where the file says so, and everywhere else it is drift."""

import pytest

from headway.environments.configuration import Layer, Setting, resolve
from headway.environments.parity import unlike


def layer(**values: str) -> Layer:
    """Variables; what starts with env: is a secret's reference."""
    return {name: Setting(value, f"headway.yaml:{number}", value.startswith("env:")) for number, (name, value) in enumerate(values.items())}


@pytest.mark.parametrize(
    ("before", "after", "intended", "why"),
    [
        pytest.param({"A": "1"}, {"A": "2"}, False, "not declared under differs", id="another value"),
        pytest.param({"A": "1"}, {}, False, "only one of the two has it", id="gone"),
        pytest.param({}, {"A": "1"}, False, "only one of the two has it", id="new"),
        pytest.param({"A": "env:X"}, {"A": "env:Y"}, True, "each has a secret of its own", id="two secrets"),
        pytest.param({"A": "env:X"}, {"A": "x"}, False, "a secret in one of the two, in plain sight in the other", id="a secret shown"),
        pytest.param({"D": "1"}, {"D": "2"}, True, "declared under differs", id="declared"),
        pytest.param({"D": "1"}, {}, True, "declared under differs", id="declared, and gone"),
    ],
)
def test_what_differs_is_intended_or_drift_and_says_why(before: dict[str, str], after: dict[str, str], intended: bool, why: str) -> None:
    (found,) = unlike(resolve(layer(**before)), resolve(layer(**after)), ("D",))
    assert (found.intended, found.why) == (intended, why)


def test_what_is_the_same_is_no_difference_wherever_it_was_written() -> None:
    assert unlike(resolve(layer(A="1", B="env:X")), resolve(layer(B="env:X", A="1")), ()) == ()


def test_drift_comes_first() -> None:
    found = unlike(resolve(layer(D="1", A="1")), resolve(layer(D="2", A="2")), ("D",))
    assert [(one.name, one.before, one.after) for one in found] == [("A", "1", "2"), ("D", "1", "2")]
