"""squawk's opinion, by the real program: its lines are ours, its silence is told, and what we know better is left out."""

import pytest

from headway.adapters.databases import squawk
from headway.migration.files import parse
from headway.migration.lint import Grade
from headway.migration.model import Dialect

RISKY = "-- migrate:up\n\nALTER TABLE users ADD COLUMN age int;\nCREATE INDEX i ON users (age);\n"


def test_a_finding_names_the_line_of_the_file() -> None:
    found, silent = squawk.opinions(parse({"001_a.sql": RISKY}, Dialect.POSTGRES))
    assert silent is None
    index = next(one for one in found if "concurrent" in one.rule)
    assert (index.file, index.line, index.grade) == ("001_a.sql", 4, Grade.DANGER)


def test_what_the_runner_does_itself_is_not_asked_for() -> None:
    found, _ = squawk.opinions(parse({"001_a.sql": RISKY}, Dialect.POSTGRES))
    assert not {one.rule for one in found} & {f"squawk:{rule}" for rule in squawk._EXCLUDED}


def test_outside_of_transactions_concurrently_is_right() -> None:
    text = "-- migrate:up transaction:false\nCREATE INDEX CONCURRENTLY i ON users (age)\n"
    found, silent = squawk.opinions(parse({"001_a.sql": text}, Dialect.POSTGRES))
    assert (found, silent) == ((), None)


def test_where_it_is_not_installed_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(squawk.shutil, "which", lambda *_words, **_more: None)
    assert squawk.opinions(parse({"001_a.sql": RISKY}, Dialect.POSTGRES)) == (
        (),
        "squawk did not run: it is not installed (pip install squawk-cli)",
    )


def test_a_program_that_answers_nonsense_did_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(squawk.shutil, "which", lambda *_words, **_more: "/bin/echo")
    _, silent = squawk.opinions(parse({"001_a.sql": RISKY}, Dialect.POSTGRES))
    assert silent is not None and silent.startswith("squawk did not run: ")
