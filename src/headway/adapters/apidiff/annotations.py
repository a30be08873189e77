"""Do two annotations promise the same, however they are spelt?

`t.Optional[t.List[int]]`, `Optional["list[int]"]` and `list[int] | None` are one type. A package that only respells its annotations breaks
nobody; on click 8.2 that was six of seven findings.
"""

import ast

MODULES = frozenset({"typing", "t", "te", "typing_extensions", "collections", "collections.abc", "cabc", "abc", "builtins"})
"""Where standard types come from, also by the short names that are usual."""
BUILT_IN = {
    **{name: name.lower() for name in ("List", "Dict", "Set", "FrozenSet", "Tuple", "Type")},
    **{"Text": "str", "AbstractSet": "Set", "Deque": "deque", "DefaultDict": "defaultdict"},
}


def parts(annotation: str) -> frozenset[str]:
    """The members of a union, in one spelling; of anything else, itself. Text that is no expression stands for itself."""
    try:
        return _members(ast.parse(annotation.strip(), mode="eval").body)
    except (SyntaxError, ValueError, RecursionError):
        return frozenset({annotation})


def spelt(annotation: str) -> str:
    """One spelling for all that mean the same."""
    return " | ".join(sorted(parts(annotation)))


def _members(node: ast.expr) -> frozenset[str]:
    match node:
        case ast.Constant(str() as quoted):
            return parts(quoted)
        case ast.BinOp(left, ast.BitOr(), right):
            return _members(left) | _members(right)
        case ast.Subscript(value, inner) if (name := _name(value)) in {"Optional", "Union"}:
            members = inner.elts if isinstance(inner, ast.Tuple) else [inner]
            return frozenset[str]().union(*map(_members, members), {"None"} if name == "Optional" else ())
        case _:
            return frozenset({_whole(node)})


def _whole(node: ast.expr) -> str:
    match node:
        case ast.Subscript(value, inner) if _name(value) in {"Literal", "Annotated"}:
            return f"{_name(value)}[{ast.unparse(inner)}]"  # what stands in there are values, no names of types
        case ast.Subscript(value, inner):
            found = [_union(one) for one in (inner.elts if isinstance(inner, ast.Tuple) else [inner])]
            return f"{_whole(value)}[{', '.join(found)}]"
        case ast.List(elements):
            return f"[{', '.join(map(_union, elements))}]"
        case ast.Name() | ast.Attribute():
            return _name(node)
        case _:
            return ast.unparse(node)


def _union(node: ast.expr) -> str:
    return " | ".join(sorted(_members(node)))


def _name(node: ast.expr) -> str:
    """A name, without the module where that is a standard one, and by its present name."""
    text = ast.unparse(node)
    module, _, last = text.rpartition(".")
    short = last if module in MODULES else text
    return BUILT_IN.get(short, short) if module in MODULES or not module else text
