"""What a migration that is written in Python does, read without running it: alembic's `upgrade()`, Django's `operations`.

The few operations that everybody uses are told as the SQL that they come to; whatever else stands there makes the file unclear, never safe.
Names of tables are those of the file: what matters is whether something is only added.
"""

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Revision:
    """One file: its name, those it comes after, and what it comes to as SQL; None: it cannot be told."""

    name: str
    after: tuple[str, ...]
    sql: str | None


class _UnclearError(Exception):
    """Something stands there that is not one of the few operations."""


def alembic(text: str) -> Revision | None:
    """A revision of alembic; None if the file is none."""
    tree = _parsed(text)
    named = dict(_assigned(tree)) if tree else {}
    name = _text(named.get("revision"))
    if tree is None or name is None:
        return None
    upgrades = [one for one in tree.body if isinstance(one, ast.FunctionDef) and one.name == "upgrade"]
    return Revision(name, (*_texts(named.get("down_revision")), *_texts(named.get("depends_on"))), _sql(upgrades, _alembic))


def django(text: str, app: str, stem: str) -> Revision | None:
    """A migration of Django; None if the file is none."""
    tree = _parsed(text)
    found = [one for one in (tree.body if tree else ()) if isinstance(one, ast.ClassDef) and one.name == "Migration"]
    if not found:
        return None
    named = dict(_assigned(found[0]))
    pairs = named.get("dependencies")
    after = [".".join(_texts(one)) for one in pairs.elts] if isinstance(pairs, ast.List) else []
    return Revision(f"{app}.{stem}", tuple(one for one in after if one.count(".") == 1), _sql([named.get("operations")], _django))


def in_order(found: Sequence[Revision]) -> tuple[Revision, ...]:
    """Nothing before what it comes after; otherwise as they are given."""
    known, done = {one.name: one for one in found}, dict[str, Revision]()

    def take(one: Revision, under: frozenset[str]) -> None:
        if one.name in done or one.name in under:
            return
        for before in one.after:
            if before in known:
                take(known[before], under | {one.name})
        done[one.name] = one

    for one in found:
        take(one, frozenset())
    return tuple(done.values())


# -- alembic


def _alembic(upgrade: ast.AST) -> Iterator[str]:
    assert isinstance(upgrade, ast.FunctionDef)
    for one in upgrade.body:
        if isinstance(one, ast.Pass) or (isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant)):
            continue
        if not isinstance(one, ast.Expr) or not isinstance(one.value, ast.Call) or _called(one.value)[0] != "op":
            raise _UnclearError
        yield _operation(one.value)


def _operation(call: ast.Call) -> str:
    words = [_text(one) for one in call.args[:2]]
    table = words[0] or "t"
    match _called(call)[1]:
        case "create_table":
            return f'CREATE TABLE "{table}" (x int)'
        case "add_column" if len(call.args) == 2 and isinstance(call.args[1], ast.Call):
            return f'ALTER TABLE "{table}" ADD COLUMN "{_column(call.args[1])}" int{_rule(call.args[1])}'
        case "create_index" if len(words) == 2:
            unique = "UNIQUE " if _flag(call, "unique") is not False else ""
            return f'CREATE {unique}INDEX "{table}" ON "{words[1] or "t"}" (x)'
        case "drop_index":
            return f'DROP INDEX "{table}"'
        case "drop_table":
            return f'DROP TABLE "{table}"'
        case "drop_column" if len(words) == 2:
            return f'ALTER TABLE "{table}" DROP COLUMN "{words[1] or "c"}"'
        case "rename_table":
            return f'ALTER TABLE "{table}" RENAME TO "other"'
        case "execute" if len(call.args) == 1 and not call.keywords:
            return _literal(call.args[0])
    raise _UnclearError


def _column(call: ast.Call) -> str:
    return (_text(call.args[0]) if call.args else None) or "c"


def _rule(column: ast.Call) -> str:
    """NOT NULL, unless it says otherwise or there is a default in the database."""
    nullable, default = _flag(column, "nullable"), _keyword(column, "server_default")
    if any(_keyword(column, name) is not None for name in ("primary_key", "unique", "autoincrement")) or len(column.args) > 2:
        raise _UnclearError  # a key or a constraint stands among its words
    if nullable is None and _keyword(column, "nullable") is not None:
        raise _UnclearError
    return " NOT NULL" if nullable is False and (default is None or _is_none(default)) else ""


