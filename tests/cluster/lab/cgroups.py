"""A cgroup of the cluster's own, so that two clusters on one machine never mix, and what is left over can be found."""

from pathlib import Path

from lab.layout import NAME

_TOP = Path("/sys/fs/cgroup")


def make() -> None:
    """The folder that becomes the kubelet's root, in whatever shape this machine's cgroups have."""
    for folder in _folders():
        folder.mkdir(exist_ok=True)
        for file in ("cpuset.cpus", "cpuset.mems"):  # version 1 starts these empty, and then nothing may run there
            if (folder / file).exists() and not (folder / file).read_text().strip():
                (folder / file).write_text((folder.parent / file).read_text())


def members() -> list[int]:
    """Every process of every pod."""
    return sorted({int(pid) for folder in _folders() for file in folder.rglob("cgroup.procs") for pid in _words(file)})


def remove() -> None:
    """Innermost first; what still has a process stays."""
    for folder in _folders():
        inner = [path for path in folder.rglob("*") if path.is_dir()] if folder.exists() else []
        for path in (*sorted(inner, key=lambda one: -len(one.parts)), folder):
            try:
                path.rmdir()
            except OSError:
                continue


def one_hierarchy() -> bool:
    """Is this cgroup version 2?"""
    return (_TOP / "cgroup.controllers").exists()


def _folders() -> list[Path]:
    if one_hierarchy():
        return [_TOP / NAME]
    return [path / NAME for path in sorted(_TOP.iterdir()) if path.is_dir() and not path.is_symlink() and (path / "cgroup.procs").exists()]


def _words(file: Path) -> list[str]:
    try:
        return file.read_text().split()
    except OSError:
        return []
