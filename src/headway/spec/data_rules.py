"""What the keys about stored data say of each other: above all, whose data may ever be made anew."""

from collections.abc import Iterator, Mapping

from headway.spec.faults import Faults
from headway.spec.shapes import Found

SQL = ".sql"


def agree(file: Found, afters: Mapping[str, tuple[str, ...]], faults: Faults) -> None:
    """Tell every fault that no key shows alone."""
    real = {database["url"].value: key for key, database in _databases(file) if not _synthetic(file, key)}
    for name, environment in file["environments"].parts():
        _resets(name, environment, faults)
        if environment["data"].given and environment["data"].value == "synthetic":
            _nobody_minds(name, environment, afters.get(name, ()), real, faults)
        else:
            _needs_synthetic(name, environment, faults)
        if environment["per_branch"].given and environment["per_branch"]["wanted"].value:
            _is_told(name, environment, file, faults)


def _databases(file: Found) -> Iterator[tuple[str, Found]]:
    for name, environment in file["environments"].parts():
        yield from _of(name, environment)


def _of(name: str, environment: Found) -> Iterator[tuple[str, Found]]:
    places = [(f"environments.{name}.database", environment["database"])]
    places += [(f"environments.{name}.services.{service}.database", one["database"]) for service, one in environment["services"].parts()]
    return ((where, found) for where, found in places if found.given)


def _synthetic(file: Found, key: str) -> bool:
    return bool(file["environments"][key.split(".")[1]]["data"].value == "synthetic")


def _by_a_tool(key: str, database: Found, faults: Faults) -> None:
    tool = database["tool"]
    if tool.given and tool.value not in {None, "headway"}:
        faults.add(tool.node, f"{key} is migrated by {tool.value}, expected headway where it is made anew: only its own files can do that")


def _resets(name: str, environment: Found, faults: Faults) -> None:
    diverged = environment["diverged"]
    if diverged.value != "reset" or not diverged.given:
        return
    if not list(_of(name, environment)):
        faults.add(diverged.node, f"environments.{name} has diverged: reset, expected database: with it; there is nothing to make anew")
    if environment["data"].value != "synthetic":
        says = f"environments.{name}.diverged is reset, expected data: synthetic with it: whoever pushes would lose what the database holds"
        faults.add(diverged.node, says)
    elif diverged.key.source:
        faults.add(diverged.key, f"environments.{name}.diverged is reset in {diverged.key.source}, expected it in the environment itself")


def _nobody_minds(name: str, environment: Found, after: tuple[str, ...], real: Mapping[object, str], faults: Faults) -> None:
    """Only an environment that says so itself, which no person guards and no other comes before."""
    data, where = environment["data"], f"environments.{name}"
    if data.key.source:
        faults.add(data.key, f"{where}.data is synthetic in {data.key.source}, expected it in the environment itself")
    if environment["approvals"]["needed"].value or (environment["approvals"].given and environment["approvals"]["from"].given):
        faults.add(data.node, f"{where} is synthetic and has approvals: what people guard is never made anew; expected data: real")
    if environment["advisory"].given:
        faults.add(data.node, f"{where} is synthetic and has advisory: what people guard is never made anew; expected data: real")
    if after:
        says = f"{where} is synthetic and comes after {', '.join(after)}, expected that only of the first environment of the way"
        faults.add(data.node, says)
    for key, database in _of(name, environment):
        _by_a_tool(key, database, faults)
        if database["url"].value in real:
            says = f"{key} is {database['url'].value}, as {real[database['url'].value]} is, which is real; expected another database"
            faults.add(database["url"].node if database["url"].given else database.node, says)
        for one in database["seed"].items():
            _seed(key, one, faults)
        if database["reset"].given:
            _by_the_clock(key, database["reset"], environment, faults)


def _by_the_clock(key: str, reset: Found, environment: Found, faults: Faults) -> None:
    if reset.key.source:
        faults.add(reset.key, f"{key}.reset stands in {reset.key.source}, expected it in the environment itself")
    if environment["per_branch"].given and environment["per_branch"]["wanted"].value:
        faults.add(reset.key, f"{key}.reset stands beside per_branch, expected one of them: each branch has a database of its own")


def _seed(key: str, one: Found, faults: Faults) -> None:
    words: tuple[str, ...] = one.value
    if len(words) == 1 and words[0].endswith(SQL) and (words[0].startswith("/") or ".." in words[0].split("/")):
        faults.add(one.node, f"{key}.seed names {words[0]}, expected an SQL file inside of the repository")


def _needs_synthetic(name: str, environment: Found, faults: Faults) -> None:
    each = bool(environment["per_branch"].given and environment["per_branch"]["wanted"].value)
    for key, database in _of(name, environment):
        if database["seed"].given:
            says = f"{key} has seed, expected data: synthetic with it: only such a database is made anew, and seeded"
            faults.add(database["seed"].key, says)
        if database["reset"].given:
            says = f"{key} has reset, expected data: synthetic with it: nobody's real data is made anew by a clock"
            faults.add(database["reset"].key, says)
        if each:
            says = f"{key} with per_branch is one for each branch, made from migrations and seed, expected data: synthetic with it"
            faults.add(database.key, says)


def _is_told(name: str, environment: Found, file: Found, faults: Faults) -> None:
    """The service must hear which database its branch has, and can only by a secret of the same reference."""
    secrets = [file["secrets"], environment["secrets"], *(one["secrets"] for _, one in environment["services"].parts())]
    known = {one.value for found in secrets for _, one in found.parts()}
    for key, database in _of(name, environment):
        url = database["url"]
        if url.value is not None and url.value not in known:
            says = f"{key} is one for each branch, expected a secret that is {url.value} too: by it the service learns which is its own"
            faults.add(url.node if url.given else database.key, says)
