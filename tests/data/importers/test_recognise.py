"""Which form an export has, by what lies in it."""

import json
import re

import pytest

from segkit.base.errors import ConfigError, DataError
from segkit.data.importers.recognise import recognise
from segkit.data.importers.source import Source

COCO = {"images": [], "annotations": [], "categories": []}
SHAPES = {"shapes": [], "imagePath": "a.png"}
FORMS = {
    "cityscapes": {"gtFine/val/ulm/ulm_0_gtFine_polygons.json": {"imgHeight": 4, "imgWidth": 6, "objects": []}},
    "coco": {"annotations/instances.json": COCO},
    "coco-panoptic": {"panoptic.json": {**COCO, "annotations": [{"image_id": 1, "segments_info": []}]}},
    "cvat": {"labelmap.txt": "car:1,2,3::", "SegmentationClass/a.png": ""},
    "isat": {"a.json": {"info": {"description": "ISAT", "name": "a.png"}, "objects": []}},
    "label-studio": {"tasks.json": [{"id": 1, "data": {"image": "a.png"}, "annotations": []}]},
    "labelme": {"a.json": SHAPES},
    "roboflow": {"train/_classes.csv": "Pixel Value, Class\n0, car", "train/a_mask.png": ""},
    "supervisely": {"meta.json": {"classes": []}, "ds/ann/a.png.json": {"objects": []}},
    "via": {"via_export.json": {"a.png1": {"filename": "a.png", "size": 1, "regions": [], "file_attributes": {}}}},
    "yolo": {"data.yaml": "names: [car]", "labels/a.txt": "0 0 0 1 0 1 1"},
}


def write(bench, files):
    bench.picture("a.png")
    for name, content in files.items():
        if name.endswith(".png"):
            bench.picture(name)
        else:
            bench.write(name, content if isinstance(content, str) else json.dumps(content))


@pytest.mark.parametrize("form", FORMS)
def test_each_form_by_its_files(bench, form):
    write(bench, FORMS[form])
    found = recognise(Source(bench.src))
    assert list(found) == [form]
    assert found[form] in FORMS[form]


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ('<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n</annotations>', "cvat"),
        ("<annotation><object/></annotation>", None),
    ],
)
def test_cvat_s_xml_is_told_from_voc_s(bench, text, form):
    write(bench, {"annotations.xml": text})
    assert list(recognise(Source(bench.src))) == ([form] if form else [])


def test_masks_by_the_table_that_says_what_they_hold(bench, tmp_path):
    write(bench, {"masks/a.png": ""})
    assert recognise(Source(bench.src)) == {}
    table = tmp_path / "t.csv"
    table.write_text("0,background\n1,car\n")
    assert recognise(Source(bench.src, table=table)) == {"masks": "masks/a.png"}


def test_the_form_that_was_recognised_is_said(bench):
    square = {"label": "car", "shape_type": "polygon", "points": [[0, 0], [3, 0], [3, 2]]}
    bench.picture("a.png")
    bench.write("a.json", json.dumps({**SHAPES, "shapes": [square], "imageHeight": 4, "imageWidth": 6}))
    report = bench.run(None)
    assert report["format"] == "labelme" and report["said"][0] == "read as labelme, which a.json tells"


def test_several_forms_are_asked_about(bench):
    write(bench, FORMS["coco"] | FORMS["yolo"])
    with pytest.raises(ConfigError, match=r"coco by annotations/instances\.json, yolo by data\.yaml.*--format"):
        bench.run(None)


def test_no_form_names_those_that_are_known(bench):
    bench.picture("a.png")
    with pytest.raises(DataError, match=r"is of no form that is known \(cityscapes, coco, .*--format"):
        bench.run(None)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ([{"data_row": {}, "projects": {}, "media_attributes": {}}], "a.json is Labelbox's: export masks"),
        ({"version": "2.0", "item": {"name": "a.png"}, "annotations": []}, "a.json is V7's: export as"),
        ({"dataset": "x", "image": {}, "annotations": []}, "a.json is V7 (version 1)'s"),
        ({"info": {}, "categories": {}, "items": []}, "a.json is Datumaro's: convert it"),
    ],
)
def test_forms_that_are_not_read_are_named_with_the_way_out(bench, content, words):
    write(bench, {"a.json": content})
    with pytest.raises(DataError, match=re.escape(words)):
        bench.run(None)


def test_ade20k_with_its_parts_is_named(bench):
    write(bench, {"training/street/ADE_train_00000001_seg.png": ""})
    with pytest.raises(DataError, match=r"00001_seg\.png is ADE20K's full form.*ADEChallengeData2016"):
        bench.run(None)


@pytest.mark.parametrize(("wrong", "right"), [("coco", "labelme"), ("yolo", "coco"), ("cvat", "supervisely")])
def test_the_wrong_form_points_to_the_right_one(bench, wrong, right):
    write(bench, FORMS[right])
    with pytest.raises(DataError, match=f"by its files it is to be imported with --format {right} "):
        bench.run(wrong)
