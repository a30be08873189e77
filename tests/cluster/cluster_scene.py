"""A scene whose production is a namespace of the cluster: a repository with kustomize overlays, a real server, a real gateway."""

import json
from pathlib import Path

import scene
from scene import Scene, View
from stand import Namespace, Object, deployment, route, service

scene.PATIENCE = 75.0  # a node that has everything else to do is slow, not wrong

FILE = """\
headway: 1
services:
  shop:
    run: little
    ready_within: 40s
environments:
  production:
    platform: kubernetes
    replicas: 2
    kubernetes:
      manifests: k8s/overlays/production
      namespace: {namespace}
      stats: http://{stats}
      url: http://{gateway}
    config: {{TOLD_COLOUR: red}}
    strategy: {strategy}
    analysis: {analysis}
    soak: 2s
    keep_warm: 2s
"""


CANARY = "{canary: [20, 50, 100]}"
JUDGED = "{error_rate: 1%, needs: 20, min_time: 2s, hold_for: 30s}"


class ClusterScene(Scene):
    """The shop, with one environment on the cluster."""

    def found(self, namespace: Namespace, gateway: str, stats: str, host: str, image: str) -> None:
        """The first commit: the file, a base and an overlay."""
        self.namespace = namespace
        folder = self.repo.folder
        base, overlay = folder / "k8s" / "base", folder / "k8s" / "overlays" / "production"
        for made in (base, overlay):
            made.mkdir(parents=True)
        self._told = {"namespace": namespace.name, "stats": stats, "gateway": gateway}
        (folder / "headway.yaml").write_text(FILE.format(strategy=CANARY, analysis=JUDGED, **self._told))
        _write(base / "deployment.json", deployment("shop", f"{image.partition('@')[0]}:latest"))
        _write(base / "service.json", service("shop"))
        _write(base / "kustomization.yaml", {"resources": ["deployment.json", "service.json"]})
        _write(overlay / "route.json", route("shop", host, {"shop": 1}))
        settings = {"name": "settings", "literals": ["TOLD_SIZE=small"]}
        told = [{"op": "add", "path": "/spec/template/spec/containers/0/envFrom", "value": [{"configMapRef": {"name": "settings"}}]}]
        whole = {
            "namespace": namespace.name,
            "resources": ["../../base", "route.json"],
            "configMapGenerator": [settings],
            "patches": [{"target": {"kind": "Deployment"}, "patch": json.dumps(told)}],
        }
        _write(overlay / "kustomization.yaml", whole)
        self.repo.git("init", "--quiet", "--initial-branch=main")
        self.repo.commit("feat: a shop")

    def switch(self, strategy: str) -> None:
        """Production goes about it in another way from now on."""
        (self.repo.folder / "headway.yaml").write_text(FILE.format(strategy=strategy, analysis="health", **self._told))
        self.repo.commit(f"feat: {strategy}")

    def promote(self, version: str, image: str) -> View:
        """Cut a release of this image, and bring it to production."""
        self.cut(version, image)
        answer: View = self.headway("promote", f"shop@{version}", "--to", "production", "--json").json
        return self.ask("rollout", target=answer["rollout"])

    def cut(self, version: str, image: str) -> None:
        """A release of this image."""
        (self.repo.folder / "version.txt").write_text(version)
        self.repo.commit(f"feat: {version}\n\nFixes: everything before")
        self.headway("release", "cut", "HEAD", "--version", version, "--image", image)

    def end_of(self, rollout: View, phase: str) -> View:
        """The rollout's end, which must be this one."""
        view = self.when(rollout, lambda one: one["ended"], f"the end of {rollout['release']}")
        said = "\n".join(f"{event['what']}: {'; '.join(event['why'])}" for event in view["events"])
        assert view["phase"] == phase, f"{view['release']} is {view['phase']}: {view['why']}\n{said}"
        return view


def _write(file: Path, content: Object) -> None:
    file.write_text(json.dumps(content, indent=2))
