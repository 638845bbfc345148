"""Masks and their pictures, by the folders and names of public sets."""

import re

import numpy as np
import pytest
from PIL import Image

from segkit.base.errors import ConfigError
from segkit.data.importers.pairing import is_mask, is_shown, pair, pair_by_patterns

LAYOUTS = {
    "ADE20K": ("images/training/a.jpg", "annotations/training/a.png", "train"),
    "BDD100K": ("images/10k/train/a.jpg", "labels/sem_seg/masks/train/a.png", "train"),
    "CamVid of fastai": ("images/a.png", "labels/a_P.png", None),
    "CamVid on Kaggle": ("val/a.png", "val_labels/a_L.png", "val"),
    "CamVid of CVAT": ("default/a.png", "defaultannot/a.png", None),
    "CamVid of SegNet": ("train/a.png", "trainannot/a.png", "train"),
    "Carvana": ("train/a_01.jpg", "train_masks/a_01_mask.gif", "train"),
    "Cityscapes": ("leftImg8bit/val/x/x_0_leftImg8bit.png", "gtFine/val/x/x_0_gtFine_labelTrainIds.png", "val"),
    "COCO-Stuff": ("images/train2017/a.jpg", "annotations/train2017/a.png", None),
    "DeepGlobe": ("train/119_sat.jpg", "train/119_mask.png", "train"),
    "Inria": ("train/images/a.tif", "train/gt/a.tif", "train"),
    "ISIC": ("Training_Data/ISIC_1.jpg", "Training_GroundTruth/ISIC_1_segmentation.png", "train"),
    "LoveDA": ("Train/Urban/images_png/1.png", "Train/Urban/masks_png/1.png", "train"),
    "LaPa": ("train/images/a.jpg", "train/labels/a.png", "train"),
    "MMSegmentation": ("img_dir/val/a.jpg", "ann_dir/val/a.png", "val"),
    "MoNuSeg": ("Images/a.tif", "Labels/a.png", None),
    "Oxford pets": ("images/a.jpg", "annotations/trimaps/a.png", None),
    "PASCAL VOC": ("JPEGImages/a.jpg", "SegmentationClass/a.png", None),
    "STARE": ("images/a.png", "annotations/a_mask.png", None),
    "SUIM": ("train_val/images/a.jpg", "train_val/masks/a.bmp", None),
    "labelme2voc": ("JPEGImages/a.jpg", "SegmentationClassPNG/a.png", None),
    "X-AnyLabeling": ("sources/a.jpg", "masks/a.png", None),
    "beside each other": ("a.jpg", "a_mask.png", None),
    "in one folder": ("photos/a.jpg", "photos/a_seg.png", None),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts_of_public_sets(layout):
    picture, mask, split = LAYOUTS[layout]
    assert is_mask(mask) and not is_mask(picture) and not is_shown(mask)
    others = [picture.replace("a", "b").replace("1", "2"), mask.replace("a", "b").replace("1", "2")]
    found = pair([picture], [mask])
    assert [each[1:] for each in found.pairs] == [(picture, mask)] and not found.left_out
    assert found.pairs[0][0].split == split
    assert not pair([picture], others[1:]).pairs or others[1] == mask


def test_pictures_of_one_name_in_two_folders():
    pictures, masks = ["a/images/0.jpg", "b/images/0.jpg"], ["b/masks/0.png", "a/masks/0.png"]
    found = pair(pictures, masks)
    assert [(said.name, mask) for said, _, mask in found.pairs] == [("a/0", masks[1]), ("b/0", masks[0])]
    found = pair(["0.jpg"], masks)
    assert not found.pairs and found.left_out["0.jpg"].startswith("it may be that of several")


def test_of_several_masks_one_is_taken_and_the_others_are_told():
    folder, stem = "gtFine/train/x", "x_0_gtFine"
    masks = [f"{folder}/{stem}_{kind}.png" for kind in ("labelIds", "labelTrainIds")]
    found = pair(["leftImg8bit/train/x/x_0_leftImg8bit.png"], masks)
    assert found.pairs[0][2] == masks[1]
    assert found.left_out == {masks[0]: f"its picture has another mask ({masks[1]})"}
    shown = [f"{folder}/{stem}_{kind}.png" for kind in ("color", "instanceIds")]
    assert all(is_shown(name) for name in [*shown, "SegmentationObject/a.png", "masks_overlay/a.png"])
    assert not any(is_shown(name) for name in [*masks, "objects/a.jpg", "overlays/a.jpg"])


def test_patterns():
    names = ["x/train/a.jpg", "x/val/b.jpg", "x/val/c.jpg", "y/train/a-m.png", "y/val/b-m.png", "y/val/d-m.png"]
    found = pair_by_patterns(names, "x/{split}/{name}.jpg", "./y/{split}/{name}-m.png")
    assert [(said.name, said.split) for said, _, _ in found.pairs] == [("a", "train"), ("b", "val")]
    assert set(found.left_out) == {"x/val/c.jpg", "y/val/d-m.png"}
    found = pair_by_patterns(["x/a+b/0.jpg", "y/a+b/0.png"], "x/{name}.jpg", "y/{name}.png")
    assert found.pairs[0][0].name == "a+b/0"
    for wrong in ("x/a.jpg", "{name}/{name}.jpg", "{name}{n}.jpg"):
        with pytest.raises(ConfigError, match=re.escape(f"--images {wrong}: write {{name}} once")):
            pair_by_patterns(names, wrong, "y/{name}.png")


def test_patterns_of_pictures_and_masks(bench):
    for name in "ab":
        bench.picture(f"pictures/{name}.jpg", 3, 2)
    bench.mask("truth/a.bmp", [[0, 1, 1], [1, 0, 0]], mode="L")
    table = bench.write("../table.csv", "0,ground\n1,road\n")
    report = bench.run("masks", classes=table, images="pictures/{name}.jpg", masks="truth/{name}.bmp")
    assert bench.names() == ["a.jpg"] and bench.label("a") == [[0, 1, 1], [1, 0, 0]]
    assert [skip["file"] for skip in report["skipped"]] == ["pictures/b.jpg"]
    with pytest.raises(ConfigError, match="give both"):
        bench.run("masks", classes=table, images="pictures/{name}.jpg")


def test_masks_of_every_format_that_loses_nothing(bench):
    values = [[0, 1, 1], [1, 0, 0]]
    for ending in ("png", "bmp", "tif", "gif"):
        bench.picture(f"images/{ending}.jpg", 3, 2)
        bench.mask(f"masks/{ending}.{ending}", values, mode="L")
    for ending, options in (("tif", {"compression": "jpeg"}), ("webp", {"lossless": True})):
        bench.picture(f"images/lossy_{ending}.jpg", 3, 2)
        Image.fromarray(np.array(values, np.uint8)).save(bench.src / "masks" / f"lossy_{ending}.{ending}", **options)
    report = bench.run("masks", classes=bench.write("../table.csv", "0,ground\n1,road\n"))
    assert bench.names() == ["bmp.jpg", "gif.jpg", "png.jpg", "tif.jpg"]
    assert all(bench.label(ending) == values for ending in ("png", "bmp", "tif", "gif"))
    assert sum("a label map has to be a PNG" in skip["reason"] for skip in report["skipped"]) == 2
