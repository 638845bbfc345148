"""VOC 2012 with train_aug from a server: made whole, found again, and every way in which it may go wrong."""

import csv
import gzip
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from segkit.base.errors import DataError, DownloadError, OutputError, SegkitError
from segkit.base.labels import palette_table, voc_palette
from segkit.data.pairs import read_names
from segkit.data.public import voc
from segkit.data.public.archive import Depot
from segkit.data.voc import VocDataset
from tests.base.server import Page, Server
from tests.data.public import archives as made

Offer = Callable[..., None]


@pytest.fixture
def offer(server: Server, monkeypatch: pytest.MonkeyPatch) -> Offer:
    """Puts the two archives, or those given, on the server, and the figures right for them."""

    def put(voc_tar: bytes | None = None, sbd_tgz: bytes | None = None, **options: object) -> None:
        tar, tgz = voc_tar or made.tar(made.voc_files()), sbd_tgz or made.tar(made.sbd_files(), mode="w:gz")
        monkeypatch.setattr(voc, "VOC", made.offer(server, voc.VOC.name, tar, **options))  # type: ignore[arg-type]
        monkeypatch.setattr(voc, "SBD", made.offer(server, voc.SBD.name, tgz, **options))  # type: ignore[arg-type]
        monkeypatch.setattr(voc, "FIGURES", {"train": 3, "val": 2, "train_aug": 6})

    return put


def test_made_whole_and_done_twice_does_nothing(server: Server, offer: Offer, tmp_path: Path, depot: Depot) -> None:
    offer()
    seen: list[tuple[str, int, int | None]] = []
    assert [source.name for source in depot.missing(voc.lacking(depot))] == [voc.VOC.name, voc.SBD.name]
    obtained = voc.get(Depot(tmp_path, lambda *said: seen.append(said)))
    assert obtained.changed and obtained.folder == tmp_path / "VOCdevkit" / "VOC2012"
    assert obtained.figures == {"pictures in train_aug": 6, "of them in val": 0, "pictures in val": 2}
    assert {what.split()[0] for what, _, _ in seen} == {"downloading", "unpacking", "writing"}
    assert read_names(obtained.folder / "ImageSets/Segmentation/train_aug.txt") == made.TRAIN_AUG

    dataset = VocDataset(tmp_path, "train_aug")
    for index, name in enumerate(dataset.ids):  # VOC's own labels, with the border, go before SBD's
        expected = made.VOC_LABEL if name in made.TRAIN else made.SBD_LABEL
        np.testing.assert_array_equal(dataset[index].label, expected)
    assert VocDataset(tmp_path, "val").ids == tuple(made.VAL)
    label = Image.open(obtained.folder / "SegmentationClassAug" / "2009_000022.png")
    assert label.mode == "P" and label.getpalette() == palette_table(voc_palette(21)).ravel().tolist()
    parts = {"ImageSets", "JPEGImages", "SegmentationClass", "SegmentationClassAug"}
    assert {path.name for path in obtained.folder.iterdir()} == parts
    assert {path.suffix for path in (obtained.folder / "SegmentationClassAug").iterdir()} == {".png"}

    requests = len(server.requests)
    shutil.rmtree(tmp_path / "archives")
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    again = voc.get(depot)
    assert not again.changed and again.figures == obtained.figures and depot.missing(voc.lacking(depot)) == []
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before
    assert len(server.requests) == requests


def test_voc_that_is_there_is_kept_and_only_sbd_is_had(
    server: Server, offer: Offer, tmp_path: Path, depot: Depot
) -> None:
    offer()
    folder = voc.get(depot).folder
    shutil.rmtree(folder / "SegmentationClassAug")
    (folder / "ImageSets/Segmentation/train_aug.txt").unlink()
    shutil.rmtree(tmp_path / "archives")
    server.requests.clear()
    assert voc.get(depot).changed
    assert [request[0] for request in server.requests] == ["mirror0/benchmark.tgz"]


