"""What changed for a client of an HTTP service, rule by rule."""

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway.adapters.apidiff.openapi import compare, differences
from headway.errors import Unavailable

VOTE: dict[str, Any] = {
    "type": "object",
    "required": ["name"],
    "properties": {
        "name": {"type": "string", "maxLength": 20},
        "colour": {"type": "string", "enum": ["red", "blue"]},
        "count": {"type": "integer"},
        "next": {"$ref": "#/components/schemas/Vote"},
    },
}
PUT_VOTE: dict[str, Any] = {**VOTE, "properties": {**deepcopy(VOTE["properties"]), "next": {"$ref": "#/components/schemas/Put"}}}
OLD: dict[str, Any] = {
    "openapi": "3.1.0",
    "paths": {
        "/votes/{id}": {
            "parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}],
            "get": {
                "parameters": [{"name": "most", "in": "query", "schema": {"type": "integer", "maximum": 100}}],
                "responses": {
                    "200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Vote"}}}},
                    "404": {},
                },
            },
            "put": {
                "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Put"}}}},
                "responses": {"204": {}},
            },
        }
    },
    "components": {"schemas": {"Vote": VOTE, "Put": PUT_VOTE}},
}
GET, PUT = "paths./votes/{id}.get", "paths./votes/{id}.put"
MOST = f"{GET}.parameters.0"
SENT, GOT = "components.schemas.Put", "components.schemas.Vote"
GONE = object()


def changed(*changes: tuple[str, Any]) -> dict[str, Any]:
    document = deepcopy(OLD)
    for path, value in changes:
        *way, last = path.split(".")
        at: Any = document
        for name in way:
            at = at[int(name)] if isinstance(at, list) else at[name]
        key = int(last) if isinstance(at, list) else last
        if value is GONE:
            del at[key]
        else:
            at[key] = value
    return document


