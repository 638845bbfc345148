"""Which faults a piece of code can have, and that each is the one change that it says."""

import ast

import pytest

from tools.mutations.faults import find_faults


def words(code: str) -> list[str]:
    return [fault.words for fault in find_faults(ast.parse(code))]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("a < b", ["a < b -> a <= b", "a < b -> a > b"]),
        ("a is not b", ["a is not b -> a is b"]),
        ("a - b", ["a - b -> a + b"]),
        ("a += b", ["a += b -> a -= b"]),
        ("a @ b", []),
        ("a and b", ["a and b -> a or b"]),
        ("not a", ["not a -> a"]),
        ("-a", ["-a -> a"]),
        ("x[3:]", ["3 -> 4", "3 -> 2"]),
        ("x = 0", ["0 -> 1"]),
        ("x = 0.5", ["0.5 -> 1.0"]),
        ("x = True", ["True -> False"]),
        ("x = 'text', None", []),
        ("x = min(a)", ["min(a) -> max(a)"]),
        ("x = a.amax(1)", ["a.amax(1) -> a.amin(1)", "1 -> 2", "1 -> 0"]),
        ("x = f(a, b)", ["f(a, b) -> f(b, a)"]),
        ("x = f(a, *b)", []),
        ("x = f(a, a)", []),
        ("x = min(a, b)", ["min(a, b) -> max(a, b)"]),
        ("x = f(a, b=c)", ["f(a, b=c) -> f(a)"]),
        ("x = range(n)", ["range(n) -> range(n - 1)"]),
        ("f(a)", ["f(a) -> pass"]),
        ("if a: b", ["a -> not a"]),
        ("x = b if a else c", ["b if a else c -> b if not a else c"]),
        ("def f(a: 'int' = 1) -> List[2]: return a", ["1 -> 2", "1 -> 0"]),
        ("raise E(f'{1 + 1}')", []),
        ("x = f'{1 + 1}'", []),
        ("@d(1)\nclass A(B[1]): pass", []),
    ],
)
def test_what_can_be_wrong(code: str, expected: list[str]) -> None:
    assert words(code) == expected


def test_one_place_is_changed_and_told() -> None:
    code = "def f(x):\n    y = x + 1\n    if y > 2:\n        return y\n    return g(x, y, flip=True)"
    faults = find_faults(ast.parse(code))
    made = []
    for number, fault in enumerate(faults):
        tree = ast.parse(code)
        find_faults(tree)[number].make()
        changed = ast.unparse(tree)
        before, after = ([*code.splitlines()], [*changed.splitlines()])
        assert [line for line, (a, b) in enumerate(zip(before, after, strict=True), 1) if a != b] == [fault.line]
        made.append(changed)
    assert len(set(made)) == len(made) == 10
