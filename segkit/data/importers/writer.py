"""One writer for all formats: pictures, label PNGs, lists, a recipe and a report, all of them or none."""

import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from segkit.base.cores import available_cores
from segkit.base.errors import DataError
from segkit.base.files import write_atomically
from segkit.base.labels import Palette, voc_palette
from segkit.data.importers.converting import Place, convert
from segkit.data.importers.export import BACKGROUND, SPLITS, Annotated, Export, Skipped, by_reason
from segkit.data.importers.stretch import FEW_BITS, Depth, depth_of
from segkit.data.pool import spread
from segkit.data.split import divide, write_lists

CROPS = (33, 321)
"""The smallest and the largest crop, in pixels, that a recipe is written with."""
LONGEST = 100
"""Characters of a name; of longer ones the end is kept."""


def write_export(
    export: Export, folder: Path, *, root: Path, link: bool, stretch: bool, progress: Callable[[int, int], None]
) -> dict[str, Any]:
    """Write the pictures of an export into an empty folder, to be called `root`; what was written, as plain data.

    A picture that cannot be read, or whose annotation is wrong or of another size, is left out with the reason. With
    `link` pictures are links, with `stretch` the recipe tells how those of 16 bits are stretched; `progress` is called
    with the number of pictures done and of all. Raises DataError where none is left, nothing is drawn in any or there
    is one class alone, OutputError where the folder cannot be written.
    """
    if len(export.classes) == 1 and export.classes[0] != BACKGROUND:
        raise DataError(
            f"there is one class alone ({export.classes[0]}), so there is nothing to tell apart: name what is around "
            "it too, or make it a class by --unlabelled background"
        )
    palette = _palette(export)
    (folder / "images").mkdir()
    (folder / "labels").mkdir()
    items = _once(export)
    tasks = list(zip(flat_names([item.name for item in items]), items, strict=True))
    depth = _depth(export, items, stretch)
    place = Place(folder, palette, link)
    found = spread(convert, place, tasks, workers=available_cores())
    written: dict[str, Annotated] = {}
    pixels, objects, sides = np.zeros(256, np.int64), 0, []
    for done, (item, result) in enumerate(zip(items, found, strict=True), 1):
        progress(done, len(items))
        if isinstance(result, str):
            export.skip(str(item.picture), result)
            continue
        written[result.file] = item
        pixels += result.pixels
        objects += result.objects
        sides.append(result.side)
        for reason in result.left_out:
            export.note(result.file, reason)
    if not written:
        raise DataError(_nothing(export.skipped))
    if not _anything(export, pixels):
        raise DataError(_blank(export, len(written)))
    splits, drawn = _splits({file: item.split for file, item in written.items()})
    write_lists(folder, splits)
    write_atomically(folder / "data.yaml", _recipe(export, palette, root, sides, depth if stretch else None))
    shares = (pixels / pixels.sum()).round(6).tolist()
    return {
        "pictures": {file: os.fspath(item.picture) for file, item in sorted(written.items())},
        "splits": {split: len(files) for split, files in splits.items()},
        "split_by_chance": drawn,
        "classes": dict(zip(export.classes, shares, strict=False)),
        "not_labelled": round(sum(shares[len(export.classes) :]), 6),
        "objects": objects,
        "said": export.said,
        "left_out": {
            "pictures": {reason: len(files) for reason, files in by_reason(export.skipped).items()},
            "objects": {reason: len(files) for reason, files in by_reason(export.notes).items()},
        },
        "skipped": [skip._asdict() for skip in export.skipped],
        "notes": [note._asdict() for note in export.notes],
    }


def _once(export: Export) -> list[Annotated]:
    """The pictures less those that are annotated a second time, which are left out."""
    taken: set[Path] = set()
    items = []
    for item in export.pictures:
        if item.picture in taken:
            export.skip(str(item.picture), "it is annotated a second time: the first is imported, take one out")
        else:
            taken.add(item.picture)
            items.append(item)
    return items


def _depth(export: Export, items: Sequence[Annotated], stretch: bool) -> Depth | None:
    """What the pictures of 16 bits hold, if any; it is said what becomes of them."""
    depth = depth_of(item.picture for item in items if item.unpack is None)
    if depth is None:
        if stretch:
            export.say("no picture has 16 bits: nothing is stretched")
    elif stretch:
        export.say(
            f"{depth.pictures} pictures of 16 bits are stretched as they are read, by `stretch` in data.yaml: "
            f"{depth.low} becomes 0 and {depth.high} becomes 255, also where a network trained so predicts"
        )
    elif depth.largest < FEW_BITS:
        export.say(
            f"{depth.pictures} pictures of 16 bits reach {depth.largest} alone, and their high byte is read: "
            f"{depth.largest // 256 + 1} of 256 grey levels; import with --stretch"
        )
    return depth


