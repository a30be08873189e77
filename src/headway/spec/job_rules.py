"""What the keys of a database say of each other where a Job migrates it, and where none does."""

from collections.abc import Iterator

from headway.spec.faults import Faults
from headway.spec.shapes import Found
from headway.spec.values import IN_CLUSTER_SCHEME

_BY_HEADWAY = ("together", "setting", "old_release", "rehearse")
"""What Headway does with a database that it reaches."""
_ON_A_SHELF = ("folder", "keep", "every", "at", "drill", "at_most", "key")
_FOR_A_JOB = ("run", "image")


def agree(name: str, environment: Found, faults: Faults) -> None:
    """Tell every fault that no key shows alone."""
    on_kubernetes = environment["platform"].value == "kubernetes"
    for where, database in _databases(name, environment):
        if database["in"].value == "cluster":
            _by_a_job(where, database, faults, on_kubernetes=on_kubernetes)
        else:
            _by_headway(where, database, faults)
    each = environment["per_branch"]
    if each.given and each["wanted"].value and any(database["in"].value == "cluster" for _, database in _databases(name, environment)):
        faults.add(each.key, f"environments.{name} has per_branch and a database in: cluster, expected one of them: Headway cannot make it")


def _databases(name: str, environment: Found) -> Iterator[tuple[str, Found]]:
    places = [(f"environments.{name}.database", environment["database"])]
    places += [(f"environments.{name}.services.{service}.database", one["database"]) for service, one in environment["services"].parts()]
    return ((where, found) for where, found in places if found.given and isinstance(found.value, dict))


def _by_a_job(where: str, database: Found, faults: Faults, *, on_kubernetes: bool) -> None:
    inside = database["in"]
    if not on_kubernetes:
        faults.add(inside.node, f"{where}.in is cluster, expected platform: kubernetes with it: a Job needs one to run in")
    if database["tool"].value == "headway":
        says = f"{where} is in: cluster and names no tool of the release's own, expected tool: alembic, django, flyway or dbmate"
        how = "Headway's own files are migrated by a server that reaches the database (in its cluster, say), without in: cluster"
        faults.add(database["tool"].node if database["tool"].given else inside.node, f"{says}; {how}")
    for key in _BY_HEADWAY:
        if database[key].given and database[key].value not in {"off", "skip"}:
            faults.add(database[key].key, f"{where}.{key} needs Headway to reach the database, expected it without in: cluster")
    for key in ("seed", "reset"):
        if database[key].given:
            faults.add(database[key].key, f"{where}.{key} is for a database that Headway makes anew, expected it without in: cluster")
    for key in _ON_A_SHELF:
        if database["backup"][key].given:
            says = f"{where}.backup.{key} is for backups that Headway makes, expected run: in its place, a command for the Job"
            faults.add(database["backup"][key].key, says)
    if database["backup"]["image"].given and not database["backup"]["run"].given:
        faults.add(database["backup"]["image"].key, f"{where}.backup.image is where run is run, expected run beside it")


def _by_headway(where: str, database: Found, faults: Faults) -> None:
    url = database["url"]
    if isinstance(url.value, str) and url.value.startswith(IN_CLUSTER_SCHEME):
        says = (
            f"{where}{'.url' if url.node is not database.node else ''} is {url.value}, which only pods read, expected in: cluster with it"
        )
        faults.add(url.node if url.given else database.node, f"{says}, or env:NAME, file:/PATH or sops:/PATH/FILE#KEY")
    if database["timeout"].given:
        faults.add(database["timeout"].key, f"{where}.timeout is a Job's, expected in: cluster with it")
    for key in _FOR_A_JOB:
        if database["backup"][key].given:
            faults.add(database["backup"][key].key, f"{where}.backup.{key} is for a Job, expected in: cluster with the database")
