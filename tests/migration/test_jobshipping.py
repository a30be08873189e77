"""What a Job would bring to a database that Headway does not reach: by the files, and by what earlier Jobs brought there."""

from headway.environments.model import Cluster, Database, InCluster
from headway.migration.abilities import ByTool, Promises
from headway.migration.files import parse
from headway.migration.jobshipping import outlook_by_job
from headway.migration.model import Dialect
from headway.migration.shipping import Outlook
from headway.migration.toolshipping import Knows, Pending, known

INSIDE = InCluster(Cluster("k8s", "shop"))
TOOL = ByTool("dbmate", "shop", Promises(atomic=True, has_down=True, has_checksum=False), ("/dbmate",))
USERS, PHONE = "CREATE TABLE users (id int)", "ALTER TABLE users ADD COLUMN phone text"
DROP, REWRITE = "ALTER TABLE users DROP COLUMN phone", "UPDATE users SET phone = ''"


def pending(*sqls: str) -> tuple[Pending, ...]:
    return tuple(Pending(f"{at:04d}_a.sql", sql, f"sha-{sql}") for at, sql in enumerate(sqls, 1))


def told(*sqls: str, applied: int = 0, live: int | None = None, lint: str = "block") -> Outlook:
    files = pending(*sqls)
    texts = {one.name: f"-- migrate:up\n{one.sql};\n-- migrate:down\nSELECT 1;\n" for one in files}
    readable = parse(texts, Dialect.POSTGRES)
    database = Database("kubernetes:db/url", tool="dbmate", lint="block" if lint == "block" else "off", inside=INSIDE)
    running = [] if live is None else [Knows("shop@1.0.0", known(files[:live]))]
    return outlook_by_job(TOOL, files, readable, {one.name for one in files[:applied]}, database, INSIDE, "db", running)


def test_what_earlier_jobs_brought_there_is_not_told_again() -> None:
    shipping = told(USERS, PHONE, applied=1, live=1).shipping
    assert shipping is not None
    assert [(one.title, one.word) for one in shipping.apply] == [("0002_a.sql", "expand")]
    assert shipping.where == "the database of kubernetes:db/url in shop"


def test_of_a_database_that_no_job_touched_all_may_go_and_what_runs_there_has_it() -> None:
    shipping = told(USERS, PHONE, DROP, applied=0, live=3).shipping
    assert shipping is not None
    assert [one.title for one in shipping.apply] == ["0001_a.sql", "0002_a.sql", "0003_a.sql"]


def test_what_takes_something_away_waits_for_the_release_before_and_then_goes() -> None:
    waits, goes = told(USERS, PHONE, DROP, applied=2, live=2).shipping, told(USERS, PHONE, DROP, applied=2, live=3).shipping
    assert waits is not None
    assert (waits.apply, [one.title for one in waits.waiting]) == ((), ["0003_a.sql"])
    assert goes is not None
    assert [one.title for one in goes.apply] == ["0003_a.sql"]


def test_what_adds_beside_what_takes_away_is_refused_for_a_tool_goes_all_the_way() -> None:
    (refusal,) = told(USERS, DROP, "CREATE TABLE orders (id int)", applied=1, live=1).refusals
    assert "0003_a.sql cannot go without 0002_a.sql" in refusal


def test_lint_reads_the_files_where_it_can() -> None:
    assert any("0002_a.sql:2" in one for one in told(USERS, REWRITE, applied=1, live=1).refusals)
    assert told(USERS, REWRITE, applied=1, live=1, lint="off").refusals == ()
    assert told(USERS, REWRITE, applied=2, live=2).refusals == (), "what is there already is nobody's business any more"


def test_an_unread_file_that_the_release_before_has_too_holds_nobody_up() -> None:
    files = (Pending("a1", None, "sha-a"), Pending("b2", PHONE, "sha-b"))
    running = [Knows("shop@1.0.0", known(files[:1]))]
    found = outlook_by_job(TOOL, files, (), (), Database("env:DB", tool="alembic", inside=INSIDE), INSIDE, "db", running)
    assert found.refusals == ()
    assert found.shipping is not None
    assert [one.title for one in found.shipping.apply] == ["a1", "b2"]
