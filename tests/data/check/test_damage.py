"""Sound data sets broken in one way each: that is found, in its file, and nothing else is."""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import pytest
from PIL import Image

from segkit.base.errors import DataError
from segkit.base.label_files import read_stored_label, save_label
from segkit.base.labels import voc_palette
from segkit.base.pictures import read_picture
from segkit.data.check.thorough import DataCheck, check_splits
from segkit.data.finding import Finding
from segkit.data.folder import FolderDataset
from tests.data.check.conftest import CLASSES

COLOURS = voc_palette(11)


class Broken(NamedTuple):
    """What was done: the file that has to be told, "" for none, and how the set is to be opened."""

    file: Path | str
    options: Mapping[str, Any] = MappingProxyType({})


def check(root: Path, **options: Any) -> DataCheck:
    settings = {"classes": CLASSES, "ignore": 11, **options}
    datasets, before = {}, []
    for split in ("train", "val"):
        findings: list[Finding] = []
        datasets[split] = FolderDataset(root, split=split, findings=findings, **settings)
        before += [finding._replace(split=split) for finding in findings]
    return check_splits(datasets, train="train", before=before)


def files(root: Path, split: str, number: int = 3) -> tuple[Path, Path]:
    picture = sorted((root / "images" / split).iterdir())[number]
    return picture, root / "labels" / split / f"{picture.stem}.png"


def as_colours(path: Path) -> np.ndarray:
    table = np.array(voc_palette(256), np.uint8)
    table[11] = (224, 224, 192)
    return table[read_stored_label(path)]


def all_as_colours(root: Path) -> None:
    for path in root.glob("labels/*/*.png"):
        Image.fromarray(as_colours(path)).save(path)


def size(root: Path) -> Broken:
    _, label = files(root, "train")
    save_label(label, read_stored_label(label)[::2, ::2], COLOURS)
    return Broken(label)


def value(root: Path) -> Broken:
    _, label = files(root, "val")
    values = read_stored_label(label)
    values[5, 5] = 77
    save_label(label, values, COLOURS)
    return Broken(label)


def greys(root: Path) -> Broken:
    _, label = files(root, "train")
    values = read_stored_label(label)
    save_label(label, np.select([values < 2, values < 5], [0, 128], 255).astype(np.uint8), COLOURS)
    return Broken(label)


def all_greys(root: Path) -> Broken:
    for path in root.glob("labels/*/*.png"):
        Image.fromarray((read_stored_label(path) > 2).astype(np.uint8) * 255).save(path)
    return Broken("", {"classes": ("ground", "thing"), "ignore": 255})


def jpeg_colours(root: Path) -> Broken:
    all_as_colours(root)
    _, label = files(root, "train")
    compressed = label.with_suffix(".jpg")
    Image.fromarray(np.asarray(Image.open(label))).save(compressed, quality=90)
    Image.open(compressed).save(label)
    compressed.unlink()
    return Broken(label, {"colours": COLOURS})


def jpeg_named_png(root: Path) -> Broken:
    _, label = files(root, "train")
    Image.open(label).convert("RGB").save(label, "JPEG")
    return Broken(label)


def jpeg_greys(root: Path) -> Broken:
    for path in root.glob("labels/*/*.png"):
        Image.fromarray((read_stored_label(path) > 2).astype(np.uint8) * 255).save(path)
    _, label = files(root, "val")
    image = Image.open(label)
    image.load()
    image.save(label, "JPEG", quality=80)
    Image.open(label).save(label, "PNG")
    return Broken(label, {"classes": ("ground", "thing"), "ignore": 100, "mapping": {255: 1}})


