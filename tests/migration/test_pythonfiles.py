"""What migrations in Python do, read without running them."""

import pytest

from headway.migration.pythonfiles import Revision, alembic, django, in_order

ALEMBIC = (
    'from alembic import op\nimport sqlalchemy as sa\nrevision: str = "b2"\ndown_revision = "a1"\ndef upgrade() -> None:\n    """Why."""\n'
)
DJANGO = 'class Migration(migrations.Migration):\n    dependencies = [("shop", "0001_initial")]\n    operations = [{}]\n'


def read(upgrade: str) -> str | None:
    found = alembic(f"{ALEMBIC}    {upgrade}\n")
    assert found is not None
    return found.sql


def operated(operation: str) -> str | None:
    found = django(DJANGO.format(operation), "shop", "0002_more")
    assert found is not None
    return found.sql


@pytest.mark.parametrize(
    ("upgrade", "sql"),
    [
        pytest.param('op.create_table("a", sa.Column("x", sa.Integer()))', 'CREATE TABLE "a" (x int);\n', id="a table"),
        pytest.param('op.add_column("a", sa.Column("n", sa.Text()))', 'ALTER TABLE "a" ADD COLUMN "n" int;\n', id="a column"),
        pytest.param(
            'op.add_column("a", sa.Column("n", sa.Text(), nullable=False))',
            'ALTER TABLE "a" ADD COLUMN "n" int NOT NULL;\n',
            id="one that must be given",
        ),
        pytest.param(
            'op.add_column("a", sa.Column("n", sa.Text(), nullable=False, server_default="x"))',
            'ALTER TABLE "a" ADD COLUMN "n" int;\n',
            id="one that the database gives",
        ),
        pytest.param('op.add_column("a", sa.Column("n", sa.Text(), nullable=MAYBE))', None, id="nobody knows whether it must be given"),
        pytest.param('op.add_column("a", sa.Column("n", sa.Integer(), sa.ForeignKey("b.id")))', None, id="a key among its words"),
        pytest.param('op.drop_column("a", "n")', 'ALTER TABLE "a" DROP COLUMN "n";\n', id="a column that goes"),
        pytest.param('op.execute(sa.text("DELETE FROM a;"))', "DELETE FROM a;\n", id="SQL that is written out"),
        pytest.param("op.execute(statement)", None, id="SQL that is worked out"),
        pytest.param(
            'op.create_index("i", "a", ["n"], unique=True)', 'CREATE UNIQUE INDEX "i" ON "a" (x);\n', id="a rule for what is there"
        ),
        pytest.param('op.alter_column("a", "n", nullable=False)', None, id="what can be anything"),
        pytest.param("for one in names:\n        op.drop_table(one)", None, id="a program"),
        pytest.param("pass", "", id="nothing"),
    ],
)
def test_the_few_operations_of_alembic_are_told_and_the_rest_is_unclear(upgrade: str, sql: str | None) -> None:
    assert read(upgrade) == sql


@pytest.mark.parametrize(
    ("operation", "sql"),
    [
        pytest.param('migrations.CreateModel(name="User", fields=[])', 'CREATE TABLE "user" (x int);\n', id="a model"),
        pytest.param(
            'migrations.AddField(model_name="user", name="n", field=models.TextField(null=True))',
            'ALTER TABLE "user" ADD COLUMN "n" int;\n',
            id="a field that may be empty",
        ),
        pytest.param(
            'migrations.AddField(model_name="user", name="n", field=models.TextField(default=""))',
            'ALTER TABLE "user" ADD COLUMN "n" int NOT NULL;\n',
            id="a default that only Django knows",
        ),
        pytest.param(
            'migrations.RemoveField(model_name="user", name="n")', 'ALTER TABLE "user" DROP COLUMN "n";\n', id="a field that goes"
        ),
        pytest.param("migrations.RunPython(forwards)", None, id="a program"),
        pytest.param("*more", None, id="what is worked out"),
        pytest.param('migrations.RunSQL("TRUNCATE a")', "TRUNCATE a;\n", id="SQL that is written out"),
    ],
)
def test_the_few_operations_of_django_are_told_and_the_rest_is_unclear(operation: str, sql: str | None) -> None:
    assert operated(operation) == sql


def test_what_is_no_migration_is_none() -> None:
    assert alembic("import os\n") is None
    assert alembic("def broken(") is None
    assert django("class Other:\n    pass\n", "shop", "util") is None


def test_nothing_comes_before_what_it_comes_after_and_a_circle_ends() -> None:
    a, b, c = Revision("a", ("b",), ""), Revision("b", ("c", "elsewhere"), ""), Revision("c", ("a",), "")
    assert [one.name for one in in_order([a, b, c])] == ["c", "b", "a"]
