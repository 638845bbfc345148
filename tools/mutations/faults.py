"""The small faults that a module can have, each a change of one place of its syntax tree."""

import ast
import copy
from collections.abc import Iterator
from typing import Any, NamedTuple

COMPARED: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.Gt),
    ast.LtE: (ast.Lt, ast.GtE),
    ast.Gt: (ast.GtE, ast.Lt),
    ast.GtE: (ast.Gt, ast.LtE),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
}
COMPUTED: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.Pow: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}
EXCHANGED = {
    a: b
    for pair in [
        ("min", "max"),
        ("amin", "amax"),
        ("minimum", "maximum"),
        ("any", "all"),
        ("sum", "mean"),
        ("nansum", "nanmean"),
        ("floor", "ceil"),
        ("zeros", "ones"),
    ]
    for a, b in (pair, pair[::-1])
}
"""Functions and methods, of torch, numpy or Python, that are taken for each other."""

SYMMETRIC = ("min", "max", "minimum", "maximum")
"""Functions that do not mind which of their arguments comes first."""


class Fault(NamedTuple):
    """One wrong place: `field` of `parent` (at `index`, where it is a list) is `wrong` instead of what is `right`."""

    parent: ast.AST
    field: str
    index: int | None
    right: ast.AST
    wrong: ast.AST

    @property
    def line(self) -> int:
        """Where it is, counted from 1."""
        return int(getattr(self.right, "lineno", getattr(self.parent, "lineno", 0)))

    @property
    def words(self) -> str:
        """What is there and what should be."""
        right, wrong = (
            ast.unparse(place.test if isinstance(place, ast.If | ast.While) else place)
            for place in (self.right, self.wrong)
        )
        return f"{right} -> {wrong}"

    def make(self) -> None:
        """Change the tree that it is of."""
        if self.index is None:
            setattr(self.parent, self.field, self.wrong)
        else:
            getattr(self.parent, self.field)[self.index] = self.wrong


def find_faults(tree: ast.Module) -> list[Fault]:
    """All faults that the code of a module can have, in its order; annotations, texts and errors stay as they are."""
    return list(_below(tree))


def _below(parent: ast.AST) -> Iterator[Fault]:
    for field, value in ast.iter_fields(parent):
        if field in ("annotation", "returns", "decorator_list", "bases"):
            continue
        for index, child in enumerate(value) if isinstance(value, list) else [(None, value)]:
            if not isinstance(child, ast.AST) or isinstance(child, ast.Raise | ast.JoinedStr | ast.ImportFrom):
                continue
            for wrong in _wrong(child):
                yield Fault(parent, field, index, child, ast.fix_missing_locations(ast.copy_location(wrong, child)))
            yield from _below(child)


def _wrong(node: ast.AST) -> Iterator[ast.AST]:
    """What could stand in the place of a node by mistake."""
    match node:
        case ast.Compare():
            for place, operator in enumerate(node.ops):
                for other in COMPARED[type(operator)]:
                    yield _with(node, ops=[*node.ops[:place], other(), *node.ops[place + 1 :]])
        case ast.BinOp() | ast.AugAssign() if type(node.op) in COMPUTED:
            yield _with(node, op=COMPUTED[type(node.op)]())
        case ast.BoolOp():
            yield _with(node, op=ast.Or() if isinstance(node.op, ast.And) else ast.And())
        case ast.UnaryOp(op=ast.Not() | ast.USub()):
            yield node.operand
        case ast.If() | ast.IfExp() | ast.While() if not isinstance(node.test, ast.Compare | ast.UnaryOp | ast.BoolOp):
            yield _with(node, test=ast.UnaryOp(ast.Not(), node.test))
        case ast.Constant(value=bool(value)):
            yield ast.Constant(not value)
        case ast.Constant(value=int(value)):
            yield ast.Constant(value + 1)
            if value > 0:
                yield ast.Constant(value - 1)
        case ast.Constant(value=float(value)):
            yield ast.Constant(2 * value if value else 1.0)
        case ast.Expr(value=ast.Call()):
            yield ast.Pass()
        case ast.Call():
            yield from _wrong_calls(node)


def _wrong_calls(call: ast.Call) -> Iterator[ast.AST]:
    """The call of a function taken for another, with its first two arguments exchanged, or without a keyword."""
    function = call.func
    if isinstance(function, ast.Name) and function.id in EXCHANGED:
        yield _with(call, func=ast.Name(EXCHANGED[function.id], ast.Load()))
    elif isinstance(function, ast.Attribute) and function.attr in EXCHANGED:
        yield _with(call, func=_with(function, attr=EXCHANGED[function.attr]))
    if isinstance(function, ast.Name) and function.id == "range" and len(call.args) < 3:
        yield _with(call, args=[*call.args[:-1], ast.BinOp(call.args[-1], ast.Sub(), ast.Constant(1))])
    first = [ast.unparse(argument) for argument in call.args[:2]]
    name = ast.unparse(function).rpartition(".")[2]
    if len(set(first)) == 2 and name not in SYMMETRIC and not any(argument.startswith("*") for argument in first):
        yield _with(call, args=[call.args[1], call.args[0], *call.args[2:]])
    for place, keyword in enumerate(call.keywords):
        if keyword.arg is not None:
            yield _with(call, keywords=[*call.keywords[:place], *call.keywords[place + 1 :]])


def _with(node: ast.AST, **fields: object) -> Any:
    changed = copy.copy(node)
    for name, value in fields.items():
        setattr(changed, name, value)
    return changed
