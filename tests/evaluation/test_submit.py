"""The archive for the VOC server: read back here with tarfile and Pillow alone, and broken in every way."""

import io
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from segkit.base.errors import DataError, OutputError, WeightsError
from segkit.base.label_files import label_png, save_label
from segkit.base.labels import VOC_CLASSES, voc_palette
from segkit.base.pictures import save_picture
from segkit.data.voc import VocDataset, voc_pictures
from segkit.evaluation.evaluate import evaluate
from segkit.evaluation.submit import check_submission, member_name, write_submission

SIZES = {"2008_000006": (40, 56), "2008_000001": (33, 24), "2009_000011": (64, 64)}
FOLDER = "results/VOC2012/Segmentation/comp6_test_cls"


class ByGrey:
    """A segmenter that looks at single pixels: grey `12 * i` is class i of VOC's."""

    classes = VOC_CLASSES
    palette = voc_palette(21)
    canvas, stretch, output_stride, side_step, fixed_size = None, None, 16, 16, None
    mean = torch.full((1, 3, 1, 1), 127.5)
    device = mean.device

    def __call__(self, images: torch.Tensor) -> torch.Tensor:
        greys = 12.0 * torch.arange(len(self.classes)).view(1, -1, 1, 1)
        return -(images.mean(1, keepdim=True) - greys).square()

    def labels(self, images: torch.Tensor) -> torch.Tensor:
        return self(images).argmax(1).to(torch.uint8)


