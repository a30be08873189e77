"""`headway config`, as it is typed."""

import json
from pathlib import Path

import pytest

from headway.cli.main import main

FILE = """\
headway: 1
services: {shop: {run: serve}}
config: {LOG_LEVEL: info, GREETING: hello}
differs: [LOG_LEVEL]
environments:
  staging: {config: {LOG_LEVEL: debug}, secrets: {KEY: env:STAGING_KEY}}
  production: {secrets: {KEY: env:KEY}}
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HEADWAY_POLICIES", raising=False)
    (tmp_path / "headway.yaml").write_text(FILE)
    return tmp_path / "headway.yaml"


def headway(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    with pytest.raises(SystemExit) as end:
        main(["config", *words])
    return int(end.value.code or 0), capsys.readouterr().out


@pytest.mark.usefixtures("here")
def test_show_puts_all_environments_side_by_side(capsys: pytest.CaptureFixture[str]) -> None:
    code, out = headway(capsys, "show")
    assert code == 0
    assert [line.split() for line in out.splitlines()][1:] == [
        ["GREETING", "hello", "hello"],
        ["KEY", "secret", "env:STAGING_KEY", "secret", "env:KEY"],
        ["LOG_LEVEL", "debug", "info"],
    ]


@pytest.mark.usefixtures("here")
def test_show_says_where_a_value_was_written(capsys: pytest.CaptureFixture[str]) -> None:
    _, out = headway(capsys, "show", "staging", "--origins")
    assert ["LOG_LEVEL", "debug", "headway.yaml:6"] in [line.split() for line in out.splitlines()]
    _, out = headway(capsys, "show", "staging", "--json")
    assert json.loads(out)["environments"]["staging"]["GREETING"] == {"value": "hello", "secret": False, "origin": "headway.yaml:3"}


def test_what_differs_as_declared_is_no_drift_and_drift_is_10_where_it_is_asked_for(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert headway(capsys, "diff", "staging", "production", "--exit-code")[0] == 0
    here.write_text(FILE.replace("{LOG_LEVEL: debug}", "{LOG_LEVEL: debug, FLAG: 'on'}"))
    assert headway(capsys, "diff", "staging", "production")[0] == 0
    code, out = headway(capsys, "diff", "staging", "production", "--exit-code", "--json")
    assert (code, json.loads(out)["drift"]) == (10, 1)


def test_a_name_under_differs_that_nobody_sets_is_a_slip(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    here.write_text(FILE.replace("differs: [LOG_LEVEL]", "differs: [LOGLEVEL]"))
    assert headway(capsys, "show")[0] == 2


@pytest.mark.usefixtures("here")
def test_an_environment_that_is_not_there_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert headway(capsys, "diff", "staging", "prod")[0] == 12
