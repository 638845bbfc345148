"""YAML from outside: plain data, or one line that says why not, and never much of anything."""

import time

import pytest

from segkit.base.yaml import MOST_LETTERS, parse_yaml


def test_plain_data() -> None:
    text = "a: &x {b: 1, c: [1.5, yes]}\nd: *x\ne: {<<: *x, b: 2}\n"
    inner = {"b": 1, "c": [1.5, True]}
    assert parse_yaml(text) == {"a": inner, "d": inner, "e": {"b": 2, "c": [1.5, True]}}
    assert parse_yaml("") is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: [1", "expected ',' or ']'"),
        ("a: !!timestamp x", "not of the kind that its tag tells"),
        ("a: !!bool x", "not of the kind that its tag tells"),
        ("a: !!int x", "invalid literal"),
        ("a: !!python/object/apply:os.system ['true']", "could not determine a constructor"),
        ("a: 2026-13-45", "month must be in"),
        ("a: &a [*a]", "repeat more than"),
        ("? [a, b]\n: 1\n", "unhashable"),
        ("[" * 5000, "nested too deeply"),
        ("a" * (MOST_LETTERS + 1), "letters"),
        ("a: \0", "special characters are not allowed"),
    ],
)
def test_what_is_not_plain_is_told_in_one_line(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said) as error:
        parse_yaml(text)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("step", ["[*x{0}, *x{0}]", "{{<<: [*x{0}, *x{0}]}}"])
def test_repetition_is_refused_before_it_is_made(step: str) -> None:
    lines = ["x0: &x0 {k: 1}", *(f"x{n}: &x{n} {step.format(n - 1)}" for n in range(1, 200))]
    begun = time.process_time()
    with pytest.raises(ValueError, match="repeat more than"):
        parse_yaml("\n".join(lines))
    assert time.process_time() - begun < 5  # seconds, where 2 ** 200 values would take for ever
