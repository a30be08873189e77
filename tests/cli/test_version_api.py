"""The interface counts too: what it lost decides, whatever the commits say."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from headway.cli.main import cli
from support.histories import Told, tag, tell, touching

OLD = "def greet(name, loud=False):\n    return name\n\nasync def wait() -> None: ...\n\nLIMIT: int = 3\n"
API = "versions: {api: {python: pkg}%s}\n"


def commit(told: Told, message: str, files: dict[str, str]) -> None:
    """A commit that has exactly these files."""
    told.git("read-tree", "--empty")
    for name, text in files.items():
        blob = told.git("hash-object", "-w", "--stdin", input=text)
        told.git("update-index", "--add", "--cacheinfo", f"100644,{blob},{name}")
    told.commit(message)


def released(tmp_path: Path, old: dict[str, str], new: dict[str, str], policy: str, message: str = "fix: a") -> Told:
    told = tell(tmp_path / "r")
    commit(told, "feat: base", old)
    told.git("tag", "v1.0.0")
    commit(told, message, new)
    (told.path / "headway.yaml").write_text(policy)
    return told


def asked(told: Told) -> tuple[int, dict[str, object]]:
    ran = CliRunner().invoke(cli, ["version", "next", "--json", "--path", str(told.path)], standalone_mode=False)
    assert ran.exception is None, ran.output
    return ran.return_value, json.loads(ran.stdout)


@pytest.mark.parametrize(
    ("new", "expected"),
    [
        pytest.param(OLD, "1.0.1", id="nothing changed"),
        pytest.param(OLD.replace("def greet(name, loud=False):\n    return name\n", ""), "2.0.0", id="something is gone"),
        pytest.param(OLD.replace("async def", "def"), "2.0.0", id="no longer async"),
        pytest.param(OLD + "\ndef more(): ...\n", "1.1.0", id="something was added"),
    ],
)
def test_the_interface_decides(new: str, expected: str, tmp_path: Path) -> None:
    told = released(tmp_path, {"pkg/__init__.py": OLD}, {"pkg/__init__.py": new}, API % "")
    assert asked(told)[1]["next"] == expected


def test_the_symbol_is_named(tmp_path: Path) -> None:
    told = released(tmp_path, {"pkg/__init__.py": OLD}, {"pkg/__init__.py": ""}, API % "")
    _, view = asked(told)
    assert {"level": "major", "kind": "api", "what": "pkg.greet: public object was removed", "where": "pkg"} in view["because"]  # type: ignore[operator]


def test_what_is_waived_does_not_count_until_the_waiver_runs_out(tmp_path: Path) -> None:
    gone = {"pkg/__init__.py": OLD.replace("LIMIT: int = 3\n", "")}
    waiver = ", waivers: {pkg.LIMIT: {reason: nobody read it, until: %s}}"
    told = released(tmp_path, {"pkg/__init__.py": OLD}, gone, API % waiver % "2999-01-01")
    assert asked(told)[1]["next"] == "1.0.1"
    (told.path / "headway.yaml").write_text(API % waiver % "2020-01-01")
    assert asked(told)[1]["next"] == "2.0.0"


def test_what_cannot_be_compared_is_undecided_and_no_guess(tmp_path: Path) -> None:
    told = released(tmp_path, {"pkg/__init__.py": OLD}, {"pkg/__init__.py": "def ("}, API % "")
    code, view = asked(told)
    assert (code, view["next"], view["refused"]) == (1, None, None)
    assert "cannot be parsed" in str(view["because"])


def test_a_contract_migration_counts_by_what_its_removal_means(tmp_path: Path) -> None:
    sql = "-- migrate:up\nALTER TABLE votes DROP COLUMN old;\n-- migrate:down\nSELECT 1;"
    policy = "versions: {migrations: db%s}"
    told = released(tmp_path, {"db/001_a.sql": "DROP TABLE x"}, {"db/001_a.sql": "DROP TABLE x", "db/002_b.sql": sql}, policy % "")
    _, view = asked(told)
    assert view["next"] == "2.0.0"
    assert view["because"][0] == {  # type: ignore[index]
        "level": "major",
        "kind": "migration",
        "what": "takes something away from whoever reads the data: ALTER TABLE votes DROP COLUMN old",
        "where": "db/002_b.sql",
    }
    (told.path / "headway.yaml").write_text(policy % ", contract: minor")
    assert asked(told)[1]["next"] == "1.1.0"


def test_an_openapi_document_counts(tmp_path: Path) -> None:
    old = {"openapi": "3.1.0", "paths": {"/votes": {"get": {"responses": {"200": {}}}}}}
    told = released(
        tmp_path, {"api.json": json.dumps(old)}, {"api.json": json.dumps({**old, "paths": {}})}, "versions: {api: {openapi: api.json}}"
    )
    _, view = asked(told)
    assert view["next"] == "2.0.0"
    assert view["because"][0]["what"] == "GET /votes: was removed"  # type: ignore[index]


def test_on_0_x_findings_are_eased_as_commits_are(tmp_path: Path) -> None:
    told = tell(tmp_path / "r", touching("pkg/__init__.py", "x = 1"), tag("v0.2.0"), touching("pkg/__init__.py", "y = 1"))
    (told.path / "headway.yaml").write_text(API % "")
    assert asked(told)[1]["next"] == "0.3.0"
