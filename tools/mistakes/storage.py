"""What was measured, in a folder: a file a group."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from segkit.benchmark.lines import PictureLines, check_same
from segkit.evaluation.result import PictureCounts

Counts = Mapping[str, PictureCounts]
"""The counts of a picture by measurement."""


class Store(PictureLines[tuple[Counts, float]]):
    """The counts of one group's measurements and the seconds they took, by picture; `about` says what they are of.

    Raises OutputError where the file holds those of something else.
    """

    def __init__(self, path: Path, measurements: Sequence[str], about: Mapping[str, Any]) -> None:
        self.measurements = tuple(measurements)

        def check(before: Any) -> None:
            check_same(path, about, before, way_out="remove it to measure again")

        super().__init__(path, about, check=check, parse=self._picture)
        self.load()

    def keep(self, name: str, counts: Counts, seconds: float) -> None:
        """Store what was found on a picture, at once."""
        plain = {measurement: counts[measurement].to_json() for measurement in self.measurements}
        self.add(name, (counts, seconds), {"name": name, "counts": plain, "seconds": round(seconds, 4)})

    def _picture(self, stored: Any) -> tuple[str, tuple[Counts, float]]:
        counts = {key: PictureCounts.from_json(stored["counts"][key]) for key in self.measurements}
        return str(stored["name"]), (counts, float(stored["seconds"]))
