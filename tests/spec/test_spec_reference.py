"""The schema and the reference say what reading does, because they are made from the same table."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML

from headway.errors import InvalidSpec
from headway.spec.keys import FILE
from headway.spec.read import read
from headway.spec.records import Key, Record, default
from headway.spec.reference import reference
from headway.spec.schema import schema
from headway.spec.shapes import ListOf, MapOf, Shape

ROOT = Path(__file__).parents[2]
HEAD = "services: {web: {run: app, checks: {smoke: ./smoke}}}\nenvironments: {dev: {%s}}\n"


def load(text: str) -> Any:
    return YAML(typ="safe", pure=True).load(text)


def every_key(shape: Shape = FILE) -> Iterator[Key]:
    match shape:
        case Record():
            for key in shape.keys:
                yield key
                yield from every_key(key.shape)
        case MapOf() | ListOf():
            yield from every_key(shape.item)


def test_the_written_reference_is_current() -> None:
    assert (ROOT / "docs/reference/headway-yaml.md").read_text(encoding="utf-8") == reference(), (
        "run: python -m headway.spec.reference > docs/reference/headway-yaml.md"
    )


def test_the_reference_has_every_key_and_what_it_means() -> None:
    for key in every_key():
        assert f"| `{key.name}` |" in reference()
        assert key.meaning.endswith(".")


def test_every_default_of_the_table_can_be_read() -> None:
    for key in every_key():
        if key.default is not None:
            assert default(key).value is not None, key.name


def test_the_schema_is_one_and_takes_the_example() -> None:
    Draft202012Validator.check_schema(schema())
    assert not list(Draft202012Validator(schema()).iter_errors(load((ROOT / "examples/tally/headway.yaml").read_text(encoding="utf-8"))))


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param("strategy: canary", id="a bare strategy"),
        pytest.param("strategy: {rolling: {batch: 2}}", id="a batch"),
        pytest.param("strategy: {canary: 10}", id="one weight"),
        pytest.param("strategy: {canary: {weights: [5], sticky: true, mirror: 5%}}", id="a canary's routes"),
        pytest.param("strategy: {canary: {route: {cookie: {name: beta, value: 1}}}}", id="testers"),
        pytest.param("analysis: health", id="health"),
        pytest.param("analysis: {latency_p99: 1s500ms}", id="a latency"),
        pytest.param("approvals: 2", id="two approvals"),
        pytest.param("approvals: {from: [ann]}", id="who approves"),
        pytest.param("config: {A: 1, B: true, C: c}", id="variables"),
        pytest.param("secrets: {A: env:A, B: file:/b}", id="secrets"),
        pytest.param("checks: smoke", id="one check"),
        pytest.param("soak: 1d2h3m4.5s6ms", id="a long duration"),
        pytest.param("trigger: {push: [a, b/*], merge: main}", id="triggers"),
    ],
)
def test_what_the_schema_takes_can_be_read(lines: str) -> None:
    text = HEAD % lines
    assert not list(Draft202012Validator(schema()).iter_errors(load(text)))
    read(text)


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param("soak: 15", id="plain seconds"),
        pytest.param("soak: soon", id="no duration"),
        pytest.param("replicas: 0", id="no replicas"),
        pytest.param("replicas: two", id="text for a number"),
        pytest.param("kubernetes: {manifests: k8s}", id="a cluster without a namespace"),
        pytest.param("strategy: {canary: [0]}", id="no weight"),
        pytest.param("strategy: {rolling: {}, canary: [1]}", id="two strategies"),
        pytest.param("strategy: {canary: {mirror: 0%}}", id="copies of nothing"),
        pytest.param("strategy: {canary: {route: {}}}", id="a route of nobody"),
        pytest.param("trigger: {}", id="an empty trigger"),
        pytest.param("secrets: {A: x}", id="a secret written out"),
        pytest.param("config: {PORT: 1}", id="what Headway sets"),
        pytest.param("config: {A: [1]}", id="a list as a variable"),
        pytest.param("analysis: {error_rate: 0.1}", id="a bare share"),
        pytest.param("checks: [smoke, smoke]", id="a check twice"),
        pytest.param("nope: 1", id="an unknown key"),
        pytest.param("approvals: {allow_self: sure}", id="no flag"),
        pytest.param("platform: mars", id="an unknown platform"),
    ],
)
def test_what_the_schema_refuses_is_a_fault(lines: str) -> None:
    text = HEAD % lines
    assert list(Draft202012Validator(schema()).iter_errors(load(text)))
    with pytest.raises(InvalidSpec):
        read(text)
