"""What is said is one line that does nothing to a terminal."""

import pytest

from segkit.base.errors import DataError, printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain, Straße, 犬 and [/b]", "plain, Straße, 犬 and [/b]"),
        ("two\nlines\r", r"two\nlines\r"),
        ("\x1b[31mred\x07", r"\x1b[31mred\x07"),
        ("name\udcff", r"name\udcff"),
        ("\u202eback\u2028", r"\u202eback\u2028"),
    ],
)
def test_what_would_act_on_a_terminal_is_escaped(text: str, shown: str) -> None:
    assert printable(text) == shown == str(DataError(text))
