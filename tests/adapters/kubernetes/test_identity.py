"""A context is a word of a kubeconfig, wherever Headway runs; without one a pod is who it is."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from headway.adapters.kubernetes.clients import Clients
from headway.adapters.kubernetes.identity import chosen
from headway.adapters.kubernetes.kinds import CONFIG
from headway.environments.model import Cluster
from headway.errors import Unavailable


@pytest.fixture(autouse=True)
def elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No pod, and nobody's kubeconfig."""
    for name in ("KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT", "KUBECONFIG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """In a pod, with a service account."""
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    folder = tmp_path / "account"
    folder.mkdir()
    for name, says in {"token": "of-the-pod", "namespace": "headway", "ca.crt": ""}.items():
        (folder / name).write_text(says)
    return folder


def kubeconfig(folder: Path, contexts: Mapping[str, str], current: str = "", name: str = "kubeconfig") -> Path:
    """One that has these contexts, each with the address of its cluster."""
    file = folder / name
    whole = {
        "current-context": current,
        "contexts": [{"name": one, "context": {"cluster": one, "user": one}} for one in contexts],
        "clusters": [{"name": one, "cluster": {"server": server}} for one, server in contexts.items()],
        "users": [{"name": one, "user": {}} for one in contexts],
    }
    file.write_text(json.dumps(whole))
    return file


def test_in_a_pod_a_context_is_the_kubeconfigs_and_none_is_the_service_account(
    account: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = kubeconfig(tmp_path, {"far": "https://far.example", "near": "https://near.example"}, "near")
    monkeypatch.setenv("KUBECONFIG", str(file))
    assert chosen("far", account).cluster.server == "https://far.example"
    own = chosen("", account)
    assert own.cluster.server == "https://10.0.0.1:443"
    assert own.user is not None
    assert own.user.token == "of-the-pod"


def test_in_a_pod_without_a_service_accounts_token_the_kubeconfig_is_asked(
    account: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (account / "token").unlink()
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig(tmp_path, {"near": "https://near.example"}, "near")))
    assert chosen("", account).cluster.server == "https://near.example"


def test_outside_of_pods_the_kubeconfigs_own_context_is_the_one_that_nobody_named(tmp_path: Path) -> None:
    (tmp_path / ".kube").mkdir()
    kubeconfig(tmp_path / ".kube", {"a": "https://a.example", "b": "https://b.example"}, "b", name="config")
    assert chosen("").cluster.server == "https://b.example"
    assert chosen("a").cluster.server == "https://a.example"


def test_of_several_kubeconfigs_the_first_that_has_it_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = kubeconfig(tmp_path, {"a": "https://a.example"}, name="one")
    two = kubeconfig(tmp_path, {"a": "https://other.example", "b": "https://b.example"}, "b", name="two")
    monkeypatch.setenv("KUBECONFIG", os.pathsep.join((str(tmp_path / "none"), str(one), str(two))))
    assert [chosen(name).cluster.server for name in ("a", "b", "")] == ["https://a.example", "https://b.example", "https://b.example"]


@pytest.mark.parametrize(
    ("written", "context", "says"),
    [
        pytest.param(None, "far", r"names the context far, and there is no kubeconfig at .*config; have KUBECONFIG name", id="no file"),
        pytest.param(None, "", r"there is no kubeconfig at .*, and this is no pod with a service account", id="no file, no context"),
        pytest.param({"contexts": {"a": "", "b": ""}}, "far", "has no context far; it has a, b", id="another context"),
        pytest.param({"contexts": {"a": ""}}, "", "has no current context; name one as `context:` .*, it has a", id="no current one"),
        pytest.param("clusters: [", "", "does not read as one", id="no YAML"),
        pytest.param("just words", "", "does not read as one", id="no mapping"),
        pytest.param("{clusters: [], contexts: [{name: a, context: {cluster: x}}]}", "a", "what it has not: 'x'", id="no such cluster"),
        pytest.param(
            "{clusters: [{name: x, cluster: {}}], contexts: [{name: a, context: {cluster: x}}]}", "a", "names no user", id="no user"
        ),
    ],
)
def test_what_is_missing_is_told_with_what_to_do(written: object, context: str, says: str, tmp_path: Path) -> None:
    (tmp_path / ".kube").mkdir()
    if isinstance(written, dict):
        kubeconfig(tmp_path / ".kube", written["contexts"], name="config")
    elif written is not None:
        (tmp_path / ".kube" / "config").write_text(str(written))
    with pytest.raises(Unavailable, match=says):
        chosen(context)


def test_in_a_pod_a_context_without_a_kubeconfig_says_that_it_may_be_left_out(account: Path) -> None:
    with pytest.raises(Unavailable, match=r"mounted from a Secret\), or leave `context:` out where it is the cluster that Headway runs in"):
        chosen("far", account)


def test_who_asks_hears_it_and_asks_anew_once_it_is_mended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clients, cluster = Clients(), Cluster("k8s", "shop", context="far")
    with pytest.raises(Unavailable, match="no kubeconfig"):
        clients.of(cluster).get(CONFIG, "settings")
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig(tmp_path, {"far": "http://127.0.0.1:1"})))
    with pytest.raises(Unavailable, match="the cluster of context far did not answer when asked to read ConfigMap settings"):
        clients.of(cluster).get(CONFIG, "settings")
    clients.close()


def test_a_namespace_has_one_client_whoever_asks_and_another_cluster_another() -> None:
    clients = Clients()
    assert clients.of(Cluster("k8s", "shop")) is clients.of(Cluster("elsewhere", "shop"))
    assert clients.of(Cluster("k8s", "shop")) is not clients.of(Cluster("k8s", "shop", context="far"))
    assert clients.of(Cluster("k8s", "shop")).namespace != clients.of(Cluster("k8s", "till")).namespace
