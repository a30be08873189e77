"""Any text whatever is a file or a list of faults, soon; and one slip is one fault."""

import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headway.errors import InvalidSpec
from headway.spec.compose import compose
from headway.spec.faults import Faults
from headway.spec.file import File
from headway.spec.keys import FILE
from headway.spec.nodes import Kind, Node
from headway.spec.read import read
from headway.spec.records import Record
from headway.spec.shapes import ListOf, MapOf, Shape
from headway.spec.views import stages

EXAMPLE = (Path(__file__).parents[2] / "examples" / "tally" / "headway.yaml").read_text(encoding="utf-8")


def reads(text: str | bytes) -> None:
    """A File or InvalidSpec with places, never another exception."""
    try:
        file = read(text)
    except InvalidSpec as error:
        assert error.faults
        assert all(fault.startswith("headway.yaml:") and "\n" not in fault for fault in error.faults)
    else:
        assert isinstance(file, File)
        for service in file.services:
            assert stages(file, service)


@given(st.text(max_size=400))
def test_any_text_is_a_file_or_faults(text: str) -> None:
    reads(text)


@given(st.text(alphabet="ab:-[]{}&*!|>'\"%@`#?,<~ \n\t\\0.$\r\x85\u2028\ufeff", max_size=80))
def test_any_heap_of_yaml_signs_is_a_file_or_faults(text: str) -> None:
    reads(text)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_file_or_faults(data: bytes) -> None:
    reads(data)


@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=150, deadline=None)
@given(st.integers(0, len(EXAMPLE)), st.integers(0, 60), st.text(alphabet="ab:-[]{}&*!|>'\"%#?,< \n\t19$", max_size=12))
def test_the_example_with_a_piece_replaced_is_a_file_or_faults(at: int, length: int, piece: str) -> None:
    reads(EXAMPLE[:at] + piece + EXAMPLE[at + length :])


WORDS = ["dev", "web", "", "1", "yes", "5s", "1%", "health", "canary", "env:A", "$PORT", "a | b", "feature/*", "/x"]
SCALARS = st.one_of(st.sampled_from(WORDS), st.integers(), st.booleans(), st.none(), st.floats())
NAMES = st.sampled_from(["dev", "web", "A", "smoke", "run", "1"])


def shaped(shape: Shape) -> st.SearchStrategy[object]:
    """Something that is nearly of this shape, as JSON, which is YAML too."""
    match shape:
        case Record():
            some = {key.name: shaped(key.shape) for key in shape.keys}
            return (
                st.one_of(st.fixed_dictionaries({}, optional=some), SCALARS) if not shape.own else st.fixed_dictionaries({}, optional=some)
            )
        case MapOf():
            return st.one_of(st.dictionaries(NAMES, shaped(shape.item), max_size=3), SCALARS)
        case ListOf():
            return st.one_of(st.lists(shaped(shape.item), max_size=3), SCALARS)
        case _:
            return SCALARS


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large], max_examples=150, deadline=None)
@given(shaped(FILE))
def test_anything_of_nearly_the_right_shape_is_a_file_or_faults(value: object) -> None:
    reads(written(value))


def written(value: object) -> str:
    """As flow YAML, with text unquoted where that may be."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {written(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(written, value)) + "]"
    return "~" if value is None else str(value).lower() if isinstance(value, bool) else str(value) or '""'


CROWD = "services: {web: {run: a}}\nenvironments: {"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("[" * 1_000_000, id="brackets"),
        pytest.param("- " * 500_000, id="dashes"),
        pytest.param("? " * 500_000, id="question marks"),
        pytest.param("#x\n" * 333_000, id="comments"),
        pytest.param("a: " + "b\n " * 333_000, id="one long text"),
        pytest.param('a: "' + "b\n " * 333_000 + '"', id="one long quoted text"),
        pytest.param("".join(f"k{n}: v\n" for n in range(9_000)), id="unknown keys"),
        pytest.param(CROWD + ", ".join(f"e{n}: {{after: x{n}}}" for n in range(4_000)) + "}", id="unknown names"),
        pytest.param(CROWD + ", ".join(f"e{n}: {{after: e{n ^ 1}}}" for n in range(4_000)) + "}", id="circles"),
        pytest.param(CROWD + ", ".join(f"e{n}: {{}}" for n in range(9_000)) + "}", id="a long pipeline"),
        pytest.param(CROWD + "e: {checks: [" + ",".join(f"c{n}" for n in range(15_000)) + "]}}", id="checks without end"),
    ],
)
def test_the_largest_files_are_answered_soon(text: str) -> None:
    started = time.monotonic()
    reads(text[:1_000_000])
    assert time.monotonic() - started < 20  # about 2 on a quiet machine; what this guards against takes hours


def keys(node: Node, shape: Shape) -> list[Node]:
    """Every key of the example that is ours, not a name its author chose."""
    found: list[Node] = []
    for key, value in node.pairs:
        if isinstance(shape, Record):
            found.append(key)
            found += keys(value, next(one.shape for one in shape.keys if one.name == key.text))
        elif isinstance(shape, MapOf):
            found += keys(value, shape.item)
    return found


def example_keys() -> list[Node]:
    root = compose(EXAMPLE, Faults("example"))
    assert root is not None
    assert root.kind is Kind.MAPPING
    return keys(root, FILE)


def test_the_example_has_keys_to_misspell() -> None:
    assert len(example_keys()) > 60


@pytest.mark.parametrize("key", [pytest.param(key, id=f"{key.text} on line {key.line}") for key in example_keys()])
def test_one_misspelt_key_is_one_fault_with_its_place_and_a_suggestion(key: Node) -> None:
    lines = EXAMPLE.splitlines(keepends=True)
    line, at = lines[key.line - 1], key.column - 1
    lines[key.line - 1] = line[:at] + key.text[0] + line[at:]
    with pytest.raises(InvalidSpec) as caught:
        read("".join(lines))
    (fault,) = caught.value.faults
    assert fault.startswith(f"headway.yaml:{key.line}:{key.column}: ")
    assert fault.endswith(f'has no key "{key.text[0]}{key.text}"; did you mean "{key.text}"?')
