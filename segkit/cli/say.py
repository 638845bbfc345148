"""What every command prints goes through here: names come from outside, and may hold what a terminal would obey."""

import sys

from rich.progress import TextColumn

from segkit.base.errors import printable

DESCRIPTION = TextColumn("{task.description}", markup=False)
"""The column of a bar that says what it is of, which has to be printable."""


def say(*lines: str) -> None:
    """Print lines, at once."""
    print(*map(printable, lines), sep="\n", flush=True)


def note(text: str) -> None:
    """Print something that the user should know."""
    say(f"note: {text}")


def complain(text: str) -> None:
    """Print what went wrong."""
    print(f"segkit: {printable(text)}", file=sys.stderr, flush=True)
