"""What changed in a Python package, with what griffe alone does not see."""

from pathlib import Path

import pytest

from headway.adapters.apidiff.python import compare
from headway.errors import Unavailable


def levels(tmp_path: Path, old: str, new: str) -> list[tuple[str, str]]:
    for name, text in (("old", old), ("new", new)):
        (tmp_path / name / "src/pkg").mkdir(parents=True)
        (tmp_path / name / "src/pkg/__init__.py").write_text(text)
    return [(finding.level.value, finding.subject) for finding in compare(tmp_path / "old", tmp_path / "new", "src/pkg")]


CLASS = "class A:\n    x: int = 1\n    def f(self, a: int) -> int: ...\n"
TWO = "def f(): ...\ndef g(): ..."
READ = "class A:\n    @property\n    def p(self) -> int: ...\n"
WRITE = "    @p.setter\n    def p(self, value: int) -> None: ...\n"
ABSTRACT = "import abc\nclass A(abc.ABC):\n    def f(self): ...\n"
DATA = "from dataclasses import dataclass\n@dataclass\nclass A:\n    x: int\n"
STRING = "@overload\ndef f(a: str) -> str: ...\n"
LOADED = f"from typing import overload\n@overload\ndef f(a: int) -> int: ...\n{STRING}def f(a): ...\n"


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        pytest.param("def f(): ...", "def f(): ...", [], id="the same"),
        pytest.param("def f(): ...", "", [("major", "pkg.f")], id="a function is gone"),
        pytest.param("def _f(): ...", "", [], id="what is private is nobody's"),
        pytest.param("", "def f(): ...", [("minor", "pkg.f")], id="a function was added"),
        pytest.param("def f(): ...", "async def f(): ...", [("major", "pkg.f")], id="became async"),
        pytest.param("async def f(): ...", "def f(): ...", [("major", "pkg.f")], id="no longer async"),
        pytest.param("def f() -> int: ...", "def f() -> str: ...", [("major", "pkg.f")], id="returns another type"),
        pytest.param("def f() -> int: ...", "def f() -> int | None: ...", [("major", "pkg.f")], id="may return nothing"),
        pytest.param("def f() -> int | None: ...", "def f() -> int: ...", [("minor", "pkg.f")], id="always returns something"),
        pytest.param("def f() -> int: ...", "def f(): ...", [], id="an annotation went away"),
        pytest.param("from typing import Optional\ndef f() -> Optional[int]: ...", "def f() -> int | None: ...", [], id="another spelling"),
        pytest.param(
            "def f(a: t.Optional[t.List['t.Union[int, str]']]) -> t.Callable[[t.Dict[str, t.Optional[int]]], typing.Iterator[t.Any]]: ...",
            "def f(a: list[str | int] | None) -> Callable[[dict[str, int | None]], cabc.Iterator[t.Any]]: ...",
            [],
            id="another spelling, deep within",
        ),
        pytest.param(
            "def f() -> Literal['t.List', 1]: ...", "def f() -> Literal['list', 1]: ...", [("major", "pkg.f")], id="another literal"
        ),
        pytest.param("def f() -> a.List: ...", "def f() -> b.List: ...", [("major", "pkg.f")], id="the same name from elsewhere"),
        pytest.param("def f(a: int): ...", "def f(a: int | str): ...", [("minor", "pkg.f")], id="takes more"),
        pytest.param("def f(a: int | str): ...", "def f(a: int): ...", [("major", "pkg.f")], id="takes less"),
        pytest.param("def f(): ...", "def f(a=1): ...", [("minor", "pkg.f")], id="a parameter that may be left out"),
        pytest.param("def f(): ...", "def f(a): ...", [("major", "pkg.f")], id="a parameter that must be given"),
        pytest.param("def f(a): ...", "def f(): ...", [("major", "pkg.f")], id="a parameter is gone"),
        pytest.param("def f(a=1): ...", "def f(a): ...", [("major", "pkg.f")], id="a parameter became required"),
        pytest.param("def f(a=1): ...", "def f(a=2): ...", [("minor", "pkg.f")], id="another default"),
        pytest.param("def f(a, b): ...", "def f(b, a): ...", [("major", "pkg.f")] * 2, id="parameters changed places"),
        pytest.param("x: int = 1", "x: str = ''", [("major", "pkg.x")], id="an attribute has another type"),
        pytest.param("x = 1", "x = 'a'", [("major", "pkg.x")], id="an attribute has a value of another type"),
        pytest.param("x = 1", "x = 2", [], id="an attribute has another value"),
        pytest.param("x = 1", "def x(): ...", [("major", "pkg.x")], id="another kind of thing"),
        pytest.param(CLASS, CLASS.replace("    x: int = 1\n", ""), [("major", "pkg.A.x")], id="a class lost an attribute"),
        pytest.param(CLASS, CLASS.replace("    def", "    async def"), [("major", "pkg.A.f")], id="a method became async"),
        pytest.param(CLASS, CLASS + "    def g(self): ...\n", [("minor", "pkg.A.g")], id="a class got a method"),
        pytest.param("class B: ...\nclass A(B): ...", "class B: ...\nclass A: ...", [("major", "pkg.A")], id="a class lost its base"),
        pytest.param("def f(): ...", "def f():\n    '''Deprecated: use g.'''", [("minor", "pkg.f")], id="deprecated in words"),
        pytest.param(
            "def f(): ...",
            "from warnings import deprecated\n@deprecated('use g')\ndef f(): ...",
            [("minor", "pkg.f")],
            id="deprecated by a decorator",
        ),
        pytest.param("__all__ = ['f', 'g']\n" + TWO, "__all__ = ['f']\n" + TWO, [("major", "pkg.g")], id="left __all__"),
        pytest.param(READ + WRITE, READ, [("major", "pkg.A.p")], id="a property can be set no longer"),
        pytest.param(
            ABSTRACT, ABSTRACT + "    @abc.abstractmethod\n    def g(self): ...\n", [("major", "pkg.A.g")], id="subclasses must have more"
        ),
        pytest.param("class A: ...", "from typing import final\n@final\nclass A: ...", [("major", "pkg.A")], id="no subclasses any more"),
        pytest.param(DATA, DATA.replace("dataclass\nclass", "dataclass(frozen=True)\nclass"), [("major", "pkg.A")], id="frozen"),
        pytest.param(LOADED, LOADED.replace(STRING, ""), [("major", "pkg.f")], id="an overload is gone"),
        pytest.param("__all__ = ['f']\ndef f(): ...\ndef g(): ...", "__all__ = ['f']\ndef f(): ...", [], id="what __all__ leaves out"),
    ],
)
def test_findings(old: str, new: str, found: list[tuple[str, str]], tmp_path: Path) -> None:
    assert sorted(levels(tmp_path, old, new)) == sorted(found)


def test_nothing_of_the_package_runs(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    assert levels(tmp_path, "x = 1", f"x = 1\nopen({str(mark)!r}, 'w').close()") == []
    assert not mark.exists()


@pytest.mark.parametrize("text", [pytest.param("def (", id="a fault"), pytest.param("x = '\\0'\0", id="a NUL")])
def test_what_cannot_be_parsed_is_not_taken_for_removed(text: str, tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="cannot be parsed"):
        levels(tmp_path, "x = 1", text)


def test_a_package_that_is_nowhere_is_no_unchanged_package(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="there is no Python package"):
        compare(tmp_path, tmp_path, "src/nothing")
