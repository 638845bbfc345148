"""Text files that others wrote: lists, tables and annotations, plain data only."""

import csv
import json
from pathlib import Path
from typing import Any

from segkit.base.errors import DataError
from segkit.base.yaml import parse_yaml

MAX_TEXT = 2**31
"""Bytes; a larger file is refused. COCO's largest has half a gigabyte."""


def read_text(path: Path) -> str:
    """The text of a file in UTF-8; DataError where it cannot be read, is none or is larger than MAX_TEXT."""
    try:
        size = path.stat().st_size
        if size > MAX_TEXT:
            raise DataError(f"{path} has {size} bytes, more than {MAX_TEXT}: export fewer pictures at once")
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}): check the name and the folder") from None
    except UnicodeDecodeError:
        raise DataError(f"{path} is not a text file in UTF-8: make it one") from None


def read_lines(path: Path) -> list[str]:
    """The lines of a text file, stripped, blank ones left out; DataError as `read_text` raises it."""
    return [line.strip() for line in read_text(path).splitlines() if line.strip()]


def read_json(path: Path) -> Any:
    """The content of a JSON file; DataError where it cannot be read or is none."""
    try:
        return json.loads(read_text(path))
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is no JSON, or cut short ({error}): export it again") from None


def read_yaml(path: Path) -> Any:
    """The content of a YAML file, plain data only; DataError where it cannot be read or is none."""
    try:
        return parse_yaml(read_text(path))
    except ValueError as error:
        raise DataError(f"{path} is not plain YAML ({error}): correct it there") from None


def read_rows(path: Path, *, delimiter: str = ",") -> list[list[str]]:
    """The rows of a CSV file, cells stripped, empty rows left out; DataError where it cannot be read."""
    try:
        rows = [[cell.strip() for cell in row] for row in csv.reader(read_text(path).splitlines(), delimiter=delimiter)]
    except csv.Error as error:
        raise DataError(f"{path} is no CSV ({error}): correct it there") from None
    return [row for row in rows if any(row)]
