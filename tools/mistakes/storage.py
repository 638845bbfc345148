"""What was measured, in a folder: a file a group, with what it is of in the first line, then a picture a line."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

from segkit.base.errors import OutputError
from segkit.base.files import write_atomically
from segkit.evaluation.result import PictureCounts


class Store:
    """The counts of one group's measurements, by picture; `about` says what they are of.

    Raises OutputError where the file holds those of something else. A line that was cut short is left out, so that its
    picture is measured again.
    """

    def __init__(self, path: Path, measurements: Sequence[str], about: Mapping[str, Any]) -> None:
        self.path = path
        self.measurements = tuple(measurements)
        self.about = json.loads(json.dumps(dict(about)))  # as it is read back
        self.pictures: dict[str, dict[str, PictureCounts]] = {}
        self.seconds: dict[str, float] = {}
        self._lines: list[str] = []
        self._file: TextIO | None = None
        if path.is_file():
            first, *rest = path.read_text(encoding="utf-8").split("\n")
            self._check_same(first)
            for line in rest:
                self._read(line)

    def open(self) -> None:
        """Make ready to add: the file then holds whole lines only."""
        write_atomically(self.path, "\n".join([json.dumps(self.about), *self._lines]) + "\n")
        self._file = self.path.open("a", encoding="utf-8")

    def add(self, name: str, counts: Mapping[str, PictureCounts], seconds: float) -> None:
        """Store what was found on a picture, at once."""
        assert self._file is not None
        plain = {measurement: counts[measurement].to_json() for measurement in self.measurements}
        line = json.dumps({"name": name, "counts": plain, "seconds": round(seconds, 4)})
        self._read(line)
        self._file.write(line + "\n")
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()

    def _read(self, line: str) -> None:
        try:
            stored = json.loads(line)
            name, seconds = str(stored["name"]), float(stored["seconds"])
            counts = {key: PictureCounts.from_json(stored["counts"][key]) for key in self.measurements}
        except (ValueError, KeyError, TypeError):
            return
        self.pictures[name], self.seconds[name] = counts, seconds
        self._lines.append(line)

    def _check_same(self, line: str) -> None:
        try:
            before = json.loads(line)
        except ValueError:
            before = None
        before = before if isinstance(before, dict) else {}
        for key in self.about | before:
            if self.about.get(key) != before.get(key):
                raise OutputError(
                    f"{self.path}: was measured with {key}={before.get(key)}, not {self.about.get(key)}: remove it to "
                    "measure again, or choose another --out"
                )
