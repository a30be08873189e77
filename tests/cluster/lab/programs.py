"""The programs, compiled from the Go module proxy at pinned versions; a second run finds them in the cache."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from lab.layout import folder, modules, tools
from lab.trouble import Trouble

_KUBERNETES = "k8s.io/component-base/version"
KEPT = {"github.com/projectcontour/contour": ("examples/contour/01-crds.yaml", "examples/gateway/00-crds.yaml")}


def build() -> None:
    """Compile what is not in the cache yet."""
    missing = [
        (module, name, package) for module in modules() for name, package in tools(module).items() if not (folder(module) / name).exists()
    ]
    if missing and not shutil.which("go"):
        raise Trouble("the test cluster is compiled from source and `go` 1.26 or later is not on PATH")
    for module, name, package in missing:
        sys.stderr.write(f"compiling {name} (once; the first takes minutes)\n")
        folder(module).mkdir(parents=True, exist_ok=True)
        _keep(module, folder(module))
        _compile(module, package, folder(module) / name)


def _keep(module: Path, into: Path) -> None:
    """What else of the sources the cluster needs, so that later runs need no sources at all."""
    for name in (one for one in KEPT if f"{one} " in (module / "go.mod").read_text()):
        # `go list` knows no folder of what was not downloaded yet; on a fresh machine that is everything.
        found = subprocess.run(["go", "mod", "download", "-json", name], cwd=module, capture_output=True, text=True, check=False)
        if found.returncode:
            raise Trouble(f"{name} cannot be downloaded: {found.stdout.strip()} {found.stderr.strip()}")
        for file in KEPT[name]:
            shutil.copyfile(Path(json.loads(found.stdout)["Dir"]) / file, into / Path(file).name)


def _compile(module: Path, package: str, program: Path) -> None:
    draft = program.with_suffix(".part")
    flags = ["-s", "-w"]
    if found := re.search(r"k8s\.io/kubernetes (v(\d+)\.(\d+)\S*)$", (module / "go.mod").read_text(), re.MULTILINE):
        facts = {"gitVersion": found[1], "gitMajor": found[2], "gitMinor": found[3], "gitTreeState": "clean"}
        flags += [f"-X {_KUBERNETES}.{fact}={value}" for fact, value in facts.items()]
    environment = os.environ | {"CGO_ENABLED": "0"}
    argv = ["go", "build", "-trimpath", "-ldflags", " ".join(flags), "-o", str(draft), package]
    if subprocess.run(argv, cwd=module, env=environment, check=False).returncode:
        raise Trouble(f"compiling {package} failed; what go said stands above")
    draft.rename(program)  # whole or not at all: a build that was interrupted leaves nothing that looks finished
