"""Files of records, a JSON object a line, added to one at a time; and what JSON can say."""

import json
import math
from pathlib import Path
from typing import Any

from segkit.base.files import cannot_write


def append_record(path: Path, record: dict[str, Any]) -> None:
    """Add a line; one that was cut short before it is ended first. OutputError where that fails."""
    line = json.dumps(record, allow_nan=False) + "\n"
    try:
        with path.open("ab+") as file:
            if file.tell():
                file.seek(-1, 2)
                line = line if file.read(1) == b"\n" else "\n" + line
            file.write(line.encode())
    except OSError as error:
        raise cannot_write(path, error) from None


def read_records(path: Path) -> tuple[list[dict[str, Any]], int]:
    """The records of a file, none where there is none, and how many lines are no record."""
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else []
    records = [_record(line) for line in lines if line.strip()]
    return [record for record in records if record is not None], records.count(None)


def _record(line: str) -> dict[str, Any] | None:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) else None


def without_nan(value: Any) -> Any:
    """The same as JSON has it: NaN and infinity, however deep they stand in dicts and lists, become None."""
    if isinstance(value, dict):
        return {key: without_nan(item) for key, item in value.items()}
    if isinstance(value, list):
        return [without_nan(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
