"""The reference of headway.yaml, made from the table that validates.

docs/reference/headway-yaml.md is this text; a test compares them. To write it anew:
`python -m headway.spec.reference > docs/reference/headway-yaml.md`
"""

import sys
from collections.abc import Iterator

from headway.spec.keys import FILE
from headway.spec.policy_keys import POLICIES
from headway.spec.records import Key, Record
from headway.spec.shapes import ListOf, MapOf, Shape

HEAD = """\
<!-- Made by `python -m headway.spec.reference > docs/reference/headway-yaml.md`; edit src/headway/spec/keys.py instead. -->

# headway.yaml

One file in the repository says what is built, where it runs and what it must pass on the way. `headway validate` tells everything
that is wrong with it at once; `headway schema` prints the JSON Schema for your editor.

The file is YAML 1.2: `on`, `off`, `yes` and `no` are text. Anchors, aliases and merge keys (`<<`) work; keys at the top that start with
`x-` are yours, for instance to hold anchors. Tags, tabs, duplicate keys and a second document are refused.

- A *duration* is written `500ms`, `10s`, `15m`, `1h30m` or `7d`. A number without a unit is refused.
- A *share* is written `1%`, a *size* `512MB` or `2GB` (of 1024 MB each).
- A *command* is one line, split into words as a shell would split it, or a list of words. No shell runs it: what needs `|`, `&&`, `>`, `*`
  or `$(...)` belongs in a script, or in `[sh, -c, ...]`. `$PORT` is filled in.
- A *list* of one may be written without brackets.

Whose file governs: `build`, `run`, `checks` and the rest of a service come from the release's own commit; environments, configuration
and everything that a release must pass come from the protected branch.
"""


def reference() -> str:
    """Every key with its type, its default and its meaning, as markdown."""
    return "\n".join((HEAD, *_section("The file", "", FILE)))


POLICIES_HEAD = """\
<!-- Made by `python scripts/write_reference.py`; edit src/headway/spec/policy_keys.py instead. -->

# policies.yaml

One file of the server says what every repository inherits (`defaults`), and what none of them may weaken (`policies`). How they work is in
[give every repository defaults and policies](../how-to/policies.md); how values are written, in [headway.yaml](headway-yaml.md).
`headway policies schema` prints the JSON Schema for your editor.
"""


def policies_reference() -> str:
    """The server's own file. What stands in headway.yaml as well is not told twice."""
    return "\n".join((POLICIES_HEAD, *_section("The file", "", POLICIES, frozenset(_records(FILE)))))


def _records(shape: Shape) -> Iterator[Record]:
    match shape:
        case Record():
            yield shape
            for key in shape.keys:
                yield from _records(key.shape)
        case MapOf() | ListOf():
            yield from _records(shape.item)
        case _:
            pass


def _section(title: str, where: str, record: Record, known: frozenset[Record] = frozenset()) -> Iterator[str]:
    yield f"## {title}\n"
    yield from _notes(record)
    yield "| key | expected | default | meaning |"
    yield "|---|---|---|---|"
    for key in record.keys:
        yield f"| `{key.name}` | {_cell(key.shape.words)} | {_default(key)} | {_cell(key.meaning)} |"
    yield ""
    for key in record.keys:
        inner = f"{where}.{key.name}" if where else key.name
        yield from _inside(inner, key.shape, known)


def _inside(where: str, shape: Shape, known: frozenset[Record]) -> Iterator[str]:
    match shape:
        case Record() if shape in known:
            yield f"`{where}`: as in [headway.yaml](headway-yaml.md).\n"
        case Record():
            yield from _section(f"`{where}`", where, shape, known)
        case MapOf():
            yield from _inside(f"{where}.{shape.placeholder}", shape.item, known)
        case ListOf():
            yield from _inside(where, shape.item, known)
        case _:
            pass


def _notes(record: Record) -> Iterator[str]:
    if record.short:
        yield f"A bare value stands for `{record.short}` alone.\n"
    if record.bare:
        yield "A bare name of a key stands for it with its default.\n"
    if record.one_of:
        yield f"Exactly one of {_listed(record.one_of)} must be there.\n"
    if record.some_of:
        yield f"At least one of {_listed(record.some_of)} must be there.\n"


def _listed(names: tuple[str, ...]) -> str:
    return " and ".join(f"`{name}`" for name in names)


def _default(key: Key) -> str:
    if key.required:
        return "required"
    if key.otherwise:
        return _cell(key.otherwise)
    return f"`{key.default}`" if key.default is not None else ""


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    sys.stdout.write(reference())