def test_archives_put_there_by_hand_need_no_server(server: Server, offer: Offer, tmp_path: Path, depot: Depot) -> None:
    offer()
    (tmp_path / "archives").mkdir()
    for source in (voc.VOC, voc.SBD):
        (tmp_path / "archives" / source.name).write_bytes(server.pages[f"mirror0/{source.name}"].data)
    server.pages.clear()
    assert depot.missing(voc.lacking(depot)) == [] and voc.get(depot).changed and not server.requests
    shutil.rmtree(tmp_path / "VOCdevkit")
    (tmp_path / "archives" / "benchmark.tgz").write_bytes(b"something else")
    with pytest.raises(DownloadError, match=r"benchmark\.tgz is not the file wanted .*: remove it"):
        voc.get(depot)


def test_cut_by_every_mirror_and_resumed_by_the_next_call(
    server: Server, offer: Offer, tmp_path: Path, depot: Depot
) -> None:
    offer()
    for number in (0, 1):
        server.pages[f"mirror{number}/{voc.VOC.name}"].cuts = [5000, 0] if number == 0 else [0]
    with pytest.raises(DownloadError, match=r"cut after 5000 of \d+ bytes.*put it at .*archives/VOCtrainval"):
        voc.get(depot)
    assert not (tmp_path / "VOCdevkit").exists()
    assert voc.get(depot).figures["pictures in train_aug"] == 6
    assert server.requests[-2][:2] == (f"mirror0/{voc.VOC.name}", "bytes=5000-")


def test_the_second_mirror_and_a_server_without_ranges(
    server: Server, offer: Offer, tmp_path: Path, depot: Depot
) -> None:
    offer()
    server.pages[f"mirror0/{voc.VOC.name}"] = Page(status=302, headers={"Location": "file:///etc/passwd"})
    del server.pages["mirror0/benchmark.tgz"]
    second = server.pages["mirror1/benchmark.tgz"]
    second.ranges, second.cuts = False, [200]
    assert voc.get(depot).changed


def _corrupt(server: Server, data: bytes) -> None:
    for number in (0, 1):
        page = server.pages[f"mirror{number}/benchmark.tgz"]
        page.data = data[: len(page.data)].ljust(len(page.data), b"!")


def test_a_corrupt_archive_is_not_kept(server: Server, offer: Offer, tmp_path: Path, depot: Depot) -> None:
    offer()
    good = server.pages["mirror0/benchmark.tgz"].data
    _corrupt(server, b"corrupt")
    with pytest.raises(DownloadError, match=r"its md5 is .*; .*its md5 is"):
        voc.get(depot)
    assert [path.name for path in (tmp_path / "archives").iterdir()] == [voc.VOC.name]
    _corrupt(server, good)
    assert voc.get(depot).changed


def _broken(change: Callable[[dict[str, bytes], dict[str, bytes]], object]) -> tuple[bytes, bytes]:
    voc_files, sbd_files = made.voc_files(), made.sbd_files()
    change(voc_files, sbd_files)
    return made.tar(voc_files), made.tar(sbd_files, mode="w:gz")