@pytest.mark.parametrize(
    ("changes", "level"),
    [
        pytest.param([], None, id="nothing"),
        pytest.param([(GET, GONE)], "major", id="an operation is gone"),
        pytest.param([("paths./votes/{id}", GONE)], "major", id="a path is gone"),
        pytest.param([("paths./new", {"get": {"responses": {}}})], "minor", id="a path was added"),
        pytest.param([(f"{GET}.deprecated", True)], "minor", id="deprecated"),
        pytest.param([(f"{GET}.parameters", [])], "major", id="a parameter is gone"),
        pytest.param([(f"{MOST}.required", True)], "major", id="a parameter is required"),
        pytest.param([(f"{PUT}.parameters", [{"name": "x", "in": "header"}])], "minor", id="a parameter may be given"),
        pytest.param([(f"{PUT}.parameters", [{"name": "x", "in": "header", "required": True}])], "major", id="a parameter must be given"),
        pytest.param([(f"{MOST}.schema.type", "string")], "major", id="a parameter has another type"),
        pytest.param([(f"{MOST}.schema.type", "number")], "minor", id="a parameter takes every number"),
        pytest.param([(f"{MOST}.schema.maximum", 50)], "major", id="a parameter takes less"),
        pytest.param([(f"{MOST}.schema.maximum", 200)], "minor", id="a parameter takes more"),
        pytest.param([(f"{MOST}.schema.maximum", GONE)], "minor", id="a parameter takes anything"),
        pytest.param([("paths./votes/{id}.parameters.0.name", "key")], None, id="another name for a place in the path"),
        pytest.param([(f"{PUT}.requestBody.required", True)], "major", id="the body is required"),
        pytest.param([(f"{PUT}.requestBody", GONE)], "major", id="the body is gone"),
        pytest.param([(f"{PUT}.requestBody.content.text/csv", {})], "minor", id="another form of the body"),
        pytest.param([(f"{PUT}.requestBody.content", {"text/csv": {}})], "major", id="a form of the body is gone"),
        pytest.param([(f"{SENT}.required", ["name", "count"])], "major", id="a field must be sent"),
        pytest.param([(f"{SENT}.required", [])], "minor", id="a field need not be sent"),
        pytest.param([(f"{SENT}.properties.more", {"type": "string"})], "minor", id="a field may be sent"),
        pytest.param([(f"{SENT}.properties.name.type", ["string", "null"])], "minor", id="a field may be null when sent"),
        pytest.param([(f"{SENT}.properties.name.pattern", "^a")], "major", id="what is sent must fit a pattern"),
        pytest.param([(f"{SENT}.properties.colour.enum", ["red"])], "major", id="a value may not be sent"),
        pytest.param([(f"{SENT}.properties.colour.enum", ["red", "blue", "pink"])], "minor", id="a value may be sent"),
        pytest.param([(f"{SENT}.additionalProperties", False)], "major", id="nothing else may be sent"),
        pytest.param([(f"{GOT}.properties.count", GONE)], "major", id="a field is not returned"),
        pytest.param([(f"{GOT}.properties.more", {"type": "string"})], "minor", id="a field is returned"),
        pytest.param([(f"{GOT}.properties.name.type", ["string", "null"])], "major", id="a field may be null when returned"),
        pytest.param([(f"{GOT}.properties.count.type", "number")], "major", id="a whole number becomes any"),
        pytest.param([(f"{GOT}.required", [])], "major", id="a field may be missing"),
        pytest.param([(f"{GOT}.required", ["name", "count"])], "minor", id="a field is always there"),
        pytest.param([(f"{GOT}.properties.name.maxLength", 40)], "major", id="what is returned may be longer"),
        pytest.param([(f"{GOT}.properties.name.maxLength", 10)], "minor", id="what is returned is shorter"),
        pytest.param([(f"{GOT}.properties.colour.enum", ["red"])], "major", id="a value is gone"),
        pytest.param([(f"{GET}.responses.200", GONE)], "major", id="an answer is gone"),
        pytest.param([(f"{GET}.responses.404", GONE)], "minor", id="a fault is gone"),
        pytest.param([(f"{GET}.responses.410", {})], "minor", id="another fault"),
        pytest.param([("security", [{"key": []}])], "major", id="credentials are asked for"),
        pytest.param([("components.schemas.Other", {"type": "string"})], None, id="what nobody uses"),
        pytest.param([(GOT, {"allOf": [VOTE]})], None, id="another way to write it"),
    ],
)
def test_what_a_client_notices(changes: list[tuple[str, Any]], level: str | None) -> None:
    found = [finding.level for finding in differences(OLD, changed(*changes), "api.json")]
    assert max(found).value == level if level else not found


def test_the_finding_names_operation_and_field() -> None:
    found = list(differences(OLD, changed((f"{GOT}.properties.count", GONE)), "api.json"))
    assert [finding.text for finding in found] == [
        "GET /votes/{id}: response 200: the field count was removed",
    ]


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=5), inner),
    )
)
def test_a_document_is_never_different_from_itself(anything: Any) -> None:
    document = changed(("info", anything), (f"{GOT}.example", anything))
    assert not list(differences(document, deepcopy(document), "api.json"))


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("{", id="no JSON"),
        pytest.param("[]", id="a list"),
        pytest.param('{"swagger": "2.0"}', id="an older form"),
        pytest.param('{"openapi": "3.0.0", "paths": 7}', id="a number for paths"),
        pytest.param(json.dumps(changed((GOT, {"$ref": "other.json#/x"}))), id="a reference to elsewhere"),
        pytest.param(json.dumps(changed((GOT, {"$ref": "#/components/schemas/Vote"}))), id="a reference to itself"),
        pytest.param(json.dumps(changed((GOT, {"$ref": "#/nowhere"}))), id="a reference to nothing"),
    ],
)
def test_what_cannot_be_compared_is_said(text: str, tmp_path: Path) -> None:
    for name, content in (("old", json.dumps(OLD)), ("new", text)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "api.json").write_text(content)
    with pytest.raises(Unavailable):
        compare(tmp_path / "old", tmp_path / "new", "api.json")
