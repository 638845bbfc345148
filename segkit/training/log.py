"""metrics.jsonl: one line of JSON a measurement, each with its `iteration`."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pydantic

from segkit.base.files import write_atomically
from segkit.base.jsonl import append_record, read_records, without_nan


class _Line(pydantic.BaseModel, strict=True, allow_inf_nan=False):
    """What a line may hold, for pages that draw it."""

    iteration: int = pydantic.Field(ge=0)
    loss: float | None = None
    lr: float | None = None
    skipped: int | None = None
    bad_pictures: int | None = None
    val_miou: float | None = None
    val_iou: list[float | None] | None = None
    best: bool | None = None


def append_metrics(path: Path, **values: Any) -> None:
    """Add a line; numbers that JSON has not got (NaN, infinity) become null. OutputError where that fails."""
    append_record(path, without_nan(values))


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """The lines of the file; none where there is no such file, and without what is no measurement."""
    return _measurements(path)[0]


def bad_pictures(lines: Iterable[Mapping[str, Any]]) -> int:
    """How many pictures a training has left out, as its measurements tell."""
    return max((line.get("bad_pictures") or 0 for line in lines), default=0)


def forget_after(path: Path, iteration: int) -> int:
    """Drop the lines that a resumed run is going to write again, and those that are damaged; how many these were."""
    lines, damaged = _measurements(path)
    kept = [line for line in lines if line["iteration"] <= iteration]
    write_atomically(path, "".join(json.dumps(line) + "\n" for line in kept))
    return damaged


def _measurements(path: Path) -> tuple[list[dict[str, Any]], int]:
    """The lines that are measurements, and how many are not."""
    records, damaged = read_records(path)
    lines = [record for record in records if _is_measurement(record)]
    return lines, damaged + len(records) - len(lines)


def _is_measurement(record: dict[str, Any]) -> bool:
    try:
        _Line.model_validate(record)
    except pydantic.ValidationError:
        return False
    return True
