"""COCO 2017, as far as a network is trained on it before VOC: the pictures with VOC's classes, and their label maps.

Addresses: https://cocodataset.org/#download. COCO publishes no checksums; the MD5s are those that PaddleDetection
checks (`ppdet/utils/download.py`), and the sizes what other projects saw the server say.
"""

from pathlib import Path

from segkit.base.errors import DataError
from segkit.base.labels import VOC_CLASSES
from segkit.data.folder import FolderDataset
from segkit.data.public.archive import Archive, Depot, Obtained, made_again
from segkit.data.public.coco_voc import CocoInstances, convert

_HOST = ("http://images.cocodataset.org", "https://s3.amazonaws.com/images.cocodataset.org")


def _archive(folder: str, name: str, size: int, md5: str) -> Archive:
    return Archive(name, tuple(f"{host}/{folder}/{name}" for host in _HOST), size=size, md5=md5)


ANNOTATIONS = _archive("annotations", "annotations_trainval2017.zip", 252_907_541, "f4bbac642086de4f52a3fdda2de5fa2c")
PICTURES = {
    "train": _archive("zips", "train2017.zip", 19_336_861_798, "cced6f7f71b7629ddf16f17bbcfab6b2"),
    "val": _archive("zips", "val2017.zip", 815_585_330, "442b8da7639aecaf257c1dceb8ba8c80"),
}
SPLITS = ("train", "val")

UNPACKED = 20_000_000_000
_MOST_BYTES = 40_000_000_000


def lacking(depot: Depot) -> list[Archive]:
    """The archives whose files are not unpacked yet."""
    folder = _folder(depot)
    if _is_whole(folder):
        return []
    wanted = [] if _annotations(folder, "val").is_file() else [ANNOTATIONS]
    return wanted + [archive for split, archive in PICTURES.items() if not (folder / f"{split}2017").is_dir()]


def get(depot: Depot) -> Obtained:
    """Make COCO for VOC in the depot: the pictures that are taken, a label map of VOC's classes each, and the lists.

    Of train2017 and val2017 only the pictures with more than 1,000 pixels of VOC's classes are unpacked. Each step that
    is whole is not done again, and nothing is where all are. Raises DownloadError, OutputError, DataError.
    """
    folder = _folder(depot)
    if _is_whole(folder):
        return Obtained(folder, check(folder), changed=False)
    archives = lacking(depot)
    depot.check_room(archives, UNPACKED if PICTURES["train"] in archives else 0)
    if ANNOTATIONS in archives:
        with depot.unpacked(ANNOTATIONS, folder / "annotations", place=_instances_only, most_bytes=_MOST_BYTES):
            pass
    for split in SPLITS:
        depot.announce(f"reading the annotations of {split}", 0, None)
        instances = CocoInstances(_annotations(folder, split))
        _add_pictures(depot, split, {picture.image["file_name"] for picture in instances.pictures()})
        convert(instances, folder / "voc" / split, _list(folder, split), depot.announce)
    return Obtained(folder, check(folder), depot.notes_on([ANNOTATIONS, *PICTURES.values()]))


def check(folder: Path) -> dict[str, int]:
    """Count the pictures of each split; DataError unless each that is listed is there with its label."""
    figures = {}
    for split in SPLITS:
        with made_again(folder / "voc"):
            dataset = FolderDataset(
                folder,
                split=split,
                classes=VOC_CLASSES,
                images="{split}2017",
                labels="voc/{split}",
                list="voc/{split}.txt",
            )
        figures[f"pictures in {split}, each with its label"] = len(dataset)
    return figures


def _add_pictures(depot: Depot, split: str, names: set[str]) -> None:
    """{split}2017 with the pictures named; a folder that is there already (all of COCO, say) has to hold them."""
    folder = _folder(depot) / f"{split}2017"
    if not folder.is_dir():
        wanted = {f"{split}2017/{name}": name for name in names}
        with depot.unpacked(PICTURES[split], folder, place=wanted.get, most_bytes=_MOST_BYTES):
            pass
    absent = sorted(names - {path.name for path in folder.iterdir()})
    if absent:
        raise DataError(
            f"{folder} lacks {len(absent)} of the {len(names)} pictures with VOC's classes, such as {absent[0]}: move "
            "the folder away, and it is made again"
        )


def _instances_only(name: str) -> str | None:
    inner = name.removeprefix("annotations/")
    return inner if inner in {f"instances_{split}2017.json" for split in SPLITS} else None


def _folder(depot: Depot) -> Path:
    """It holds annotations, {split}2017 with the pictures, and voc with the labels and lists."""
    return depot.root / "coco2017"


def _annotations(folder: Path, split: str) -> Path:
    return folder / "annotations" / f"instances_{split}2017.json"


def _list(folder: Path, split: str) -> Path:
    return folder / "voc" / f"{split}.txt"


def _is_whole(folder: Path) -> bool:
    """A list is written once all that it names is there."""
    return all(_list(folder, split).is_file() for split in SPLITS)
