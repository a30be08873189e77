"""Which value a variable has, where it came from, and when two configurations are the same."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway.environments.configuration import Difference, Setting, difference, digest, resolve, sealed
from headway.environments.model import Configuration

NAMES = st.text(alphabet="ABC", min_size=1, max_size=2)
TEXTS = st.dictionaries(NAMES, st.text(max_size=3), max_size=4)
LAYERS = st.lists(
    st.dictionaries(NAMES, st.builds(Setting, st.text(max_size=3), st.text(max_size=3), st.booleans()), max_size=4), max_size=4
)


@given(LAYERS)
def test_the_last_word_on_a_variable_wins_with_its_origin(layers: list[dict[str, Setting]]) -> None:
    resolved = resolve(*layers)
    values, secrets = resolved.configuration.values, resolved.configuration.secrets
    assert not values.keys() & secrets.keys()
    assert values.keys() | secrets.keys() == resolved.origins.keys() == {name for layer in layers for name in layer}
    for name, origin in resolved.origins.items():
        last = next(layer[name] for layer in reversed(layers) if name in layer)
        assert (secrets if last.secret else values)[name] == last.value
        assert origin == last.origin


def test_an_override_may_turn_a_secret_into_a_value_and_back() -> None:
    plain, secret = {"A": Setting("x", "f:1")}, {"A": Setting("env:A", "f:2", secret=True)}
    assert resolve(plain, secret).configuration == Configuration({}, {"A": "env:A"})
    assert resolve(secret, plain).configuration == Configuration({"A": "x"}, {})


@given(TEXTS, TEXTS, TEXTS, TEXTS)
def test_the_digest_changes_if_and_only_if_something_does(
    values: dict[str, str], secrets: dict[str, str], others: dict[str, str], other_secrets: dict[str, str]
) -> None:
    same = (values, secrets) == (others, other_secrets)
    assert (digest(values, secrets) == digest(others, other_secrets)) is same


@given(TEXTS)
def test_the_order_in_which_variables_were_written_does_not_matter(values: dict[str, str]) -> None:
    assert digest(values, {}) == digest(dict(reversed(values.items())), {})


def test_a_value_is_not_a_secret_of_the_same_text() -> None:
    assert digest({"A": "x"}, {}) != digest({}, {"A": "x"})


def test_a_digest_says_what_it_is() -> None:
    kind, _, rest = digest({}, {}).partition(":")
    assert kind == "sha256"
    assert len(rest) == 64


def test_secrets_count_by_their_fingerprints_alone() -> None:
    here = Configuration({"A": "x"}, {"KEY": "env:KEY"})
    moved = Configuration({"A": "x"}, {"KEY": "file:/run/key"})
    assert sealed(here, {"KEY": "one"}).digest == sealed(moved, {"KEY": "one", "OTHER": "two"}).digest
    assert sealed(here, {"KEY": "one"}).digest != sealed(here, {"KEY": "two"}).digest


def test_a_secret_without_a_fingerprint_is_not_sealed() -> None:
    with pytest.raises(ValueError, match="no fingerprint of KEY"):
        sealed(Configuration({}, {"KEY": "env:KEY"}), {})


def test_a_difference_names_what_was_added_changed_and_taken_away() -> None:
    before = Configuration({"GONE": "1", "LOG": "info", "SAME": "x"}, {"KEY": "env:A"})
    after = Configuration({"LOG": "debug", "SAME": "x", "KEY": "plain", "NEW": "2"})
    assert difference(before, after) == (
        Difference("GONE", "1", None),
        Difference("KEY", "secret env:A", "plain"),
        Difference("LOG", "info", "debug"),
        Difference("NEW", None, "2"),
    )


def test_a_secret_that_changed_behind_its_reference_is_a_difference() -> None:
    configuration = Configuration({}, {"KEY": "env:KEY"})
    before, after = sealed(configuration, {"KEY": "one"}), sealed(configuration, {"KEY": "two"})
    assert difference(before, after) == (Difference("KEY", "a secret", "another secret behind the same reference"),)
    assert difference(before, before) == ()


@given(TEXTS, TEXTS)
def test_two_configurations_differ_where_their_digests_do(one: dict[str, str], two: dict[str, str]) -> None:
    before, after = sealed(Configuration(one), {}), sealed(Configuration(two), {})
    assert bool(difference(before, after)) is (before.digest != after.digest)