def truth(size: tuple[int, int], seed: int) -> np.ndarray:
    """A label map of blocks of 8 pixels, so that JPEG keeps their greys."""
    blocks = np.random.default_rng(seed).integers(0, 21, (-(-size[0] // 8), -(-size[1] // 8)))
    return np.kron(blocks, np.ones((8, 8), int))[: size[0], : size[1]].astype(np.uint8)


@pytest.fixture
def voc(tmp_path: Path) -> Path:
    """A VOC 2012 whose test split has no labels, and whose val has the same pictures with them, some border in them."""
    folder = tmp_path / "VOCdevkit" / "VOC2012"
    for seed, (name, size) in enumerate(SIZES.items()):
        label = truth(size, seed)
        save_picture(folder / "JPEGImages" / f"{name}.jpg", np.repeat(12 * label[..., None], 3, axis=2))
        label[3:6] = 255
        save_label(folder / "SegmentationClass" / f"{name}.png", label, voc_palette(21))
    save_picture(folder / "JPEGImages" / "2007_000027.jpg", np.zeros((9, 9, 3), np.uint8))  # of another split
    (folder / "ImageSets" / "Segmentation").mkdir(parents=True)
    for split in ("test", "val"):
        (folder / "ImageSets" / "Segmentation" / f"{split}.txt").write_text("\n".join(SIZES) + "\n")
    return tmp_path


def test_the_archive_read_back_and_scored(voc, tmp_path):
    out, seen = tmp_path / "new" / "results.tgz", []
    pictures = voc_pictures(voc, "test")
    assert list(pictures) == list(SIZES)
    write_submission(out, ByGrey(), pictures, progress=lambda *counts: seen.append(counts))
    assert seen == [(1, 3), (2, 3), (3, 3)]
    counts = np.zeros((21, 21), np.int64)
    with tarfile.open(out, "r:gz") as archive:
        assert archive.getnames() == [f"{FOLDER}/{name}.png" for name in SIZES]
        for seed, (name, size) in enumerate(SIZES.items()):
            image = Image.open(archive.extractfile(f"{FOLDER}/{name}.png"))
            assert image.mode == "P" and image.size == size[::-1]
            assert image.getpalette()[: 21 * 3] == [value for colour in voc_palette(21) for value in colour]
            guess, label = np.array(image), truth(size, seed)
            label[3:6] = 255
            np.add.at(counts, (label[label < 255], guess[label < 255]), 1)
    union = counts.sum(0) + counts.sum(1) - counts.diagonal()
    with np.errstate(invalid="ignore"):
        miou = np.nanmean(counts.diagonal() / union)
    assert miou == pytest.approx(evaluate(ByGrey(), VocDataset(voc, "val")).miou, abs=1e-12)
    assert miou > 0.95  # JPEG's noise


def test_the_same_bytes_again_and_the_other_competition(voc, tmp_path):
    pictures = voc_pictures(voc, "test")
    for name in ("one.tgz", "two.tgz"):
        write_submission(tmp_path / name, ByGrey(), pictures, scales=(1.0, 1.25), flip=True)
    assert (tmp_path / "one.tgz").read_bytes() == (tmp_path / "two.tgz").read_bytes()
    write_submission(tmp_path / "five.tgz", ByGrey(), pictures, competition="comp5")
    with tarfile.open(tmp_path / "five.tgz") as archive:
        assert all("/comp5_test_cls/" in name for name in archive.getnames())
    with pytest.raises(OutputError, match="has no place in it"):
        check_submission(tmp_path / "five.tgz", pictures)


def test_a_model_of_other_classes_is_refused(by_colour, voc, tmp_path):
    with pytest.raises(WeightsError, match=r"needs VOC's 21 classes, but the model has 4 \(sky, road, tree, ...\)"):
        write_submission(tmp_path / "results.tgz", by_colour(), voc_pictures(voc, "test"))
    assert not (tmp_path / "results.tgz").exists()


def test_nothing_is_left_of_one_that_broke_off(voc, tmp_path):
    pictures = voc_pictures(voc, "test")
    list(pictures.values())[-1].write_bytes(b"\xff\xd8 no picture")
    with pytest.raises(DataError, match="2009_000011"):
        write_submission(tmp_path / "out" / "results.tgz", ByGrey(), pictures)
    assert list((tmp_path / "out").iterdir()) == []


class Wrong(ByGrey):
    """Says 21 classes and answers 22."""

    def __call__(self, images: torch.Tensor) -> torch.Tensor:
        return torch.cat([super().__call__(images), torch.full_like(images[:, :1], 1e6)], 1)


def test_what_the_check_refuses_is_removed(voc, tmp_path):
    with pytest.raises(OutputError, match=r"2008_000006.png has the value 21, which is no class"):
        write_submission(tmp_path / "results.tgz", Wrong(), voc_pictures(voc, "test"))
    assert not (tmp_path / "results.tgz").exists()


def encoded(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def broken(kind: str, good: dict[str, bytes]) -> dict[str, bytes]:
    """The members of a sound archive with one thing wrong."""
    first = member_name("2008_000006", "comp6")
    label = np.zeros((40, 56), np.uint8)
    grey, rgb = Image.fromarray(label), Image.fromarray(np.zeros((40, 56, 3), np.uint8))
    border = np.full((40, 56), 255, np.uint8)
    changes = {
        "sound": {},
        "grey": {first: encoded(grey)},
        "rgb": {first: encoded(rgb)},
        "palette": {first: label_png(label, [(1, 2, 3)] * 21)},
        "size": {first: label_png(label.T.copy(), voc_palette(256))},
        "border": {first: label_png(border, voc_palette(256))},
        "no png": {first: b"text"},
        "other": {f"{FOLDER}/2007_000027.png": good[first]},
        "outside": {"../evil.png": good[first]},
    }
    if kind == "missing":
        return {name: data for name, data in good.items() if name != first}
    return {**good, **changes[kind]}


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("sound", None),
        ("grey", "is no indexed PNG but of the kind L"),
        ("rgb", "is no indexed PNG but of the kind RGB"),
        ("palette", "has another colour map than VOC's"),
        ("size", "has 40x56 pixels, its picture 56x40"),
        ("border", "has the value 255, which is no class"),
        ("no png", "cannot be read back"),
        ("other", "2007_000027.png has no place in it"),
        ("outside", "evil.png has no place in it"),
        ("missing", "2008_000006.png is missing, one of 1"),
    ],
)
def test_the_check(voc, tmp_path, kind, said):
    pictures, path = voc_pictures(voc, "test"), tmp_path / "results.tgz"
    good = {
        member_name(name, "comp6"): label_png(np.zeros(size, np.uint8), voc_palette(256))
        for name, size in SIZES.items()
    }
    with tarfile.open(path, "w:gz") as archive:
        for name, data in broken(kind, good).items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    if said is None:
        check_submission(path, pictures)
        path.write_bytes(path.read_bytes()[:-30])
        said = "cannot be read back"
    with pytest.raises(OutputError, match=said):
        check_submission(path, pictures)


def test_lists_that_are_wrong(voc):
    lists = voc / "VOCdevkit/VOC2012/ImageSets/Segmentation"
    with pytest.raises(DataError, match=r"trainval.txt is missing: it comes with the pictures"):
        voc_pictures(voc, "trainval")
    for text, said in (
        ("2008_000006\n../../../etc/passwd\n", r"names 1 of 2 pictures that are not in .*'\.\./\.\./\.\./etc/passwd'"),
        ("2008_000006\n2008_000001\n2008_000006\n", "names '2008_000006' twice"),
        ("2008_000006 1\n", "that are not in"),
        ("\n", "names no pictures"),
    ):
        (lists / "test.txt").write_text(text)
        with pytest.raises(DataError, match=said):
            voc_pictures(voc, "test")
    (lists / "test.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="not a text file"):
        voc_pictures(voc, "test")
