"""CVAT's "Segmentation mask 1.1": https://docs.cvat.ai/docs/dataset_management/formats/format-smask

VOC's layout: `labelmap.txt` with a line `label:r,g,b:parts:actions` for each class, masks in `SegmentationClass`, the
pictures in `JPEGImages` if they were exported too (else `--images`), lists in `ImageSets/Segmentation`, of which those
called train, val or test give the split. Masks are in the colours of the label map or, of one channel, in the numbers
of its lines (datumaro `plugins/voc_format/format.py`, `parse_label_map`). The label that is called background, which
CVAT always writes, is class 0. Objects were put in order by CVAT. Colours that stand for no label are refused.
"""

import posixpath
from functools import partial
from pathlib import Path

import numpy as np

from segkit.base.errors import DataError
from segkit.base.labels import voc_palette
from segkit.base.pictures import read_picture
from segkit.data.importers.export import Annotated, Export, split_named
from segkit.data.importers.source import Names, Source
from segkit.data.importers.tables import Mark, colours_of, decode, decode_colours
from segkit.data.text import read_lines

FOLDER = "SegmentationClass"


def read(source: Source) -> Export:
    """The masks of an export with their pictures. Raises DataError where the label map or the masks are missing."""
    file = next((path for name, path in source.files.items() if posixpath.basename(name) == "labelmap.txt"), None)
    if file is None:
        raise DataError(f'{source.path} has no labelmap.txt: export as "Segmentation mask 1.1" from CVAT')
    rows = _label_map(file)
    export = Export()
    export.number_classes(name for name, _ in rows)
    meaning: dict[Mark, int] = {colour: export.numbers[name] for name, colour in rows}
    of_line: dict[Mark, int] = {line: export.numbers[name] for line, (name, _) in enumerate(rows)}
    export.colours = colours_of(meaning)
    masks = {name: path for name, path in source.files.items() if f"{FOLDER}/" in name and name.endswith(".png")}
    if not masks:
        raise DataError(f"{source.path} has no masks in {FOLDER}: export it again")
    named = [name for name in source.pictures if source.elsewhere or "Segmentation" not in name]
    pictures = {posixpath.splitext(name)[0]: name for name in reversed(named)}  # of several with one stem the first
    names = Names(pictures, anywhere=True)
    splits = _splits(source)
    for mask, path in masks.items():
        name = posixpath.splitext(mask.split(f"{FOLDER}/", 1)[1])[0]
        with export.one_picture(mask):
            picture = source.pictures[pictures[names.find(name)]]
            draw = partial(_draw, path, meaning, of_line)
            export.pictures.append(Annotated(name, picture, draw, None, splits.get(name)))
    return export


def _label_map(path: Path) -> list[tuple[str, tuple[int, int, int]]]:
    rows: list[tuple[str, tuple[int, int, int]]] = []
    for line in read_lines(path):
        if line.startswith("#"):
            continue
        name, _, rest = line.partition(":")
        colour = rest.split(":")[0]
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


def _splits(source: Source) -> dict[str, str]:
    found = {}
    for name, path in source.files.items():
        folder, last = posixpath.split(name)
        split = split_named(posixpath.splitext(last)[0])
        if split and folder.endswith("ImageSets/Segmentation"):
            found.update(dict.fromkeys(read_lines(path), split))
    return found


def _draw(path: Path, meaning: dict[Mark, int], of_line: dict[Mark, int], height: int, width: int) -> np.ndarray:
    picture = read_picture(path)
    grey = bool((picture == picture[..., :1]).all())
    present = np.unique(picture[..., 0]).tolist() if grey else []
    if grey and any((value, value, value) not in meaning for value in present) and max(present) < len(of_line):
        return decode(path, of_line)
    return decode_colours(path, meaning)
