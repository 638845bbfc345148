"""What was counted on each picture, stored as soon as it is found, so that a run that was broken off goes on."""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from segkit.base.errors import OutputError
from segkit.base.files import make_folder
from segkit.base.jsonl import append_record, read_records
from segkit.evaluation.counts import PictureCounts
from segkit.weights.lineage import Lineage

_OF_THE_WEIGHTS = {"network", "weights", *Lineage(()).to_protocol()}


class Counted(NamedTuple):
    """The counts of one picture by measurement, and the seconds that all of them took."""

    counts: Mapping[str, PictureCounts]
    seconds: float


class PictureLines:
    """A file with a JSON line a picture, behind a first line that tells what they are of, `about`, as plain data.

    `found` holds what is in it, by the picture's name: what was stored before, and what is added. A line without all
    `measurements`, such as one that was cut short, is left out. Raises OutputError, with the `way_out`, where the file
    is of something else.
    """

    def __init__(self, path: Path, measurements: Sequence[str], about: Mapping[str, Any], *, way_out: str) -> None:
        self.path = path
        self.measurements = tuple(measurements)
        self.about = dict(about)
        self.found: dict[str, Counted] = {}
        records = read_records(path)[0]
        self._begun = bool(records)
        if records:
            check_same(path, about, records[0], way_out=way_out)
        for stored in records[1:]:
            with suppress(ValueError, KeyError, TypeError):
                counts = {key: PictureCounts.from_json(stored["counts"][key]) for key in self.measurements}
                self.found[str(stored["name"])] = Counted(counts, float(stored["seconds"]))

    def add(self, name: str, counts: Mapping[str, PictureCounts], seconds: float) -> None:
        """Store what was counted on a picture, at once."""
        if not self._begun:
            make_folder(self.path.parent)
            append_record(self.path, self.about)
            self._begun = True
        self.found[name] = Counted(counts, seconds)
        plain = {measurement: counts[measurement].to_json() for measurement in self.measurements}
        append_record(self.path, {"name": name, "counts": plain, "seconds": round(seconds, 4)})


def check_same(path: Path, about: Mapping[str, Any], before: Mapping[str, Any], *, way_out: str) -> None:
    """Raise OutputError where what is stored at `path` is of something else than `about`.

    Where the weights lie and what is behind them does not matter: their checksum tells which they are.
    """
    if difference := _difference(json.loads(json.dumps(about)), before):  # as it is read back
        raise OutputError(f"{path}: was measured with {difference}: {way_out}, or choose another --out")


def _difference(now: Mapping[str, Any], before: Mapping[str, Any]) -> str | None:
    """The first value that is another, in words, such as "split=val, not train"; of values in values the innermost."""
    for key in {**now, **before}:
        ours, theirs = now.get(key), before.get(key)
        if key in _OF_THE_WEIGHTS or (ours == theirs and not isinstance(ours, dict)):
            continue
        if not (isinstance(ours, dict) and isinstance(theirs, dict)):
            return f"{key}={theirs}, not {ours}"
        if all(isinstance(value, dict) for value in ours.values()) and [*ours] != [*theirs]:  # order is part of it
            return f"{key}={', '.join(theirs)}, not {', '.join(ours)}"
        if inner := _difference(ours, theirs):
            return f"{key}: {inner}"
    return None
