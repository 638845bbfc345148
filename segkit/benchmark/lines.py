"""What was found on each picture, stored as soon as it is found, so that a run that was broken off goes on."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Generic, TextIO, TypeVar

from segkit.base.errors import OutputError
from segkit.base.files import write_atomically

Found = TypeVar("Found")


class PictureLines(Generic[Found]):
    """A file with a JSON line a picture, behind a first line that tells what they are of.

    `about` is that, as plain data; `check` is given what an older file says there (None if nothing), and raises where
    it is of something else. `parse` makes of a line's data the picture's name and what is `found` on it, by name; a
    line of which it raises ValueError, KeyError or TypeError, such as one that was cut short, is left out.
    """

    def __init__(
        self,
        path: Path,
        about: Mapping[str, Any],
        *,
        check: Callable[[Any], None],
        parse: Callable[[Any], tuple[str, Found]],
    ) -> None:
        self.path = path
        self.found: dict[str, Found] = {}
        self._about, self._check, self._parse = about, check, parse
        self._lines: list[str] = []
        self._file: TextIO | None = None

    def load(self) -> None:
        """Take what an older file has."""
        if not self.path.is_file():
            return
        first, *rest = self.path.read_text(encoding="utf-8").split("\n")
        self._check(_json_or_none(first))
        for line in rest:
            try:
                name, found = self._parse(json.loads(line))
            except (ValueError, KeyError, TypeError):
                continue
            self.found[name] = found
            self._lines.append(line)

    def open(self) -> None:
        """Make ready to add: the file then holds whole lines only."""
        write_atomically(self.path, "\n".join([json.dumps(self._about), *self._lines]) + "\n")
        self._file = self.path.open("a", encoding="utf-8")

    def add(self, name: str, found: Found, data: Mapping[str, Any]) -> None:
        """Store what was found on a picture at once; `data` is it as plain data."""
        assert self._file is not None
        self.found[name] = found
        self._file.write(json.dumps(data) + "\n")
        self._file.flush()

    def close(self) -> None:
        """Add no more."""
        if self._file is not None:
            self._file.close()


def check_same(path: Path, about: Mapping[str, Any], before: Any, *, way_out: str) -> None:
    """Raise OutputError where what is stored at `path` is of something else than `about`.

    Where the weights lie (`weights`) does not matter: their checksum tells which they are.
    """
    now = json.loads(json.dumps(about))  # as it is read back
    if not isinstance(before, dict):
        before = {}
    for key in now | before:
        if now.get(key) != before.get(key) and key != "weights":
            raise OutputError(
                f"{path}: was measured with {key}={before.get(key)}, not {now.get(key)}: {way_out}, or choose another "
                "--out"
            )


def _json_or_none(line: str) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        return None