# -- Django


def _django(operations: ast.AST) -> Iterator[str]:
    if not isinstance(operations, ast.List):
        raise _UnclearError
    made: set[str] = set()
    for one in operations.elts:
        if not isinstance(one, ast.Call) or _called(one)[0] != "migrations":
            raise _UnclearError
        yield from _step(one, made)


def _step(call: ast.Call, made: set[str]) -> Iterator[str]:
    named = {word.arg: word.value for word in call.keywords if word.arg}
    words = [_text(one) for one in call.args]
    model = (_text(named.get("model_name")) or _text(named.get("name")) or (words[0] if words else None) or "t").lower()
    match _called(call)[1]:
        case "CreateModel":
            made.add(model)
            yield f'CREATE TABLE "{model}" (x int)'
        case "AddField" if isinstance(field := named.get("field"), ast.Call):
            free = model in made or _called(field)[1] == "ManyToManyField" or _flag(field, "null") is True
            free = free or _keyword(field, "db_default") is not None
            if _flag(field, "unique") is not False or _keyword(field, "primary_key") is not None:
                raise _UnclearError
            # Django takes its own default away again, so that whoever does not know the field could not insert.
            yield f'ALTER TABLE "{model}" ADD COLUMN "{_text(named.get("name")) or "c"}" int{"" if free else " NOT NULL"}'
        case "AddIndex" | "AddIndexConcurrently":
            yield f'CREATE INDEX "i" ON "{model}" (x)'
        case "RemoveIndex" | "RemoveIndexConcurrently":
            yield 'DROP INDEX "i"'
        case "AlterModelOptions" | "AlterModelManagers":
            return
        case "RemoveField":
            yield f'ALTER TABLE "{model}" DROP COLUMN "{_text(named.get("name")) or "c"}"'
        case "DeleteModel":
            yield f'DROP TABLE "{model}"'
        case "RunSQL":
            yield _literal(call.args[0] if call.args else named.get("sql"))
        case _:
            raise _UnclearError


# -- parts


def _parsed(text: str) -> ast.Module | None:
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return None


def _sql(parts: Sequence[ast.AST | None], read: object) -> str | None:
    if len(parts) != 1 or parts[0] is None or not callable(read):
        return None
    try:
        return "".join(f"{one.rstrip().rstrip(';')};\n" for one in read(parts[0]))
    except _UnclearError:
        return None


def _assigned(tree: ast.Module | ast.ClassDef) -> Iterator[tuple[str, ast.expr]]:
    for one in tree.body:
        if isinstance(one, ast.Assign) and len(one.targets) == 1 and isinstance(one.targets[0], ast.Name):
            yield one.targets[0].id, one.value
        elif isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name) and one.value is not None:
            yield one.target.id, one.value


def _called(call: ast.Call) -> tuple[str, str]:
    """`op.add_column` as its two words."""
    of = call.func
    if isinstance(of, ast.Attribute) and isinstance(of.value, ast.Name):
        return of.value.id, of.attr
    return "", of.attr if isinstance(of, ast.Attribute) else ""


def _literal(value: ast.expr | None) -> str:
    """SQL that is written out, perhaps as `sa.text("…")`."""
    if isinstance(value, ast.Call) and _called(value)[1] == "text" and len(value.args) == 1:
        value = value.args[0]
    said = _text(value)
    if said is None:
        raise _UnclearError
    return said


def _text(value: ast.AST | None) -> str | None:
    return value.value if isinstance(value, ast.Constant) and isinstance(value.value, str) else None


def _texts(value: ast.AST | None) -> tuple[str, ...]:
    if isinstance(value, ast.Tuple | ast.List):
        return tuple(one for each in value.elts if (one := _text(each)) is not None)
    return (one,) if (one := _text(value)) is not None else ()


def _keyword(call: ast.Call, name: str) -> ast.expr | None:
    return next((one.value for one in call.keywords if one.arg == name), None)


def _flag(call: ast.Call, name: str) -> bool | None:
    """What it says there; False if nothing, None if it cannot be told."""
    value = _keyword(call, name)
    if value is None:
        return None if name == "nullable" else False
    return value.value if isinstance(value, ast.Constant) and isinstance(value.value, bool) else None


def _is_none(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and value.value is None
