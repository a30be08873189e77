"""Headway's own image, as deploy/Containerfile makes it; what does not change from commit to commit stays in the cache."""

import fcntl
import hashlib
import shutil
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lab.images import run
from lab.layout import CHECKOUT, REGISTRY, STATE, cache
from lab.network import inside

PACKAGES = ("python3", "python3-venv", "git", "ca-certificates", "openssh-client")
EXTRAS = "kubernetes,kubectl,postgres"
PYTHON = "3.11"
"""Debian bookworm's, which the base has; the wheels are for it, whichever Python makes them."""


def prepare() -> None:
    """What comes from elsewhere, fetched before anybody is inside of the cluster's network, from where nothing else is reached."""
    with _alone():
        _base()
        _dependencies()


def headway(tag: str) -> str:
    """The image of this checkout under this tag in the cluster's registry; its reference by digest."""
    with _alone():
        name = _built()
        reference = f"{REGISTRY}/headway:{tag}"
        with tempfile.NamedTemporaryFile("r", dir=cache(), prefix="digest-") as digest:
            told = ("--quiet", "--tls-verify=false", "--disable-compression", f"--digestfile={digest.name}")
            push = _buildah("push", *told, name, f"docker://{reference}")
            run(*(inside(push) if STATE.exists() else push))
            return f"{reference.rpartition(':')[0]}@{digest.read().strip()}"


def _built() -> str:
    """The image's name in our own store."""
    containerfile = CHECKOUT / "deploy" / "Containerfile"
    with tempfile.TemporaryDirectory(prefix="headway-image-") as made:
        context = Path(made)
        argv = [
            sys.executable,
            "-m",
            "pip",
            "wheel",
            "--quiet",
            "--no-deps",
            "--no-build-isolation",
            f"--wheel-dir={context}",
            str(CHECKOUT),
        ]
        run(*argv)
        (wheel,) = context.glob("*.whl")
        dependencies = _dependencies()
        content = (wheel.read_bytes(), containerfile.read_bytes(), dependencies.name.encode(), _base().encode())
        name = f"localhost/headway:{hashlib.sha256(b''.join(content)).hexdigest()[:12]}"
        if name not in _images():
            for one in [old for old in _images() if old.startswith("localhost/headway:")]:
                run(*_buildah("rmi", "--force", one))
            for one in dependencies.iterdir():
                (context / one.name).hardlink_to(one) if _same_disk(one, context) else shutil.copyfile(one, context / one.name)
            told = (f"BASE={_base()}", f"WHAT=--no-index --find-links=/src headway[{EXTRAS}]")
            arguments = [f"--build-arg={one}" for one in told]
            argv = ["bud", "--quiet", f"--file={containerfile}", f"--tag={name}", "--layers=false", *arguments, str(context)]
            run(*_buildah(*argv), environment={"BUILDAH_ISOLATION": "chroot"})
    return name


def _dependencies() -> Path:
    """Everything that it needs, for the base's Python."""
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
    asked = [*project["dependencies"], *(one for extra in EXTRAS.split(",") for one in project["optional-dependencies"][extra])]
    folder = cache() / f"wheels-{hashlib.sha256(' '.join([PYTHON, *asked]).encode()).hexdigest()[:12]}"
    if not folder.exists():
        draft = folder.with_suffix(".part")
        shutil.rmtree(draft, ignore_errors=True)
        where = ("--only-binary=:all:", f"--python-version={PYTHON}", f"--dest={draft}")
        run(sys.executable, "-m", "pip", "download", "--quiet", *where, *asked)
        draft.rename(folder)
    return folder


def _base() -> str:
    """A small Debian with what the Containerfile wants to find, as an image; made once."""
    name = f"localhost/base:{hashlib.sha256(' '.join(PACKAGES).encode()).hexdigest()[:12]}"
    if name not in _images():
        with tempfile.TemporaryDirectory(prefix="headway-base-") as made:
            tree = Path(made) / "tree"
            run("debootstrap", "--variant=minbase", f"--include={','.join(PACKAGES)}", "bookworm", str(tree))
            shutil.rmtree(tree / "var/cache/apt/archives")
            container = run(*_buildah("from", "scratch"))
            run(*_buildah("copy", "--quiet", container, str(tree), "/"))
            run(*_buildah("commit", "--quiet", "--rm", container, name))
    return name


def _images() -> list[str]:
    return run(*_buildah("images", "--format={{.Name}}:{{.Tag}}")).split()


def _same_disk(one: Path, other: Path) -> bool:
    return one.stat().st_dev == other.stat().st_dev


def _buildah(*argv: str) -> list[str]:
    store = cache() / "store"
    return ["buildah", f"--root={store}", f"--runroot={store}-run", "--storage-driver=vfs", *argv]


@contextmanager
def _alone() -> Iterator[None]:
    cache().mkdir(parents=True, exist_ok=True)
    with (cache() / "store-lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
