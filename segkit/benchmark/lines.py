"""What was counted on each picture, stored as soon as it is found, so that a run that was broken off goes on."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Self, TextIO

from segkit.base.errors import OutputError
from segkit.base.files import write_atomically
from segkit.evaluation.result import PictureCounts
from segkit.weights.lineage import Lineage

_OF_THE_WEIGHTS = {"network", "weights", *Lineage(()).to_protocol()}


class Counted(NamedTuple):
    """The counts of one picture by measurement, and the seconds that all of them took."""

    counts: Mapping[str, PictureCounts]
    seconds: float


class PictureLines:
    """A file with a JSON line a picture, behind a first line that tells what they are of, `about`, as plain data.

    `found` holds what is in it, by the picture's name: what was stored before, and what is added while it is open, as
    it is in a `with`. A line without all `measurements`, such as one that was cut short, is left out. Raises
    OutputError, with the `way_out`, where the file is of something else.
    """

    def __init__(self, path: Path, measurements: Sequence[str], about: Mapping[str, Any], *, way_out: str) -> None:
        self.path = path
        self.measurements = tuple(measurements)
        self.found: dict[str, Counted] = {}
        self._lines = [json.dumps(about)]
        self._file: TextIO | None = None
        if not path.is_file():
            return
        first, *rest = path.read_text(encoding="utf-8").split("\n")
        check_same(path, about, _json_or_none(first), way_out=way_out)
        for line in rest:
            try:
                stored = json.loads(line)
                counts = {key: PictureCounts.from_json(stored["counts"][key]) for key in self.measurements}
                self.found[str(stored["name"])] = Counted(counts, float(stored["seconds"]))
            except (ValueError, KeyError, TypeError):
                continue
            self._lines.append(line)

    def __enter__(self) -> Self:
        """Make ready to add: the file then holds whole lines only."""
        write_atomically(self.path, "\n".join(self._lines) + "\n")
        self._file = self.path.open("a", encoding="utf-8")
        return self

    def __exit__(self, *_: object) -> None:
        """Add no more."""
        if self._file is not None:
            self._file.close()

    def add(self, name: str, counts: Mapping[str, PictureCounts], seconds: float) -> None:
        """Store what was counted on a picture, at once."""
        assert self._file is not None
        self.found[name] = Counted(counts, seconds)
        plain = {measurement: counts[measurement].to_json() for measurement in self.measurements}
        self._file.write(json.dumps({"name": name, "counts": plain, "seconds": round(seconds, 4)}) + "\n")
        self._file.flush()


def check_same(path: Path, about: Mapping[str, Any], before: Any, *, way_out: str) -> None:
    """Raise OutputError where what is stored at `path` is of something else than `about`.

    Where the weights lie and what is behind them does not matter: their checksum tells which they are.
    """
    now = json.loads(json.dumps(about))  # as it is read back
    if not isinstance(before, dict):
        before = {}
    for key in now | before:
        if now.get(key) != before.get(key) and key not in _OF_THE_WEIGHTS:
            raise OutputError(
                f"{path}: was measured with {key}={before.get(key)}, not {now.get(key)}: {way_out}, or choose another "
                "--out"
            )


def _json_or_none(line: str) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        return None
