"""Tests on a real cluster: `make test-cluster` starts one, or HEADWAY_TEST_KUBECONFIG names one of your own."""

import os
import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent.parent / "e2e"))  # whole rollouts stand on the same scene as those on this machine
from lab import images
from lab.turns import turn
from stand import Namespace

KUBECONFIG = os.environ.get("HEADWAY_TEST_KUBECONFIG")
OURS = bool(os.environ.get("HEADWAY_TEST_LAB"))
"""The cluster was started for these tests, and they may break it."""
collect_ignore_glob = [] if KUBECONFIG else ["test_*.py"]


class NothingLeftOut:
    """On the cluster that was made for these tests there is nothing to be skipped for: who skips, fails the run."""

    def __init__(self) -> None:
        self.skipped: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.skipped:
            self.skipped.append(report.nodeid)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self.skipped:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        for name in self.skipped:
            terminalreporter.write_line(f"FAILED, because skipped on a cluster that has everything: {name}", red=True)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "breaks_the_cluster: no other worker's test runs meanwhile; on a cluster of yours it is left out")
    if OURS and not hasattr(config, "workerinput"):
        config.pluginmanager.register(NothingLeftOut())


LONG = ("table", "trouble", "adoption", "ungated", "pipeline", "chart", "autoscaling", "drift", "prometheus", "rollouts")
"""What takes long begins first, or one worker is still at it when all others have gone home."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # Whoever breaks the cluster waits for everybody and lets nobody in meanwhile: last, when nobody is busy for minutes.
    breaking = {item.path for item in items if item.get_closest_marker("breaks_the_cluster")}
    items.sort(key=lambda item: (item.path in breaking, _rank(item.path)))
    for item in items:
        if item.get_closest_marker("breaks_the_cluster") and not OURS:
            item.add_marker(pytest.mark.skip(reason="only a cluster that `make test-cluster` started may be broken by its tests"))


def _rank(file: Path) -> int:
    name = file.stem.removeprefix("test_cluster_")
    return LONG.index(name) if name in LONG else len(LONG)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Several workers share one cluster, except while a test breaks what both stand on."""
    if not OURS:
        return (yield)
    with turn(alone=item.get_closest_marker("breaks_the_cluster") is not None):
        return (yield)


@pytest.fixture(scope="session", autouse=True)
def kubeconfig() -> Iterator[str]:
    """Every kubectl and every Headway of these tests talks to this cluster and no other."""
    assert KUBECONFIG
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KUBECONFIG", KUBECONFIG)
        patch.delenv("KUBERNETES_SERVICE_HOST", raising=False)  # should they run in a pod of another cluster
        yield KUBECONFIG


@pytest.fixture
def namespace(kubeconfig: str) -> Iterator[Namespace]:
    """A namespace of the test's own; it goes with everything in it."""
    with _lending() as make:
        yield make()


@pytest.fixture(scope="module")
def namespaces(kubeconfig: str) -> Iterator[Callable[[], Namespace]]:
    """Makes namespaces for a module."""
    with _lending() as make:
        yield make


@contextmanager
def _lending() -> Iterator[Callable[[], Namespace]]:
    made: list[str] = []

    def make() -> Namespace:
        made.append(f"test-{secrets.token_hex(4)}")
        subprocess.run(["kubectl", "create", "namespace", made[-1]], check=True, capture_output=True)
        return Namespace(made[-1])

    yield make
    # Not awaited: the namespace controller removes the rest while the next test starts in a namespace of its own.
    subprocess.run(["kubectl", "delete", "namespace", *made, "--wait=false"], check=True, capture_output=True)


@pytest.fixture(scope="session")
def gateway() -> str:
    """Where the gateway listens."""
    address = os.environ.get("HEADWAY_TEST_GATEWAY")
    if not address:
        pytest.skip("HEADWAY_TEST_GATEWAY=host:port says where the gateway `edge` in the namespace `gateways` listens")
    return address


@pytest.fixture(scope="session")
def stats() -> str:
    """Where the gateway's Envoy tells its statistics."""
    address = os.environ.get("HEADWAY_TEST_STATS")
    if not address:
        pytest.skip("HEADWAY_TEST_STATS=host:port says where the Envoy of that gateway tells its statistics")
    return address


@pytest.fixture(scope="session")
def little() -> Callable[..., str]:
    """The little service in a version, perhaps a bad one: its image's reference by digest."""
    built: dict[tuple[object, ...], str] = {}

    def image(version: str, **behaviour: object) -> str:
        key = (version, *sorted(behaviour.items()))
        if key not in built:
            built[key] = images.little(version, behaviour)
        return built[key]

    return image