def _anything(export: Export, pixels: np.ndarray) -> bool:
    """Whether any class but the background has a pixel."""
    return any(pixels[number] for number, name in enumerate(export.classes) if name != BACKGROUND)


def _blank(export: Export, count: int) -> str:
    left_out = by_reason([*export.skipped, *export.notes])
    told = "; ".join(f"{len(files)} left out: {reason}" for reason, files in list(left_out.items())[:3])
    return (
        f"nothing is drawn in any of the {count} pictures that could be imported"
        f"{f' ({told})' if told else ''}: give an export that has outlines or masks"
    )


def flat_names(names: Sequence[str]) -> list[str]:
    """A file name without ending for each name with folders, none twice, also where case is not told apart.

    "city/a" becomes "city_a"; what is no letter, digit, "_", "-" or "." becomes "_". Of names that become one the first
    in alphabetical order keeps it, the others get "_2", "_3" ...
    """
    flat = {}
    taken: set[str] = set()
    for place in sorted(range(len(names)), key=lambda place: names[place]):
        wanted = re.sub(r"[^\w.-]+", "_", names[place].strip("/"))[-LONGEST:].lstrip(".-") or "picture"
        name, number = wanted, 1
        while name.casefold() in taken:
            number += 1
            name = f"{wanted}_{number}"
        taken.add(name.casefold())
        flat[place] = name
    return [flat[place] for place in range(len(names))]


def _nothing(skipped: list[Skipped]) -> str:
    if not skipped:
        return "no picture could be imported: the export names none"
    first = f"{skipped[0].file}: {skipped[0].reason}"
    return f"no picture could be imported; {len(skipped)} were left out, the first is {first}"


def _palette(export: Export) -> Palette:
    """The export's colours where each class has its own, else VOC's."""
    count = len(export.classes)
    colours = tuple(export.colours[number] for number in range(count) if number in export.colours)
    return colours if len(set(colours)) == count else voc_palette(count)


def _splits(given: dict[str, str | None]) -> tuple[dict[str, tuple[str, ...]], bool]:
    """The lists, and whether chance made that of validation, for want of one in the export."""
    splits = {split: tuple(sorted(file for file, of in given.items() if of == split)) for split in SPLITS}
    rest = tuple(sorted(file for file, of in given.items() if of is None))
    train = tuple(sorted(splits["train"] + rest))
    test = {"test": splits["test"]} if splits["test"] else {}
    if splits["val"] or len(train) < 2:
        return {"train": train, "val": splits["val"], **test}, False
    return {**divide(train).names, **test}, True


def _recipe(export: Export, palette: Palette, root: Path, sides: list[int], depth: Depth | None) -> str:
    side = sorted(sides)[len(sides) // 2]
    crop = min(max(16 * ((side - 1) // 16) + 1, CROPS[0]), CROPS[1])
    colours = "".join(f"\n    - {list(colour)}" for colour in palette)
    return RECIPE.format(
        crop=crop,
        root=_yaml_line("root", str(root)),
        stretch=""
        if depth is None
        else f"\n  stretch: [{depth.low}, {depth.high}]  # of 16 bits: what becomes 0 and 255",
        classes=_yaml_line("classes", list(export.classes)),
        colours="" if palette == voc_palette(len(palette)) else f"\n  colours:{colours}",
    )


def _yaml_line(key: str, value: Any) -> str:
    text = yaml.safe_dump({key: value}, default_flow_style=True, allow_unicode=True, width=110)
    return text.strip()[1:-1].replace("\n", "\n  ")


RECIPE = """\
# Made by `segkit data import`: a recipe to change as you like. Train with
#
#   segkit train data.yaml --out runs/NAME
#
# If you move the folder, correct `root`.
model:
  backbone: mobilenet_v2
  aspp: false
  weights: imagenet  # <- delete the line to start from scratch
data:
  kind: folder
  {root}
  images: images
  labels: labels
  list: "{{split}}.txt"  # `segkit data split` makes these lists anew
  {classes}{colours}{stretch}
train:
  iterations: 3000
  batch_size: 8
  crop: {crop}  # pixels; about the shorter side of the pictures, up to 321
  lr: 0.02
  warmup: 50
  batch_norm_momentum: 0.05
  evaluate_every: 250
"""
