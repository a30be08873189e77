"""The chart gives its server the rights that the page names, and its values are those that its schema knows."""

import json
import re
from pathlib import Path

import jsonschema
import yaml

from headway.adapters.kubernetes.roles import NEEDED

ROOT = Path(__file__).parents[2]
CHART = ROOT / "deploy" / "chart"


def test_the_chart_grants_what_the_page_says_and_nothing_else() -> None:
    page = (ROOT / "docs/how-to/kubernetes.md").read_text().partition("## What Headway needs")[2]
    said = {
        (verb, resource)
        for resource, verbs in re.findall(r"^\| `([a-z./0-9]+)` \| ([a-z, ]+) \|", page, re.MULTILINE)
        for verb in verbs.split(", ")
    }
    needed = {(verb, one.resource) for one in NEEDED for verb in one.verbs}
    granted = {
        (verb, f"{resource}.{group}".removesuffix("."))
        for rule in yaml.safe_load((CHART / "files/rules.yaml").read_text())
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }
    assert said == needed
    assert granted == needed


def test_the_values_are_those_of_the_schema() -> None:
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    schema = json.loads((CHART / "values.schema.json").read_text())
    jsonschema.validate(values, schema)
    assert set(values) == set(schema["properties"]) - {"global"}, "Helm's own `global` aside, each has a default"
