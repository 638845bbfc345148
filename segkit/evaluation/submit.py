"""The archive that the PASCAL VOC evaluation server takes.

After the VOC2012 development kit's documentation, "Segmentation Task: Submission of Results"
(http://host.robots.ox.ac.uk/pascal/VOC/voc2012/htmldoc/devkit_doc.html): a .tgz or .tar with one indexed PNG for each
picture of the test set, of the picture's size, each pixel 0 for the background or 1 to 20 for a class, with VOC's
colour map, at results/VOC2012/Segmentation/comp5_test_cls/ID.png (networks trained on nothing but VOC's own data) or
comp6_test_cls/ID.png (any other data too, such as ImageNet or COCO).
"""

import gzip
import io
import tarfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image

from segkit.base.errors import OutputError, WeightsError
from segkit.base.files import make_folder, write_atomically
from segkit.base.label_files import label_png
from segkit.base.labels import VOC_CLASSES, voc_palette
from segkit.base.pictures import read_picture
from segkit.data.unlabelled import PictureFiles
from segkit.evaluation.inference import Segmenter
from segkit.evaluation.scoring import score

Competition = Literal["comp5", "comp6"]

_PALETTE = voc_palette(256)


def write_submission(
    path: Path,
    model: Segmenter,
    pictures: Mapping[str, Path],
    *,
    competition: Competition = "comp6",
    scales: Sequence[float] = (1.0,),
    flip: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Predict `pictures` (file by ID) at their own sizes and write the archive to `path`; then read and check it.

    `scales` and `flip` are those of `predict`; `progress(done, total)` is called after each picture. The archive is
    there whole and right or not at all, and the same predictions give the same bytes. Raises WeightsError for a model
    of other classes than VOC's, DataError for a broken picture, OutputError where it cannot be written.
    """
    if tuple(model.classes) != VOC_CLASSES:
        raise WeightsError(
            f"a submission needs VOC's {len(VOC_CLASSES)} classes, but the model has {len(model.classes)} "
            f"({', '.join(model.classes[:3])}, ...): choose a model trained on VOC"
        )
    make_folder(path.parent)  # before the work, not after
    packed = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=packed, mode="wb", mtime=0) as compressed,
        tarfile.open(fileobj=compressed, mode="w|", format=tarfile.GNU_FORMAT) as archive,
    ):
        files = PictureFiles(pictures, classes=model.classes, palette=model.palette, stretch=model.stretch)
        for _, sample, prediction in score(model, files, scales=scales, flip=flip, progress=progress):
            data = label_png(prediction, _PALETTE)
            member = tarfile.TarInfo(member_name(sample.name, competition))
            member.size, member.mode = len(data), 0o644
            archive.addfile(member, io.BytesIO(data))
    write_atomically(path, packed.getvalue())
    try:
        check_submission(path, pictures, competition=competition)
    except OutputError:
        path.unlink()
        raise


def member_name(name: str, competition: Competition) -> str:
    """Where the label map of a picture stands in the archive."""
    return f"results/VOC2012/Segmentation/{competition}_test_cls/{name}.png"


def check_submission(path: Path, pictures: Mapping[str, Path], *, competition: Competition = "comp6") -> None:
    """Raise OutputError unless the archive at `path` holds a label map for each of `pictures` and nothing else.

    Each has to be an indexed PNG with VOC's colour map, of its picture's size, with values from 0 to 20.
    """
    expected = {member_name(name, competition): picture for name, picture in pictures.items()}
    seen = set()
    try:
        with tarfile.open(path, "r:gz") as archive:
            for member in archive:
                content = archive.extractfile(member) if member.isfile() else None
                if content is None or member.name not in expected or member.name in seen:
                    raise _wrong(path, member.name, "has no place in it")
                seen.add(member.name)
                problem = _problem(content.read(), expected[member.name])
                if problem:
                    raise _wrong(path, member.name, problem)
    except (OSError, EOFError, tarfile.TarError, zlib.error) as error:
        raise OutputError(f"{path}: cannot be read back ({error}): write it again, to another disk") from None
    missing = [name for name in expected if name not in seen]
    if missing:
        raise _wrong(path, missing[0], f"is missing, one of {len(missing)}")


def _problem(data: bytes, picture: Path) -> str | None:
    """What the server would not take about a label map, None where it would."""
    with Image.open(io.BytesIO(data), formats=("PNG",)) as image:
        if image.mode != "P":
            return f"is no indexed PNG but of the kind {image.mode}"
        palette = np.array(image.getpalette("RGB"), np.uint8).reshape(-1, 3)
        values = np.asarray(image)
    if not np.array_equal(palette, np.array(_PALETTE, np.uint8)[: len(palette)]) or len(palette) <= values.max():
        return "has another colour map than VOC's"
    if values.max() >= len(VOC_CLASSES):
        return f"has the value {values.max()}, which is no class"
    height, width = read_picture(picture).shape[:2]
    if values.shape != (height, width):
        return f"has {values.shape[1]}x{values.shape[0]} pixels, its picture {width}x{height}"
    return None


def _wrong(path: Path, member: str, problem: str) -> OutputError:
    return OutputError(f"{path}: {member} {problem}, so the server would not take the archive: write it again")
