"""What a value or a colour in a mask stands for, from a table of the user or of a tool."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from segkit.base.errors import DataError
from segkit.base.label_files import LOSSLESS, colour_code, colour_codes, read_label
from segkit.base.labels import IGNORE, Palette
from segkit.base.pictures import read_picture
from segkit.data.importers.export import Colour
from segkit.data.text import read_json, read_lines, read_rows, read_text, read_yaml

_LOSSLESS = frozenset({".png", ".bmp", ".tif", ".tiff", ".gif"})

Mark = int | Colour
"""What a class is marked with in a mask: a value of 0..255 or an RGB colour."""

_GREYS: Palette = tuple((value, value, value) for value in range(256))


def read_table(path: Path) -> list[tuple[Mark, str]]:
    """A table's rows, value or colour and name, as people and tools write them.

    YAML or JSON: `0: road`, `"#804080": road`, `road: [128, 64, 128]`, also below `colors`. CSV, by commas, semicolons
    or tabs: `0,road`, `r,g,b,name`, `name,r g b`; a first row without numbers is a heading. Text: `128 64 128 road`,
    CVAT's `road:128,64,128::`, or a name a line, the first of which is of the value 0. Raises DataError for anything
    else, for a table of both values and colours, and for one that has the same twice.
    """
    suffix = path.suffix.lower()
    if suffix in (".yaml", ".yml", ".json"):
        rows = _mapped_rows(path, read_json(path) if suffix == ".json" else read_yaml(path))
    elif suffix == ".txt":
        rows = _text_rows(path)
    else:
        rows = _csv_rows(path)
    if not rows:
        raise DataError(f"{path} has no rows: write a value or a colour and a name into each")
    if len({type(key) for key, _ in rows}) > 1:
        raise DataError(f"{path} has values and colours: use one of both")
    keys = [key for key, _ in rows]
    twice = next((key for key in keys if keys.count(key) > 1), None)
    if twice is not None:
        raise DataError(f"{path} has {twice} twice: take one out")
    return rows


def colours_of(meaning: dict[Mark, int]) -> dict[int, Colour]:
    """The first colour that stands for each class, by the classes' numbers."""
    return {number: mark for mark, number in reversed(meaning.items()) if isinstance(mark, tuple)}


def decode(path: Path, meaning: Mapping[Mark, int], *, other: int | None = None) -> np.ndarray:
    """The label map, uint8 (H, W), in a mask, by the class of each of its values or of its colours.

    255 that has no meaning is "not labelled"; other values and colours become `other`. Raises DataError for them where
    that is None, and as `read_label` does.
    """
    by_colour = any(isinstance(key, tuple) for key in meaning)
    return (decode_colours if by_colour else _by_value)(path, meaning, other=other)


def decode_colours(
    path: Path, meaning: Mapping[Mark, int], *, other: int | None = None, picture: np.ndarray | None = None
) -> np.ndarray:
    """`decode` by colour: a palette's and greys too are taken as the colours that they are.

    `picture` is what `read_picture` reads from the file, where that is known.
    """
    runs = colour_runs(path, picture)
    classes = {colour_code(key): number for key, number in meaning.items() if isinstance(key, tuple)}
    known = np.array(sorted(classes), np.int32)
    place = np.minimum(np.searchsorted(known, runs.codes), len(known) - 1)
    numbers = np.array([classes[code] for code in sorted(classes)], np.int16)
    values = np.where(known[place] == runs.codes, numbers[place], -1 if other is None else other)
    if values.min() < 0:
        wrong = values < 0
        share = int(runs.lengths[wrong].sum()) / int(runs.lengths.sum())
        raise DataError(_unknown_colours(np.unique(runs.codes[wrong]), share))
    return runs.filled(values)


class Runs(NamedTuple):
    """The colours of a picture of (H, W) = `shape`, row by row: for each run of one colour its `colour_code`, int32
    (N,), and its number of pixels, int64 (N,)."""

    codes: np.ndarray
    lengths: np.ndarray
    shape: tuple[int, int]

    def filled(self, values: np.ndarray) -> np.ndarray:
        """The label map, uint8 (H, W), that has one of the `values`, (N,), in each run."""
        return np.repeat(values.astype(np.uint8), self.lengths).reshape(self.shape)


def colour_runs(path: Path, picture: np.ndarray | None = None) -> Runs:
    """The colours in a mask, which is `picture` where that is read. DataError for a format that changes colours."""
    if path.suffix.lower() not in _LOSSLESS:
        raise DataError("a mask has to be a PNG, BMP, TIFF or GIF: JPEG and WebP change colours, so that none is exact")
    codes = colour_codes(read_picture(path) if picture is None else picture)
    flat = codes.ravel()
    starts = np.concatenate(([0], np.flatnonzero(flat[1:] != flat[:-1]) + 1))
    return Runs(flat[starts], np.diff(starts, append=flat.size), (codes.shape[0], codes.shape[1]))


