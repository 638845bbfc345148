"""PASCAL VOC 2012 in its own layout (http://host.robots.ox.ac.uk/pascal/VOC/voc2012/)."""

from pathlib import Path

from segkit.base.errors import ConfigError, DataError
from segkit.base.labels import VOC_CLASSES, voc_palette
from segkit.data.finding import Finding
from segkit.data.pairs import PairedFiles, files_by_stem, listed_names

VOC_SPLITS = ("train", "val", "trainval", "train_aug")
"""1,464, 1,449, 2,913 and 10,582 pictures. train_aug: VOC's train and SBD's pictures, less VOC's val."""


class VocDataset(PairedFiles):
    """One split of VOC 2012. `root` is the folder VOC2012, VOCdevkit or the one above it.

    Pictures are JPEGImages/ID.jpg, labels SegmentationClass/ID.png, for train_aug SegmentationClassAug/ID.png; the IDs
    and their order are those of ImageSets/Segmentation/SPLIT.txt. RGB labels are decoded by VOC's colours.
    Raises ConfigError for another split, DataError where a folder, the list or a file is missing. Where a list of
    `findings` is given, names that lack a file or occur twice are told there and left out, and the rest is read.
    """

    def __init__(self, root: str | Path, split: str, *, findings: list[Finding] | None = None) -> None:
        if split not in VOC_SPLITS:
            unlabelled = ", or let the server score it (`segkit submit`)" if split == "test" else ""
            raise ConfigError(f"VOC has no split {split!r} with labels: choose {', '.join(VOC_SPLITS)}{unlabelled}")
        folder = voc_folder(Path(root))
        labels, source = label_folder(folder, split), list_file(folder, split)
        _check_parts(labels, source, split)
        super().__init__(
            files_by_stem(folder / "JPEGImages", [".jpg"], "root", findings=findings),
            files_by_stem(labels, [".png"], "root", findings=findings),
            source=source,
            classes=VOC_CLASSES,
            palette=voc_palette(len(VOC_CLASSES)),
            colours=voc_palette(len(VOC_CLASSES)),
            findings=findings,
        )


def list_file(folder: Path, split: str) -> Path:
    """The list of a split in the folder VOC2012."""
    return folder / "ImageSets" / "Segmentation" / f"{split}.txt"


def label_folder(folder: Path, split: str) -> Path:
    """The folder of a split's labels in the folder VOC2012."""
    return folder / ("SegmentationClassAug" if split == "train_aug" else "SegmentationClass")


def voc_pictures(root: str | Path, split: str) -> dict[str, Path]:
    """The picture file of each ID of a split, in the list's order: also of the test split, which has no labels.

    `root` is that of `VocDataset`. Raises DataError where the list or a picture is missing or an ID stands twice.
    """
    folder = voc_folder(Path(root))
    source = list_file(folder, Path(split).name)
    if not source.is_file():
        raise DataError(
            f"{source} is missing: it comes with the pictures of that split (the test split with VOC's archive of test "
            "data), so unpack them into the same folder, or choose another split"
        )
    pictures = files_by_stem(folder / "JPEGImages", [".jpg"], "root")
    ids = listed_names(source, {"picture": pictures})
    if len(set(ids)) < len(ids):
        twice = next(name for number, name in enumerate(ids) if name in ids[:number])
        raise DataError(f"{source} names {twice!r} twice: take one out")
    return {name: pictures[name] for name in ids}


def voc_folder(root: Path) -> Path:
    """The folder VOC2012 in or below `root`, as `VocDataset` finds it. Raises DataError where there is none."""
    for folder in (root, root / "VOC2012", root / "VOCdevkit" / "VOC2012"):
        if (folder / "JPEGImages").is_dir():
            return folder
    raise DataError(
        f"{root} holds no VOC 2012 (a folder VOC2012 with JPEGImages in it): get it with `segkit data get voc2012` "
        "or correct `root`"
    )


def _check_parts(labels: Path, source: Path, split: str) -> None:
    """Say where what is not there comes from: train_aug is no part of VOC's own archive."""
    extra = split == "train_aug"
    if not labels.is_dir():
        raise DataError(
            f"{labels} is missing: "
            + (
                "get SBD's labels with `segkit data get voc2012`, or use the split train"
                if extra
                else "unpack VOCtrainval_11-May-2012.tar again"
            )
        )
    if not source.is_file():
        others = sorted(path.stem for path in source.parent.glob("*.txt"))
        raise DataError(
            f"{source} is missing: "
            + ("get it with `segkit data get voc2012`" if extra else "unpack VOC's ImageSets again")
            + (f", or use a split that is there ({', '.join(others)})" if others else "")
        )
