"""Pictures with label maps -> a folder that a labelling tool takes, the way back from an import."""

import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np

from segkit.base.errors import DataError
from segkit.base.files import whole_folder
from segkit.base.labels import IGNORE
from segkit.base.pictures import shown_size
from segkit.data.exporters import coco, cvat, label_studio, labelme
from segkit.data.exporters.objects import Annotated, objects_of
from segkit.data.importers.export import BACKGROUND_NAMES
from segkit.data.importers.writer import flat_names


class Form(NamedTuple):
    """The folder in an export that its pictures lie in, and what writes the annotations of pictures and classes."""

    pictures: str
    write: Callable[[Iterable[Annotated], Sequence[str], Path], None]


FORMS = {
    "coco": Form(coco.PICTURES, coco.write),
    "cvat": Form(cvat.PICTURES, cvat.write),
    "label-studio": Form(label_studio.PICTURES, label_studio.write),
    "labelme": Form(labelme.PICTURES, labelme.write),
}


class Labelled(NamedTuple):
    """A picture, its name, which may hold folders, and what reads its label map, uint8 (H, W) of its size as shown."""

    name: str
    picture: Path
    read: Callable[[], np.ndarray]


@dataclass
class Exported:
    """What was written: pictures, objects of each class, and pixels that the label maps leave open (IGNORE)."""

    pictures: int = 0
    objects: dict[str, int] = field(default_factory=dict)
    open_pixels: int = 0


def export_data(
    form: str,
    pictures: Sequence[Labelled],
    classes: Sequence[str],
    out: Path,
    *,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Exported:
    """Write the pictures, copied, and what their label maps hold in a form of FORMS into the new or empty folder `out`.

    All or nothing. Each object of pixels that touch is annotated by itself. Class 0 is left out where it is called
    background, which the tools take to be all that no object covers. Raises DataError where a label map cannot be read,
    OutputError where `out` holds something or cannot be written.
    """
    pictures_in, write = FORMS[form]
    background = 0 if classes[0].lower() in BACKGROUND_NAMES else None
    named = [name for value, name in enumerate(classes) if value != background]
    found = Exported(objects=dict.fromkeys(named, 0))
    names = flat_names([item.name for item in pictures])
    files = [f"{name}{item.picture.suffix.lower()}" for name, item in zip(names, pictures, strict=True)]
    with whole_folder(out) as folder:
        (folder / pictures_in).mkdir(exist_ok=True)

        def annotated() -> Iterator[Annotated]:
            for done, (item, file) in enumerate(zip(pictures, files, strict=True), 1):
                label = _checked(item, classes)
                objects = tuple(objects_of(label, classes, background=background))
                for one in objects:
                    found.objects[one.name] += 1
                found.open_pixels += int((label == IGNORE).sum())
                shutil.copyfile(item.picture, folder / pictures_in / file)
                yield Annotated(file, label.shape, objects)
                found.pictures = done
                progress(done, len(pictures))

        write(annotated(), named, folder)
    return found


def _checked(item: Labelled, classes: Sequence[str]) -> np.ndarray:
    label, size = item.read(), shown_size(item.picture)[0]
    if label.shape != size:
        raise DataError(
            f"the label map of {item.picture} has {label.shape[1]}x{label.shape[0]} pixels, the picture "
            f"{size[1]}x{size[0]}: make it for this picture"
        )
    wrong = np.unique(label[(label >= len(classes)) & (label != IGNORE)]).tolist()
    if wrong:
        raise DataError(
            f"the label map of {item.picture} holds {', '.join(map(str, wrong[:5]))}, but the classes are 0 to "
            f"{len(classes) - 1}: correct it"
        )
    return label
