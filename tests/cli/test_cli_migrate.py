"""`headway migrate` in a terminal: what it prints, what it exits with, and that no password shows."""

import json
from pathlib import Path

import pytest

from headway.cli.main import main

USERS = (
    "-- migrate:up\n"
    "create table users (id integer primary key, name text);\n"
    "-- migrate:verify\n"
    "select count(*) = 0 from users;\n"
    "-- migrate:down\n"
    "drop table users;\n"
)
PHONE = "-- migrate:up\nalter table users add column phone text;\n-- migrate:down\nalter table users drop column phone;\n"
DROP = "-- migrate:up\nalter table users drop column name;\n-- migrate:down\nalter table users add column name text;\n"


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    folder = tmp_path / "migrations"
    folder.mkdir()
    for name, text in (("001_users.sql", USERS), ("002_phone.sql", PHONE)):
        (folder / name).write_text(text)

    def headway(*words: str, database: str = f"sqlite:///{tmp_path}/app.db") -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(["--home", str(tmp_path / "home"), "migrate", *words, "--database", database, "--dir", str(folder)])
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    headway.folder = folder  # type: ignore[attr-defined]
    return headway


def test_the_whole_way(run) -> None:
    assert run("status")[0] == 0
    assert run("lint")[0] == 0
    assert "rehearsed 2 files" in run("rehearse")[2]
    assert "applied 0002_phone" in run("up")[2]
    assert "true: 001_users.sql:4" in run("verify")[2]
    assert "backed up 3 tables" in run("backup", "--keep", "3,0,0")[2]
    assert "it restores" in run("restore", "--drill")[2]
    assert "taken down 0002_phone" in run("down")[2]
    assert "nothing to repair" in run("repair")[2]


def test_status_as_one_object(run) -> None:
    run("up")
    (run.folder / "003_drop.sql").write_text(DROP)
    code, out, _ = run("status", "--json")
    view = json.loads(out)
    assert code == 0
    assert {"applied", "pending", "changed", "duplicate", "out_of_order", "unknown", "running"} <= set(view)
    assert [one["version"] for one in view["applied"]] == [1, 2]
    assert [(one["file"], one["kind"]) for one in view["pending"]] == [("003_drop.sql", "contract")]


@pytest.mark.parametrize("verb", ["lint", "rehearse", "up", "verify", "down", "backup", "restore", "repair"])
def test_every_verb_answers_in_one_object(run, verb: str) -> None:
    run("up")
    run("backup")
    code, out, _ = run(verb, "--json")
    assert code == 0
    assert isinstance(json.loads(out), dict)


def test_a_changed_file_is_refused_with_exit_code_12(run) -> None:
    run("up")
    (run.folder / "001_users.sql").write_text(USERS.replace("name text", "name blob"))
    code, _, said = run("up")
    assert code == 12
    assert "001_users.sql changed after it was applied" in said
    assert run("status")[0] == 12


def test_a_failing_file_is_the_releases_with_exit_code_3(run) -> None:
    (run.folder / "003_bad.sql").write_text("-- migrate:up\nselect nonsense;\n")
    code, _, said = run("up")
    assert code == 3
    assert "003_bad.sql:2: no such column: nonsense" in said


def test_a_file_that_cannot_be_read_is_exit_code_2(run) -> None:
    (run.folder / "x.sql").write_text("")
    (run.folder / "003_b.sql").write_text("-- migrate:upp\n")
    code, _, said = run("status")
    assert code == 2
    assert "x.sql: is not named like a migration" in said
    assert "003_b.sql:1: unknown section 'upp'" in said


def test_in_production_a_contract_waits_for_its_word(run) -> None:
    run("up")
    (run.folder / "003_drop.sql").write_text(DROP)
    code, _, said = run("up", "--production")
    assert code == 11
    assert "0003_drop takes something away and waits until no running release needs it" in said
    code, _, said = run("up", "--production", "--contract")
    assert code == 0
    assert "after 0003_drop there is no automatic way back: it drops users.name (users.name: 0 values)" in said


def test_in_production_danger_blocks_and_dev_is_warned(run) -> None:
    run("up")
    (run.folder / "003_all.sql").write_text("-- migrate:up\nupdate users set name = 'x';\n-- migrate:down\nselect 1;\n")
    assert run("lint")[0] == 0
    assert run("lint", "--production")[0] == 3
    code, _, said = run("up", "--production")
    assert code == 12
    assert "003_all.sql:2: UPDATE without WHERE touches every row at once" in said


def test_a_down_that_destroys_needs_a_word(run, tmp_path: Path) -> None:
    import sqlite3
    from contextlib import closing

    run("up")
    with closing(sqlite3.connect(tmp_path / "app.db", isolation_level=None)) as on:
        on.execute("insert into users values (1, 'a', '555')")
    code, _, said = run("down")
    assert code == 12
    assert "0002_phone would destroy users.phone: 1 values" in said
    code, _, said = run("down", "--accept-data-loss")
    assert code == 0
    assert "lost users.phone: 1 values" in said


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("postgresql://app:pass-that-nobody-has@127.0.0.1:1/app", id="a server that is not there"),
        pytest.param("postgresql://app:pass-that-nobody-has@a@b/app", id="two @"),
        pytest.param("postgresql://app:pass-that-nobody-has@h:port/app", id="a port that is none"),
        pytest.param("mysql://app:pass-that-nobody-has@h/app", id="another kind"),
    ],
)
@pytest.mark.parametrize("verb", ["status", "up", "backup"])
def test_no_password_is_ever_shown(run, url: str, verb: str) -> None:
    code, out, said = run(verb, database=url)
    assert code in {1, 2}
    assert "pass-that-nobody-has" not in out + said
    assert "Traceback" not in out + said


def test_the_url_can_stand_elsewhere(run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APP_DATABASE", f"sqlite:///{tmp_path}/app.db")
    assert run("up", database="env:APP_DATABASE")[0] == 0
    assert (tmp_path / "app.db").exists()


def test_backups_are_sealed_with_a_key(run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run("up")
    monkeypatch.setenv("BACKUP_KEY", "a key for tests")
    code, out, _ = run("backup", "--json", "--key", "env:BACKUP_KEY")
    assert code == 0
    assert json.loads(out)["encrypted"] is True
    code, _, said = run("restore", "--drill")
    assert (code, "is encrypted" in said) == (12, True)
    assert run("restore", "--drill", "--key", "env:BACKUP_KEY")[0] == 0
