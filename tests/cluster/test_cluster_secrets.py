"""Secrets of every source reach the pods that they are for, and are found nowhere else: not shown, not logged, not kept."""

import base64
import json
import secrets
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cluster_scene import ClusterScene
from stand import Load, Namespace

from headway.adapters.secrets import resolve
from headway.errors import Unavailable

Image = Callable[..., str]
KINDS = ("deployments", "replicasets", "pods", "services", "configmaps", "httproutes", "events", "endpointslices", "secrets")


@pytest.fixture
def locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], str]:
    """Encrypts a text as people do, for a real age key that this process can use."""
    key = tmp_path / "age.txt"
    subprocess.run(["age-keygen", "-o", str(key)], check=True, capture_output=True)
    public = subprocess.run(["age-keygen", "-y", str(key)], check=True, capture_output=True, text=True).stdout.strip()
    monkeypatch.setenv("SOPS_AGE_KEY_FILE", str(key))

    def encrypt(name: str, text: str) -> str:
        argv = ["sops", "encrypt", "--age", public, "--encrypted-regex", "^(data|stringData|secret)$", "--filename-override", name]
        return subprocess.run([*argv, "/dev/stdin"], input=text, check=True, capture_output=True, text=True).stdout

    return encrypt


@pytest.mark.parametrize("name", ["shop.yaml", "shop.json", "shop.env"])
def test_what_sops_encrypted_is_opened_with_the_key_and_only_with_it(
    locked: Callable[[str, str], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    told = secrets.token_hex(12)
    texts = {"shop.yaml": f"secret:\n  url: {told}\n", "shop.json": json.dumps({"secret": {"url": told}}), "shop.env": f"secret={told}\n"}
    file = tmp_path / name
    file.write_text(locked(name, texts[name]))
    assert told not in file.read_text()
    reference = f"sops:{file}#secret" if name.endswith("env") else f"sops:{file}#secret.url"
    assert resolve(reference) == told
    monkeypatch.setenv("SOPS_AGE_KEY_FILE", str(tmp_path / "other.txt"))
    file.write_text(file.read_text() + "\n")  # what was opened a moment ago is known for a moment
    with pytest.raises(Unavailable, match="no key that Headway's user has opens it"):
        resolve(reference)


@pytest.fixture
def scene(
    namespace: Namespace, little: Image, gateway: str, stats: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ClusterScene]:
    made = ClusterScene(tmp_path_factory.mktemp("scene"))
    try:
        made.found(namespace, gateway, stats, f"shop.{namespace.name}.test", little("1.0.0"))
        yield made
    finally:
        made.end()


def test_every_source_reaches_its_pods_and_no_value_is_anywhere_else(
    scene: ClusterScene, locked: Callable[[str, str], str], little: Image, gateway: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = {name: secrets.token_hex(12) for name in ("TOLD_DISK", "TOLD_VARIABLE", "TOLD_COMMIT", "TOLD_CLUSTER", "TOLD_NEXT")}
    (tmp_path / "shop.yaml").write_text(locked("shop.yaml", f"secret:\n  disk: {values['TOLD_DISK']}\n"))
    monkeypatch.setenv("HEADWAY_TEST_TOLD", values["TOLD_VARIABLE"])
    scene.namespace.kubectl("create", "secret", "generic", "theirs", f"--from-literal=key={values['TOLD_CLUSTER']}")
    _tell(scene, tmp_path, locked, values["TOLD_COMMIT"])
    scene.start()
    _release(scene, "1.0.0", little("1.0.0"), gateway)
    pod = next(one for one in scene.namespace.all("pods", "headway/service=shop") if not one["metadata"].get("deletionTimestamp"))
    told = scene.namespace.get_from(pod["status"]["podIP"], "/told").splitlines()
    there = ("TOLD_DISK", "TOLD_VARIABLE", "TOLD_COMMIT", "TOLD_CLUSTER")
    assert [line for line in told if line.startswith(there)] == [f"{name}={values[name]}" for name in sorted(there)]

    # A changed secret is a changed configuration: another release of the same image, and a plan that says so without a value.
    (tmp_path / "shop.yaml").write_text(locked("shop.yaml", f"secret:\n  disk: {values['TOLD_NEXT']}\n"))
    scene.cut("1.1.0", little("1.1.0"))
    plan, shown = (
        scene.headway("plan", "shop@1.1.0", "--to", "production").text,
        scene.headway("plan", "1.1.0", "--to", "production", "--json"),
    )
    assert "TOLD_DISK: *** (after)" in plan
    assert "TOLD_VARIABLE: ***" in shown.text
    _release(scene, "1.2.0", little("1.2.0"), gateway)

    heard = {"the plan": plan, "the plan's JSON": shown.text, **dict(_everything(scene))}
    found = [f"{name} in {place}" for place, text in heard.items() for name, value in values.items() if _is_in(value, text)]
    assert found == []
    digest = little("1.2.0").partition("@")[2]
    assert sum(digest in text for text in heard.values()) > 5, "what is no secret is found by such a search"


def _tell(scene: ClusterScene, folder: Path, locked: Callable[[str, str], str], committed: str) -> None:
    """One secret of each source: a file on the server, a variable, the cluster, and a manifest in the release's own commit."""
    file = scene.repo.folder / "headway.yaml"
    told = {
        "TOLD_DISK": f"sops:{folder}/shop.yaml#secret.disk",
        "TOLD_VARIABLE": "env:HEADWAY_TEST_TOLD",
        "TOLD_CLUSTER": "kubernetes:theirs/key",
    }
    file.write_text(file.read_text().replace("    strategy:", f"    secrets: {json.dumps(told)}\n    strategy:"))
    overlay = scene.repo.folder / "k8s" / "overlays" / "production"
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "locked"}, "stringData": {"TOLD_COMMIT": committed}}
    (overlay / "locked.json").write_text(locked("locked.json", json.dumps(secret)))
    kustomization = json.loads((overlay / "kustomization.yaml").read_text())
    kustomization["resources"].append("locked.json")
    sources = [{"configMapRef": {"name": "settings"}}, {"secretRef": {"name": "locked"}}]
    patch = [{"op": "add", "path": "/spec/template/spec/containers/0/envFrom", "value": sources}]
    kustomization["patches"] = [{"target": {"kind": "Deployment"}, "patch": json.dumps(patch)}]
    (overlay / "kustomization.yaml").write_text(json.dumps(kustomization))
    scene.repo.commit("feat: secrets")


def _release(scene: ClusterScene, version: str, image: str, gateway: str) -> None:
    with Load(gateway, f"shop.{scene.namespace.name}.test", rate=60):
        scene.end_of(scene.promote(version, image), "completed")


def _is_in(value: str, text: str) -> bool:
    return value in text or base64.b64encode(value.encode()).decode().rstrip("=") in text


def _everything(scene: ClusterScene) -> Iterator[tuple[str, str]]:
    """All that Headway wrote, said, or let be seen of a process."""
    for file in sorted(scene.home.rglob("*")):
        if file.is_file() and not file.is_symlink():
            yield f"the home: {file.relative_to(scene.home)}", file.read_bytes().decode(errors="replace")
    with sqlite3.connect(scene.home / "ledger.db") as ledger:
        yield "the ledger", "\n".join(ledger.iterdump())
    yield "the server's log", (scene.folder / "serve.log").read_text(errors="replace")
    for words in (
        ("status", "--json"),
        ("audit", "log", "--json"),
        ("release", "show", "shop@1.1.0", "--json"),
        ("config", "show", "production"),
    ):
        yield f"headway {' '.join(words)}", scene.headway(*words, code=None).text
    for rollout in scene.ask("rollouts")["rollouts"]:
        yield f"the rollout {rollout['rollout']}", json.dumps(scene.ask("rollout", target=rollout["rollout"]))
    for kind in KINDS:
        for one in scene.namespace.all(kind):
            one.pop("data", None) if kind == "secrets" else None  # there, and nowhere else
            yield f"{kind} {one['metadata']['name']}", json.dumps(one)
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            yield f"process {process.parent.name}", process.read_bytes().decode(errors="replace")
        except OSError:
            continue