DATASET = "benchmark_RELEASE/dataset/"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda v, s: v.update({"VOCdevkit/VOC2012/JPEGImages/../../../../x": b""}), "outside of its folder"),
        (lambda v, s: s.update({"/etc/x": b""}), "outside of its folder"),
        (lambda v, s: s.update({DATASET + "train.txt": b"../../2008_000003\n"}), r"names '\.\./\.\./2008_000003'"),
        (lambda v, s: s.update({DATASET + "val.txt": b"2010_000031\n2010_000032\n"}), "7 pictures in train_aug, not 6"),
        (lambda v, s: s.pop(DATASET + "val.txt"), r"val\.txt cannot be read"),
        (lambda v, s: s.pop(DATASET + "cls/2009_000022.mat"), r"2009_000022\.mat .* holds no GTcls"),
        (lambda v, s: s.update({DATASET + "cls/2009_000022.mat": b"no mat"}), r"2009_000022\.mat .* holds no GTcls"),
        (
            lambda v, s: s.update({DATASET + "cls/2009_000022.mat": made.mat(made.SBD_LABEL + 10)}),
            r"2009_000022\.mat .* is no map of VOC's classes",
        ),
        (
            lambda v, s: v.update({"VOCdevkit/VOC2012/ImageSets/Segmentation/val.txt": b"2007_000011\n"}),
            "1 pictures in val, not 2",
        ),
        (
            lambda v, s: v.pop("VOCdevkit/VOC2012/JPEGImages/2010_000031.jpg"),
            r"train_aug\.txt names 1 of 6 pictures that are not in .*JPEGImages, .* move .*VOC2012 away",
        ),
        (
            lambda v, s: v.pop("VOCdevkit/VOC2012/SegmentationClass/2007_000011.png"),
            r"val\.txt names 1 of 2 labels that are not in .*SegmentationClass, ",
        ),
        (
            lambda v, s: v.pop("VOCdevkit/VOC2012/SegmentationClass/2007_000001.png"),
            r"train\.txt names 1 of 3 labels that are not in .*SegmentationClass, ",
        ),
    ],
)
def test_archives_of_something_else(
    offer: Offer,
    tmp_path: Path,
    change: Callable[[dict[str, bytes], dict[str, bytes]], object],
    words: str,
    depot: Depot,
) -> None:
    offer(*_broken(change))
    with pytest.raises(DataError, match=words) as caught:
        voc.get(depot)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.rglob(".*.part"))


def test_links_are_refused(offer: Offer, tmp_path: Path, depot: Depot) -> None:
    link = {"VOCdevkit/VOC2012/JPEGImages/2007_000001.jpg": "/etc/passwd"}
    offer(made.tar(made.voc_files(), links=link))
    with pytest.raises(DataError, match=r"holds a link to /etc/passwd \('VOCdevkit/VOC2012/JPEGImages/2007_000001"):
        voc.get(depot)
    assert not (tmp_path / "VOCdevkit" / "VOC2012").exists()


def test_no_room(server: Server, offer: Offer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, depot: Depot) -> None:
    offer()
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=10**9))
    with pytest.raises(OutputError, match=r"2\.5 GB are needed and 268 MB to spare, but its disk has 1\.0 GB free"):
        voc.get(depot)
    assert not server.requests


def test_a_folder_that_was_made_otherwise_is_left_alone(offer: Offer, tmp_path: Path, depot: Depot) -> None:
    offer()
    own = tmp_path / "VOCdevkit/VOC2012/SegmentationClassAug/own.png"
    own.parent.mkdir(parents=True)
    own.write_bytes(b"mine")
    with pytest.raises(OutputError, match="VOC2012 is there already: move it away"):
        voc.get(depot)
    assert own.read_bytes() == b"mine"


def test_damage_afterwards_is_found(offer: Offer, tmp_path: Path, depot: Depot) -> None:
    offer()
    folder = voc.get(depot).folder
    names = folder / "ImageSets/Segmentation/train_aug.txt"
    names.write_text(names.read_text().replace("2008_000021", "2007_000011"))
    with pytest.raises(DataError, match=r"train_aug\.txt names 1 pictures of val, such as 2007_000011"):
        voc.get(depot)
    names.write_text("".join(f"{name}\n" for name in made.TRAIN_AUG))
    (folder / "SegmentationClassAug/2008_000003.png").unlink()
    with pytest.raises(
        DataError, match=r"names 1 of 6 labels that are not in .*SegmentationClassAug, the first is '2008_000003'"
    ):
        voc.get(depot)


def _full_size() -> tuple[list[str], list[str], list[str], list[str]]:
    """Lists of the true lengths: SBD has 8,498 and 2,857 pictures, 2,237 of them in VOC's train or val."""
    names = [f"2008_{number:06}" for number in range(12_031)]
    sbd = names[1464 + 1449 - 2237 :]
    return names[:1464], names[1464 : 1464 + 1449], sbd[:8498], sbd[8498:]


