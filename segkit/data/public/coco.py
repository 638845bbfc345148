"""COCO 2017, as far as a network is trained on it before VOC: the pictures with VOC's classes, and their label maps.

Addresses: https://cocodataset.org/#download. COCO publishes no checksums; the MD5s are those that PaddleDetection
checks (`ppdet/utils/download.py`), and the sizes what other projects saw the server say.
"""

from collections.abc import Sequence
from pathlib import Path

from segkit.base.errors import DataError
from segkit.base.files import write_atomically
from segkit.data.pairs import read_names
from segkit.data.public.coco_voc import CocoInstances, convert
from segkit.data.public.source import (
    Listener,
    Obtained,
    Source,
    archive_path,
    check_room_for,
    fetch,
    notes_on,
    unpacked_source,
)

_HOST = ("http://images.cocodataset.org", "https://s3.amazonaws.com/images.cocodataset.org")


def _source(folder: str, name: str, size: int, md5: str) -> Source:
    return Source(name, tuple(f"{host}/{folder}/{name}" for host in _HOST), size=size, md5=md5)


ANNOTATIONS = _source("annotations", "annotations_trainval2017.zip", 252_907_541, "f4bbac642086de4f52a3fdda2de5fa2c")
PICTURES = {
    "train": _source("zips", "train2017.zip", 19_336_861_798, "cced6f7f71b7629ddf16f17bbcfab6b2"),
    "val": _source("zips", "val2017.zip", 815_585_330, "442b8da7639aecaf257c1dceb8ba8c80"),
}
SPLITS = ("train", "val")

UNPACKED = 20_000_000_000
_MOST_BYTES = 40_000_000_000


def coco_folder(root: Path) -> Path:
    """Where the set lies under `root`: annotations, {split}2017 with the pictures, voc with the labels and lists."""
    return root / "coco2017"


def missing(root: Path) -> list[Source]:
    """The archives that `get` would download."""
    folder = coco_folder(root)
    if _done(folder).is_file():
        return []
    wanted = [] if _annotations(folder, "val").is_file() else [ANNOTATIONS]
    wanted += [source for split, source in PICTURES.items() if not (folder / f"{split}2017").is_dir()]
    return [source for source in wanted if not archive_path(root, source).is_file()]


def get(root: Path, listen: Listener) -> Obtained:
    """Make COCO for VOC under `root`: the pictures that are taken, a label map of VOC's classes each, and the lists.

    Of train2017 and val2017 only the pictures with more than 1,000 pixels of VOC's classes are unpacked. Each step that
    is whole is not done again, and nothing is where all are. Raises DownloadError, OutputError, DataError.
    """
    folder = coco_folder(root)
    if _done(folder).is_file():
        return Obtained(folder, check(folder), changed=False)
    lacking = missing(root)
    check_room_for(root, lacking, UNPACKED if PICTURES["train"] in lacking else 0)
    if not _annotations(folder, "val").is_file():
        fetch(root, ANNOTATIONS, listen)
        with unpacked_source(
            root, ANNOTATIONS, folder / "annotations", listen, place=_instances_only, most_bytes=_MOST_BYTES
        ):
            pass
    for split in SPLITS:
        listen(f"reading the annotations of {split}", 0, None)
        instances = CocoInstances(_annotations(folder, split))
        _add_pictures(root, split, [picture.image["file_name"] for picture in instances.pictures()], listen)
        convert(instances, folder / "voc" / split, folder / "voc" / f"{split}.txt", listen)
    figures = check(folder)
    write_atomically(_done(folder), "This file tells that the labels and lists here are whole.\n")
    return Obtained(folder, figures, notes_on(root, [ANNOTATIONS, *PICTURES.values()]))


def check(folder: Path) -> dict[str, int]:
    """Count the pictures of each split; DataError unless each that is listed is there with its label."""
    figures = {}
    for split in SPLITS:
        names = read_names(folder / "voc" / f"{split}.txt")
        for part, ending in ((folder / f"{split}2017", ".jpg"), (folder / "voc" / split, ".png")):
            absent = sorted(set(names) - {path.stem for path in part.glob(f"*{ending}")})
            if absent:
                raise DataError(
                    f"{part} lacks {len(absent)} of {len(names)} files, such as {absent[0]}{ending}: remove {part} and "
                    f"{_done(folder)}, and they are made again"
                )
        figures[f"pictures in {split}, each with its label"] = len(names)
    return figures


def _add_pictures(root: Path, split: str, names: Sequence[str], listen: Listener) -> None:
    """{split}2017 with the pictures named; a folder that is there already (all of COCO, say) has to hold them."""
    folder, source = coco_folder(root) / f"{split}2017", PICTURES[split]
    if not folder.is_dir():
        fetch(root, source, listen)
        wanted = {f"{split}2017/{name}": name for name in names}
        with unpacked_source(root, source, folder, listen, place=wanted.get, most_bytes=_MOST_BYTES):
            pass
    absent = sorted(set(names) - {path.name for path in folder.iterdir()})
    if absent:
        raise DataError(
            f"{folder} lacks {len(absent)} of the {len(names)} pictures with VOC's classes, such as {absent[0]}: move "
            "the folder away, and it is made again"
        )


def _instances_only(name: str) -> str | None:
    inner = name.removeprefix("annotations/")
    return inner if inner in {f"instances_{split}2017.json" for split in SPLITS} else None


def _annotations(folder: Path, split: str) -> Path:
    return folder / "annotations" / f"instances_{split}2017.json"


def _done(folder: Path) -> Path:
    return folder / "voc" / "COMPLETE"
