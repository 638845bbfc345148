"""CVAT's "Segmentation mask 1.1", or its own annotations, which `cvat_xml` reads: https://docs.cvat.ai/docs/dataset_management/formats/format-smask

VOC's layout: `labelmap.txt` with a line `label:r,g,b:parts:actions` for each class, masks in `SegmentationClass`, the
pictures in `JPEGImages` if they were exported too (else `--images`), lists in `ImageSets/Segmentation`, of which those
called train, val or test give the split. Masks are in the colours of the label map or, of one channel, in the numbers
of its lines (datumaro `plugins/voc_format/format.py`, `parse_label_map`). The label that is called background, which
CVAT always writes, is class 0. Objects were put in order by CVAT. Colours that stand for no label are refused, unless
the rules say what they are.

Several tasks side by side are read as one: each folder with a label map is a task, whose labels may have other colours
than another's. Labels of one name are one class.
"""

import posixpath
import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from segkit.base.errors import DataError
from segkit.base.label_files import count_values
from segkit.base.labels import voc_palette
from segkit.base.pictures import read_picture
from segkit.data.importers import cvat_xml
from segkit.data.importers.export import Annotated, Drawn, Export
from segkit.data.importers.rules import Rules
from segkit.data.importers.source import Names, Source, is_picture
from segkit.data.importers.tables import Mark, colours_of, decode, decode_colours
from segkit.data.importers.voc import listed_splits
from segkit.data.text import read_lines

FOLDER = "SegmentationClass"
MAP = "labelmap.txt"

_MASKS = frozenset({FOLDER, "SegmentationObject"})


class _Task(NamedTuple):
    folder: str
    rows: list[tuple[str, tuple[int, int, int]]]


def read(source: Source, rules: Rules) -> Export:
    """The masks of an export with their pictures. Raises DataError where the label map or the masks are missing."""
    maps = {posixpath.dirname(name): path for name, path in source.files.items() if posixpath.basename(name) == MAP}
    if not maps:
        if annotations := cvat_xml.documents(source):
            return cvat_xml.read(source, annotations, rules)
        raise DataError(
            f"{source.path} has neither a labelmap.txt nor annotations.xml: export as "
            '"Segmentation mask 1.1" or "CVAT for images 1.1" from CVAT'
        )
    tasks = [_Task(folder, _label_map(path)) for folder, path in maps.items()]
    export = Export()
    export.number_values((name for task in tasks for name, _ in task.rows), rules)
    export.colours = colours_of({colour: export.numbers[name] for task in tasks for name, colour in task.rows})
    for task in tasks:
        _read_task(source, task, {other.folder for other in tasks}, export, rules)
    if not export.pictures and not export.skipped:
        raise DataError(f"{source.path} has no masks in {FOLDER}: export it again")
    return export


def _read_task(source: Source, task: _Task, folders: set[str], export: Export, rules: Rules) -> None:
    """The masks of a task, whose pictures lie in its folder or else in that of no task."""
    meaning: dict[Mark, int] = {colour: export.numbers[name] for name, colour in task.rows}
    of_line: dict[Mark, int] = {line: export.numbers[name] for line, (name, _) in enumerate(task.rows)}
    below = posixpath.join(task.folder, FOLDER) + "/"
    masks = {name: path for name, path in source.files.items() if name.startswith(below) and is_picture(name)}
    splits = listed_splits(source, under=task.folder)
    pictures = _pictures(source, folders - {task.folder})
    names = Names(pictures, anywhere=True)
    for mask, path in masks.items():
        name = posixpath.splitext(mask.removeprefix(below))[0]
        own = posixpath.join(task.folder, "JPEGImages", name)
        with export.one_picture(mask):
            picture = source.pictures[pictures[own if own in pictures else names.find(name)]]
            draw = partial(_draw, path, meaning, of_line, rules.other)
            shown = posixpath.join(task.folder, name) if len(folders) > 1 else name
            export.pictures.append(Annotated(shown, picture, draw, None, splits.get(name)))


def _pictures(source: Source, others: set[str]) -> dict[str, str]:
    """The pictures by their names without ending, of several with one the first, less those of other tasks."""
    named = [
        name
        for name in source.pictures
        if source.elsewhere
        or not (_MASKS & set(name.split("/")) or any(folder and name.startswith(f"{folder}/") for folder in others))
    ]
    return {posixpath.splitext(name)[0]: name for name in reversed(named)}


def _label_map(path: Path) -> list[tuple[str, tuple[int, int, int]]]:
    rows: list[tuple[str, tuple[int, int, int]]] = []
    for line in read_lines(path):
        if line.startswith("#"):
            continue
        name, colour = _row(line)
        try:
            parts = tuple(int(part) for part in colour.split(",")) if colour else voc_palette(len(rows) + 1)[-1]
        except ValueError:
            parts = ()
        if len(parts) != 3 or not all(0 <= part <= 255 for part in parts):
            raise DataError(f"{path} has the line {line!r}: write label:r,g,b:: as CVAT does")
        rows.append((name, (parts[0], parts[1], parts[2])))
    if len({colour for _, colour in rows}) < len(rows):
        raise DataError(f"{path} gives two labels one colour: change one in CVAT and export again")
    if not rows:
        raise DataError(f"{path} names no labels: export it again")
    return rows


def _row(line: str) -> tuple[str, str]:
    """The label and the colour of a line; colons that stand before a colour belong to the label."""
    whole = re.fullmatch(r"(.+):([\d, ]*):[^:]*:[^:]*", line)
    if whole is None:
        name, _, rest = line.partition(":")
        return name, rest.split(":")[0]
    return whole[1], whole[2]


def _draw(
    path: Path, meaning: Mapping[Mark, int], of_line: Mapping[Mark, int], other: int | None, height: int, width: int
) -> Drawn:
    picture = read_picture(path)
    if _is_grey(picture[::16, ::16]) and _is_grey(picture):
        present = np.flatnonzero(count_values(np.ascontiguousarray(picture[..., 0]))).tolist()
        if any((value, value, value) not in meaning for value in present) and max(present) < len(of_line):
            return Drawn(decode(path, of_line))
    return Drawn(decode_colours(path, meaning, other=other, picture=picture))


def _is_grey(picture: np.ndarray) -> bool:
    return bool((picture == picture[..., :1]).all())
