"""Roboflow's "Semantic Segmentation Masks".

Folders train, valid and test, each with pictures `x.jpg`, masks `x_mask.png` of class numbers and `_classes.csv` with
the rows "Pixel Value, Class" (as luxonis-ml, `data/parsers/segmentation_mask_directory_parser.py`, reads them;
Roboflow does not publish the format). Equal names in the tables of several folders are one class. The masks hold what
lies on top.
"""

import posixpath
from functools import partial

from segkit.base.errors import DataError
from segkit.data.importers.export import Annotated, Export, split_of
from segkit.data.importers.masks import draw_mask
from segkit.data.importers.rules import Rules
from segkit.data.importers.source import Source
from segkit.data.importers.tables import Mark, read_table

TABLE = "_classes.csv"


def read(source: Source, rules: Rules) -> Export:
    """The pictures of all folders that have a table. Raises DataError where none has, or a table is wrong."""
    tables = {posixpath.dirname(name): path for name, path in source.files.items() if posixpath.basename(name) == TABLE}
    if not tables:
        raise DataError(
            f'{source.path} has no {TABLE}: choose "Semantic Segmentation Masks" when you export from Roboflow'
        )
    rows = {folder: read_table(path) for folder, path in tables.items()}
    every = sorted({(str(key).zfill(3), name) for table in rows.values() for key, name in table})
    export = Export()
    export.number_values((name for _, name in every), rules)
    for name, picture in source.pictures.items():
        folder, last = posixpath.split(name)
        stem = posixpath.splitext(last)[0]
        if folder not in rows or stem.endswith("_mask"):
            continue
        mask = source.files.get(posixpath.join(folder, f"{stem}_mask.png"))
        if mask is None:
            export.skip(name, f"there is no {stem}_mask.png beside it: export it again")
            continue
        meaning: dict[Mark, int] = {key: export.numbers[title] for key, title in rows[folder]}
        export.pictures.append(
            Annotated(stem, picture, partial(draw_mask, mask, meaning, rules.other), None, split_of(name))
        )
    return export