@pytest.mark.slow
def test_the_three_figures_from_archives_of_full_length(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, depot: Depot
) -> None:
    train, val, sbd_train, sbd_val = _full_size()
    picture, label, mat = made.jpeg(), made.png(made.VOC_LABEL), made.mat(made.SBD_LABEL)
    files = {f"VOCdevkit/VOC2012/JPEGImages/{name}.jpg": picture for name in {*train, *val, *sbd_train, *sbd_val}}
    files |= {f"VOCdevkit/VOC2012/SegmentationClass/{name}.png": label for name in train + val}
    for split, names in (("train", train), ("val", val)):
        files[f"VOCdevkit/VOC2012/ImageSets/Segmentation/{split}.txt"] = made.lines(names)
    sbd = {f"{DATASET}cls/{name}.mat": mat for name in sbd_train + sbd_val}
    sbd |= {DATASET + "train.txt": made.lines(sbd_train), DATASET + "val.txt": made.lines(sbd_val)}
    monkeypatch.setattr(voc, "VOC", made.offer(server, voc.VOC.name, made.tar(files)))
    monkeypatch.setattr(voc, "SBD", made.offer(server, voc.SBD.name, made.tar(sbd, mode="w:gz")))
    figures = {"pictures in train_aug": 10_582, "of them in val": 0, "pictures in val": 1449}
    assert voc.get(depot).figures == figures
    again = voc.get(depot)
    assert not again.changed and again.figures == figures
    assert (len(VocDataset(tmp_path, "train_aug")), len(VocDataset(tmp_path, "val"))) == (10_582, 1449)


def test_the_three_figures_at_full_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train, val, sbd_train, sbd_val = _full_size()
    assert (len(sbd_train), len(sbd_val)) == (8498, 2857)
    train_aug = voc.train_aug_names(train, val, [*sbd_train, *sbd_val])
    assert len(train_aug) == 10_582 and not set(train_aug) & set(val)

    for split, chosen in (("train", train), ("val", val), ("train_aug", train_aug)):
        source = tmp_path / "ImageSets/Segmentation" / f"{split}.txt"
        source.parent.mkdir(parents=True, exist_ok=True)
        source.write_bytes(made.lines(chosen))
    there = {"JPEGImages": train_aug + val, "SegmentationClass": train + val, "SegmentationClassAug": train_aug}
    for folder in there:
        (tmp_path / folder).mkdir()

    def files(folder: Path, *_: object, **options: object) -> dict[str, Path]:
        return {name: folder / name for name in there[folder.name]}

    monkeypatch.setattr("segkit.data.voc.files_by_stem", files)  # 26,000 files take long to make
    figures = {"pictures in train_aug": 10_582, "of them in val": 0, "pictures in val": 1449}
    assert voc.check(tmp_path) == figures
    (tmp_path / "ImageSets/Segmentation/train_aug.txt").write_bytes(made.lines(train_aug[1:]))
    with pytest.raises(SegkitError, match="gives 10,581 pictures in train_aug, not 10,582"):
        voc.check(tmp_path)


def test_the_part_at_hand(shared: Path) -> None:
    val = read_names(shared / "data/voc2012/VOCdevkit/VOC2012/ImageSets/Segmentation/val.txt")
    with gzip.open(shared / "data/voc_train_aug/sources.csv.gz", "rt", newline="") as file:
        rows = list(csv.DictReader(file))
    train = [row["id"] for row in rows if row["train"] == "1"]
    names = voc.train_aug_names(train, val, [row["id"] for row in rows] + val)
    others = {row["id"] for row in rows} - set(val)
    assert train and set(train) < others and names == sorted(others)


def test_a_mat_file_as_read(tmp_path: Path) -> None:
    label = np.arange(21, dtype=np.uint8).reshape(3, 7)  # not square, all classes: rows stay rows
    (tmp_path / "x.mat").write_bytes(made.mat(label))
    np.testing.assert_array_equal(voc.sbd_label(tmp_path / "x.mat"), label)
