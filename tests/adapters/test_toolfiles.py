"""The migrations that a tool would find, by the files of a commit alone."""

from pathlib import Path

import pytest

from headway.adapters.migrating.toolfiles import found
from headway.errors import InvalidSpec
from headway.migration.toolshipping import Pending


def names(tool: str, folder: Path) -> list[str]:
    return [one.name for one in found(tool, folder)[0]]


def test_dbmate_s_are_where_it_looks_by_itself_or_in_the_folder(tmp_path: Path) -> None:
    up = "-- migrate:up\nSELECT 1;\n"
    for folder in (tmp_path / "usual" / "db" / "migrations", tmp_path / "plain"):
        folder.mkdir(parents=True)
        for name in ("2_b.sql", "10_a.sql"):
            (folder / name).write_text(up)
        (folder / "README.md").write_text("no migration")
    assert names("dbmate", tmp_path / "usual") == names("dbmate", tmp_path / "plain") == ["10_a.sql", "2_b.sql"], "it sorts so"


def test_what_cannot_be_read_of_dbmate_s_is_unclear_and_known_by_its_text(tmp_path: Path) -> None:
    (tmp_path / "1_a.sql").write_text("no section at all")
    (only,), readable = found("dbmate", tmp_path)
    assert (only.sql, bool(only.file), readable) == (None, True, ())


def test_flyway_s_go_by_their_versions_and_what_is_repeated_is_another_one_with_another_text(tmp_path: Path) -> None:
    for name in ("V2__b.sql", "V10__c.sql", "V1_1__a.sql", "R__views.sql"):
        (tmp_path / name).write_text("SELECT 1")
    before = names("flyway", tmp_path)
    assert before[:3] == ["V1_1__a.sql", "V2__b.sql", "V10__c.sql"]
    (tmp_path / "R__views.sql").write_text("SELECT 2")
    assert names("flyway", tmp_path)[3] != before[3]


def test_alembic_s_are_its_revisions_in_their_order(tmp_path: Path) -> None:
    versions = tmp_path / "alembic" / "versions"
    versions.mkdir(parents=True)
    (versions / "a_last.py").write_text('revision = "c3"\ndown_revision = "b2"\ndef upgrade():\n    pass\n')
    (versions / "b_first.py").write_text('revision = "b2"\ndown_revision = None\ndef upgrade():\n    work()\n')
    (tmp_path / "alembic" / "env.py").write_text("revision = 'none of them'\n")
    first, last = found("alembic", tmp_path)[0]
    assert (first.name, first.sql, last.name, last.sql) == ("b2", None, "c3", "")


def test_django_s_are_called_by_their_application(tmp_path: Path) -> None:
    folder = tmp_path / "site" / "shop" / "migrations"
    folder.mkdir(parents=True)
    (folder / "__init__.py").touch()
    (folder / "0001_initial.py").write_text('class Migration(migrations.Migration):\n    operations = [migrations.CreateModel("User")]\n')
    (only,), _ = found("django", tmp_path)
    assert isinstance(only, Pending)
    assert only.name == "shop.0001_initial"


def test_a_folder_that_is_not_in_the_commit_is_said(tmp_path: Path) -> None:
    with pytest.raises(InvalidSpec, match="database is not in the release's commit"):
        found("dbmate", tmp_path / "database")