def _unknown_colours(codes: np.ndarray, share: float) -> str:
    colour = tuple(int(part) for part in int(codes[0]).to_bytes(3, "big"))
    several = "a colour" if len(codes) == 1 else f"{len(codes)} colours"
    why = "was it a JPEG once? Make it again" if len(codes) > 64 else "add it to the table, or repaint it"
    return f"it has {several} of no class, such as {colour} ({share:.1%} of its pixels): {why}"


def _by_value(path: Path, meaning: Mapping[Mark, int], *, other: int | None) -> np.ndarray:
    values = read_label(path, colours=_GREYS, formats=LOSSLESS)
    table = np.full(256, -1 if other is None else other, np.int16)
    table[IGNORE] = IGNORE
    for key, number in meaning.items():
        table[key] = number
    label = table[values]
    if label.min() < 0:
        wrong = np.unique(values[label < 0])[:5].tolist()
        raise DataError(f"it holds {', '.join(map(str, wrong))}, which the table does not name: add it there")
    return label.astype(np.uint8)


def _mapped_rows(path: Path, content: object) -> list[tuple[Mark, str]]:
    if isinstance(content, dict) and isinstance(content.get("colors"), dict):  # X-AnyLabeling's
        content = content["colors"]
    if not isinstance(content, dict):
        raise DataError(f'{path} is no table: write lines such as "0: background" or "\'#804080\': road"')
    rows: list[tuple[Mark, str]] = []
    for key, value in content.items():
        if isinstance(value, list):
            rows.append((_key(path, [str(part) for part in value]), str(key)))
        else:
            rows.append((_key(path, [str(key)]), str(value)))
    return rows


def _text_rows(path: Path) -> list[tuple[Mark, str]]:
    lines = [line for line in read_lines(path) if not line.startswith("#")]
    rows: list[tuple[Mark, str]] = []
    for number, line in enumerate(lines):
        if cvat := re.fullmatch(r"(.+?):(\d+,\d+,\d+):[^:]*:[^:]*", line):
            rows.append((_key(path, [cvat[2]]), cvat[1]))
        elif marked := re.fullmatch(r"((?:\d+[\s,]+){1,3}|#\w{6}\s+)(\D.*)", line):
            rows.append((_key(path, marked[1].replace(",", " ").split()), marked[2].strip()))
        elif re.match(r"[\d#]", line):
            raise DataError(f"{path} has the line {line!r}: write a value or a colour and one name")
        else:
            rows.append((number, line))
    return rows


def _csv_rows(path: Path) -> list[tuple[Mark, str]]:
    rows = []
    for place, cells in enumerate(_cells(path)):
        numbers = [cell for cell in cells if _is_key(cell)]
        names = [cell for cell in cells if cell and not _is_key(cell)]
        if place == 0 and not numbers:
            continue
        if len(cells) == 2 and not names:  # a class that is called "7"
            numbers, names = cells[:1], cells[1:]
        if len(names) != 1:
            raise DataError(f"{path} has the row {','.join(cells)!r}: write a value or a colour and one name")
        rows.append((_key(path, numbers), names[0]))
    return rows


def _cells(path: Path) -> list[list[str]]:
    """The cells of each row, a colour that stands in one cell in three."""
    delimiter = max(",;\t", key=read_text(path).count)
    rows = read_rows(path, delimiter=delimiter)
    return [[part for cell in row for part in (cell.split() if _is_colour(cell) else [cell])] for row in rows]


def _is_colour(cell: str) -> bool:
    return re.fullmatch(r"\d+ +\d+ +\d+", cell) is not None


def _is_key(cell: str) -> bool:
    return cell.isdecimal() or cell.startswith("#")


def _key(path: Path, cells: Iterable[str]) -> Mark:
    parts = [part.strip() for cell in cells for part in cell.split(",")]
    try:
        if len(parts) == 1 and parts[0].startswith("#") and len(parts[0]) == 7:
            numbers = list(bytes.fromhex(parts[0][1:]))
        else:
            numbers = [int(part) for part in parts]
    except ValueError:
        numbers = []
    if len(numbers) not in (1, 3) or not all(0 <= number <= 255 for number in numbers):
        raise DataError(
            f"{path} has {','.join(parts)!r} for a value or a colour: write a number of 0 to 255, or three, or #RRGGBB"
        )
    return numbers[0] if len(numbers) == 1 else (numbers[0], numbers[1], numbers[2])
