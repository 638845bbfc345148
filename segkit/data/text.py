"""Text files that others wrote: lists, tables and annotations, plain data only."""

import codecs
import csv
import json
import re
from pathlib import Path
from typing import Any

from segkit.base.errors import DataError
from segkit.base.yaml import parse_yaml

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # which starts as UTF-16's does
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
MAX_TEXT = 2**31
"""Bytes; a larger file is refused. COCO's largest has half a gigabyte."""


def read_text(path: Path) -> str:
    """The text of a file in UTF-8, or in what its first bytes (a byte order mark) tell.

    Raises DataError where it cannot be read, is none or is larger than MAX_TEXT. Other encodings are not guessed: a
    wrong one would give other names of classes.
    """
    try:
        size = path.stat().st_size
        if size > MAX_TEXT:
            raise DataError(f"{path} has {size} bytes, more than {MAX_TEXT}: export fewer pictures at once")
        with path.open("rb") as file:
            start = file.read(4)
        return path.read_text(encoding=next((name for mark, name in _MARKS if start.startswith(mark)), "utf-8"))
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}): check the name and the folder") from None
    except UnicodeDecodeError:
        raise DataError(f"{path} is not a text file in UTF-8{_guessed(path)}") from None


def _guessed(path: Path) -> str:
    """What a file would read as in the commonest other encoding, and how to convert it."""
    try:
        found = re.search(r"[^\x00-\x7f]+", path.read_bytes().decode("gbk"))
    except UnicodeDecodeError:
        found = None
    if found is None:
        return ": save it as UTF-8"
    return f" (as GBK it has {found[0][:20]!r}): save it as UTF-8, if that is right by `iconv -f GBK -t UTF-8`"


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