def smoothed_colours(root: Path) -> Broken:
    all_as_colours(root)
    _, label = files(root, "train")
    image = Image.open(label)
    image.resize((image.width // 2, image.height // 2)).resize(image.size, Image.Resampling.BICUBIC).save(label)
    return Broken(label, {"colours": COLOURS})


def colour(root: Path) -> Broken:
    all_as_colours(root)
    _, label = files(root, "val")
    values = np.array(Image.open(label))
    values[10:20, 10:20] = (1, 2, 3)
    Image.fromarray(values).save(label)
    return Broken(label, {"colours": COLOURS})


def rgb(root: Path) -> Broken:
    _, label = files(root, "train")
    Image.fromarray(as_colours(label)).save(label)
    return Broken(label)


def grey_as_rgb(root: Path) -> Broken:
    _, label = files(root, "train")
    Image.fromarray(read_stored_label(label)).convert("RGB").save(label)
    return Broken(label)


def transparent(root: Path) -> Broken:
    _, label = files(root, "train")
    rgba = np.dstack([as_colours(label), np.full(read_stored_label(label).shape, 128, np.uint8)])
    Image.fromarray(rgba).save(label)
    return Broken(label)


def sixteen_bits(root: Path) -> Broken:
    _, label = files(root, "train")
    Image.fromarray(read_stored_label(label).astype(np.uint16) * 256).save(label)
    return Broken(label)


def turned(orientation: int, kind: str) -> Callable[[Path], Broken]:
    def broken(root: Path) -> Broken:
        picture, label = files(root, kind)
        exif = Image.Exif()
        exif[0x0112] = orientation
        Image.fromarray(read_picture(picture)).save(picture, exif=exif, quality=95)
        return Broken(label)

    return broken


def no_label(root: Path) -> Broken:
    picture, label = files(root, "train")
    label.unlink()
    return Broken(picture)


def no_picture(root: Path) -> Broken:
    picture, label = files(root, "val")
    picture.unlink()
    return Broken(label)


def named_but_missing(root: Path) -> Broken:
    for split in ("train", "val"):
        names = [path.stem for path in sorted((root / "images" / split).iterdir())]
        (root / f"{split}.txt").write_text("\n".join(names))
    picture, label = files(root, "train")
    label.unlink()
    return Broken(picture.stem, {"list": "{split}.txt"})


def cut_short(root: Path) -> Broken:
    picture, _ = files(root, "train")
    picture.write_bytes(picture.read_bytes()[:-800])
    return Broken(picture)


def empty(root: Path) -> Broken:
    picture, _ = files(root, "val")
    picture.write_bytes(b"")
    return Broken(picture)


def no_image(root: Path) -> Broken:
    picture, _ = files(root, "train")
    picture.write_text("<html>404 not found</html>")
    return Broken(picture)


def label_cut_short(root: Path) -> Broken:
    _, label = files(root, "train")
    label.write_bytes(label.read_bytes()[:-200])
    return Broken(label)


def floats(root: Path) -> Broken:
    picture, _ = files(root, "train")
    Image.fromarray(read_picture(picture)[..., 0].astype(np.float32)).save(picture.with_suffix(".tif"))
    picture.unlink()
    return Broken(picture.with_suffix(".tif"))


def copied(root: Path) -> Broken:
    for source, target in zip(files(root, "train", 5), files(root, "val"), strict=True):
        target.with_stem("copied_x").write_bytes(source.read_bytes())
    return Broken(root / "images/val/copied_x.jpg")


def saved_again(root: Path) -> Broken:
    picture, label = files(root, "train", 5)
    Image.open(picture).save(root / "images/val/again_x.png")
    (root / "labels/val/again_x.png").write_bytes(label.read_bytes())
    return Broken(root / "images/val/again_x.png")


def compressed_again(root: Path) -> Broken:
    picture, label = files(root, "train", 5)
    Image.open(picture).save(root / "images/val/again_x.jpg", quality=60, subsampling=0)
    (root / "labels/val/again_x.png").write_bytes(label.read_bytes())
    return Broken(root / "images/val/again_x.jpg")


def larger(root: Path) -> Broken:
    picture, label = files(root, "train", 5)
    for path, kind in ((picture, "images"), (label, "labels")):
        image = Image.open(path)
        size = 2 * image.width, 2 * image.height
        resampling = Image.Resampling.NEAREST if kind == "labels" else Image.Resampling.BICUBIC
        image.resize(size, resampling).save(root / kind / "val" / f"larger_x{path.suffix}")
    return Broken(root / "images/val/larger_x.jpg")


def one_name(root: Path) -> Broken:
    picture, _ = files(root, "train")
    for path in files(root, "val"):
        path.rename(path.with_stem(picture.stem))
    return Broken(root / "images" / "val" / picture.name)


def two_of_one_name(root: Path) -> Broken:
    picture, _ = files(root, "train")
    Image.open(picture).save(picture.with_suffix(".png"))
    return Broken(picture.with_suffix(".png"))


def one_class(root: Path) -> Broken:
    _, label = files(root, "train")
    save_label(label, np.zeros_like(read_stored_label(label)), COLOURS)
    return Broken(label)


def not_labelled(root: Path) -> Broken:
    _, label = files(root, "train")
    save_label(label, np.full_like(read_stored_label(label), 11), COLOURS)
    return Broken(label)


def all_one_class(root: Path) -> Broken:
    for path in root.glob("labels/train/*.png"):
        save_label(path, np.zeros_like(read_stored_label(path)), COLOURS)
    for path in root.glob("labels/val/*.png"):
        values = read_stored_label(path)
        values[values > 1] = 1
        save_label(path, values, COLOURS)
    return Broken("", {"classes": ("class 0", "class 1")})


def absent_from_train(root: Path) -> Broken:
    for path in root.glob("labels/train/*.png"):
        values = read_stored_label(path)
        values[values == 4] = 3
        save_label(path, values, COLOURS)
    return Broken("")


def absent_from_all(root: Path) -> Broken:
    return Broken("", {"classes": (*CLASSES, "class 11", "more"), "ignore": 11, "mapping": {11: 11}})


def tiny(root: Path) -> Broken:
    picture, label = files(root, "train")
    Image.open(picture).resize((24, 16)).save(picture)
    save_label(label, np.arange(16 * 24, dtype=np.uint8).reshape(16, 24) % 11, COLOURS)
    return Broken(picture)


DAMAGE = {
    "sizes differ": size,
    "label values": value,
    "mask saved to be looked at": greys,
    "mask compressed as JPEG": jpeg_colours,
    "mask compressed as JPEG (a JPEG named png)": jpeg_named_png,
    "mask compressed as JPEG (greys)": jpeg_greys,
    "unknown colours": colour,
    "unknown colours (smoothed)": smoothed_colours,
    "RGB label": rgb,
    "RGB label (grey)": grey_as_rgb,
    "label cannot be read": label_cut_short,
    "label cannot be read (transparent)": transparent,
    "label cannot be read (16 bits)": sixteen_bits,
    "EXIF orientation": turned(6, "train"),
    "EXIF orientation (upside down)": turned(3, "train"),
    "EXIF orientation (mirrored)": turned(2, "val"),
    "no label": no_label,
    "no label (in a list)": named_but_missing,
    "no picture": no_picture,
    "picture cannot be read": cut_short,
    "picture cannot be read (empty)": empty,
    "picture cannot be read (no picture)": no_image,
    "picture cannot be read (floats)": floats,
    "same picture in two splits": copied,
    "same picture in two splits (saved again)": saved_again,
    "nearly the same picture": compressed_again,
    "nearly the same picture (larger)": larger,
    "name in two splits": one_name,
    "two of one name": two_of_one_name,
    "one class only": one_class,
    "not labelled": not_labelled,
    "class not in train": absent_from_train,
    "very small picture": tiny,
}
WARNINGS = {
    "EXIF orientation (upside down)",
    "EXIF orientation (mirrored)",
    "no label",
    "no picture",
    "nearly the same picture",
    "nearly the same picture (larger)",
    "name in two splits",
    "one class only",
    "not labelled",
    "class not in train",
    "very small picture",
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_is_found_in_its_file_and_nothing_else_is(sound: Path, damage: str) -> None:
    broken = DAMAGE[damage](sound)
    (finding,) = check(sound, **broken.options).findings
    assert finding.kind == damage.split(" (")[0]
    assert finding.file == str(broken.file)
    assert finding.level == ("warning" if damage in WARNINGS else "error")
    assert Path(finding.file).name in finding.message and ": " in finding.message


def test_the_sound_sets_are_sound(sound: Path) -> None:
    assert check(sound).findings == ()
    all_as_colours(sound)
    assert check(sound, colours=COLOURS).findings == ()


def test_all_masks_saved_to_be_looked_at(sound: Path) -> None:
    broken = all_greys(sound)
    findings = check(sound, **broken.options).findings
    assert [(finding.level, finding.kind) for finding in findings[:2]] == [("error", "mask saved to be looked at")] * 2
    assert "`mapping` as {255: 1}" in findings[0].message


def test_a_split_of_one_class(sound: Path) -> None:
    broken = all_one_class(sound)
    findings = check(sound, **broken.options).findings
    assert {(finding.level, finding.kind) for finding in findings if finding.split == "train"} == {
        ("error", "one class only"),
        ("warning", "class not in train"),
    }


def test_no_split_at_all() -> None:
    with pytest.raises(DataError, match="no split"):
        check_splits({}, train="train")
