"""metrics.jsonl: one line of JSON a measurement, each with its `iteration`."""

import json
import math
from pathlib import Path
from typing import Any

from segkit.base.errors import OutputError
from segkit.base.files import write_atomically


def append_metrics(path: Path, **values: Any) -> None:
    """Add a line; numbers that JSON has not got (NaN, infinity) become null. OutputError where that fails."""
    line = json.dumps(plain(values), allow_nan=False) + "\n"
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(line)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror}): make room for it") from None


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """The lines of the file; none where there is no such file, and without what is no measurement."""
    lines = []
    for text in path.read_text(encoding="utf-8").splitlines() if path.is_file() else []:
        try:
            line = json.loads(text)
        except ValueError:  # a last line cut short
            continue
        if isinstance(line, dict) and isinstance(line.get("iteration"), int):
            lines.append(line)
    return lines


def forget_after(path: Path, iteration: int) -> None:
    """Drop the lines that a resumed run is going to write again, and a last line cut short."""
    kept = [line for line in read_metrics(path) if line["iteration"] <= iteration]
    write_atomically(path, "".join(json.dumps(line) + "\n" for line in kept))


def plain(value: Any) -> Any:
    """The same as JSON has it: NaN and infinity, however deep they stand, become None."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
