"""A small security scan of Python sources: calls that run text as code, shells, pickles, passwords, SQL put together by hand."""

import ast
from collections.abc import Iterator
from pathlib import Path

RUNS_TEXT = {"eval", "exec", "compile", "__import__"}
SHELLS = {"os.system", "os.popen", "subprocess.getoutput", "subprocess.getstatusoutput"}
UNPACKS_CODE = {"pickle", "cPickle", "dill", "shelve", "marshal"}
SECRET_NAMES = ("password", "passwd", "secret", "token", "api_key", "apikey")
SQL_METHODS = {"execute", "executemany", "executescript"}
LISTENS_EVERYWHERE = {"0.0.0.0", "::"}


def scan(folder: Path) -> list[str]:
    """Findings as `file:line: what`."""
    findings = []
    for path in sorted(folder.rglob("*.py")):
        tree = ast.parse(path.read_text(), str(path))
        findings += [f"{path.relative_to(folder.parent)}:{line}: {what}" for line, what in _findings(tree)]
    return findings


def _findings(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        match node:
            case ast.Call():
                yield from ((node.lineno, what) for what in _call(node))
            case ast.Import(names=names):
                yield from ((node.lineno, f"{name.name} can run code that it loads") for name in names if _top(name.name) in UNPACKS_CODE)
            case ast.ImportFrom(module=str(module)) if _top(module) in UNPACKS_CODE:
                yield node.lineno, f"{module} can run code that it loads"
            case ast.Assign(targets=targets, value=value):
                yield from ((node.lineno, what) for target in targets for what in _assignment(target, value))
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                yield from ((node.lineno, what) for what in _assignment(target, value))
            case ast.keyword(arg=str(name), value=value) if _secret(name, value):
                yield value.lineno, f"a secret is written into the code as {name}"
            case ast.Constant(value=str(text)) if text in LISTENS_EVERYWHERE:
                yield node.lineno, f"listens on every address ({text})"


def _call(node: ast.Call) -> Iterator[str]:
    name = ast.unparse(node.func)
    if name in RUNS_TEXT:
        yield f"{name}() runs text as code"
    if name in SHELLS:
        yield f"{name}() goes through a shell"
    if any(word.arg == "shell" and not (isinstance(word.value, ast.Constant) and not word.value.value) for word in node.keywords):
        yield f"{name}() goes through a shell"
    if name == "tempfile.mktemp":
        yield "tempfile.mktemp() can be raced; use mkstemp"
    if any(word.arg == "verify" and isinstance(word.value, ast.Constant) and word.value.value is False for word in node.keywords):
        yield f"{name}() does not verify certificates"
    method = node.func.attr if isinstance(node.func, ast.Attribute) else ""
    if method in SQL_METHODS and node.args and _put_together(node.args[0]):
        yield "SQL is put together from pieces; pass values as parameters"


def _put_together(value: ast.expr) -> bool:
    match value:
        case ast.JoinedStr():
            return any(isinstance(part, ast.FormattedValue) for part in value.values)
        case ast.BinOp(op=ast.Mod() | ast.Add()):
            return True
        case ast.Call(func=ast.Attribute(attr="format" | "join" | "replace")):
            return True
    return False


def _assignment(target: ast.expr, value: ast.expr) -> Iterator[str]:
    name = target.attr if isinstance(target, ast.Attribute) else target.id if isinstance(target, ast.Name) else ""
    if _secret(name, value):
        yield f"a secret is written into the code as {name}"


def _secret(name: str, value: ast.expr) -> bool:
    named = any(word in name.lower() for word in SECRET_NAMES)
    return named and isinstance(value, ast.Constant) and isinstance(value.value, str | bytes) and bool(value.value)


def _top(module: str) -> str:
    return module.partition(".")[0]
