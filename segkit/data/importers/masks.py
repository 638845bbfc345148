"""Pictures and mask PNGs without a tool's description: a table says what their values or colours stand for.

`pairing` tells which file is the mask of which picture. Where the pictures lie elsewhere (`--images`) all files of the
export are masks. The classes are those of the table, in its order, "background" first if it is among them; the name
`ignore` means "not labelled".
"""

import posixpath
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from segkit.base.errors import ConfigError, DataError
from segkit.base.labels import IGNORE
from segkit.data.importers.export import Annotated, Drawn, Export
from segkit.data.importers.pairing import Pairs, is_mask, is_shown, pair, pair_by_patterns
from segkit.data.importers.rules import Rules
from segkit.data.importers.source import Source, may_be_mask
from segkit.data.importers.tables import Mark, colours_of, decode, read_table
from segkit.data.importers.voc import listed_splits
from segkit.data.text import read_lines

IGNORED = "ignore"
_NAMES = "class_names.txt"
_TABLES = frozenset({_NAMES, "class_dict.csv", "label_colors.txt"})
"""Tables that lie beside masks in public sets: labelme's `labelme2voc`, Kaggle's CamVid, CamVid's own."""


def read(source: Source, rules: Rules) -> Export:
    """The pictures that have a mask. Raises ConfigError without a table, DataError where there are no pairs."""
    export = Export()
    rows = _rows(source, export)
    named = [name for _, name in rows if name != IGNORED]
    export.number_values(named, rules)
    meaning = {key: IGNORE if name == IGNORED else export.numbers[name] for key, name in rows}
    export.colours = colours_of(meaning)
    found = _pairs(source, export)
    for name, why in found.left_out.items():
        export.skip(name, why)
    splits = listed_splits(source)
    for said, picture, mask in found.pairs:
        draw = partial(draw_mask, source.files[mask], meaning, rules.other)
        split = splits.get(said.stem) or said.split
        export.pictures.append(Annotated(said.name, source.pictures[picture], draw, None, split))
    if not export.pictures:
        raise DataError(
            f"{source.path} has no picture with a mask: put pictures into images/, masks of the same names into masks/"
        )
    return export


def table_in(source: Source) -> str | None:
    """The table that lies in an export, the one that is not below another folder first; None without one."""
    named = [name for name in source.files if posixpath.basename(name) in _TABLES]
    return min(named, key=lambda name: (name.count("/"), name), default=None)


def _rows(source: Source, export: Export) -> list[tuple[Mark, str]]:
    """What values or colours stand for: the table of the user, or that which lies beside the masks."""
    if source.table is not None:
        return read_table(source.table)
    table = table_in(source)
    if table is None:
        raise ConfigError("masks need --classes: a CSV or YAML file with a value or a colour and a name in each row")
    export.say(f"the classes are those of {table}")
    if posixpath.basename(table) != _NAMES:
        return read_table(source.files[table])
    names = [name for name in read_lines(source.files[table]) if name != "__ignore__"]  # of the value -1, stored as 255
    return list(enumerate(names))


def _pairs(source: Source, export: Export) -> Pairs:
    if source.patterns is not None:
        return pair_by_patterns((name for name in source.files if may_be_mask(name)), *source.patterns)
    of_masks = [name for name in source.files if may_be_mask(name) and (source.elsewhere or is_mask(name))]
    shown = [name for name in of_masks if is_shown(name)]
    if shown:
        export.say(f"{len(shown)} files that only show masks, or tell objects apart, are left out, as {shown[0]}")
    pictures = [name for name in source.pictures if source.elsewhere or not (is_mask(name) or is_shown(name))]
    return pair(pictures, [name for name in of_masks if not is_shown(name)])


def draw_mask(file: Path, meaning: Mapping[Mark, int], other: int | None, height: int, width: int) -> Drawn:
    """The label map in a mask file, of the mask's own size, whatever `height` and `width` are."""
    return Drawn(decode(file, meaning, other=other))
