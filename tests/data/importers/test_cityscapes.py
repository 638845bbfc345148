"""Cityscapes' polygons and the masks that are made of them."""

import json

import numpy as np
import pytest
from PIL import Image, ImageDraw

from segkit.base.errors import DataError
from segkit.data.importers.cityscapes import LABELS, TRAINED
from segkit.data.importers.rules import Rules

WIDTH, HEIGHT = 40, 30
ROAD = {"label": "road", "polygon": [[0, 0], [39, 0], [39, 29], [0, 29]]}


def write(bench, objects, *, name="val/ulm/ulm_0", folder="gtFine"):
    bench.picture(f"leftImg8bit/{name}_leftImg8bit.png", WIDTH, HEIGHT)
    content = {"imgHeight": HEIGHT, "imgWidth": WIDTH, "objects": objects}
    bench.write(f"{folder}/{name}_{folder}_polygons.json", json.dumps(content))


def corners(*points):
    return [list(point) for point in points]


def drawn(objects):
    """As cityscapesscripts' createLabelImage draws (number, polygon), over pixels not labelled."""
    image = Image.new("L", (WIDTH, HEIGHT), 255)
    for number, polygon in objects:
        ImageDraw.Draw(image).polygon([tuple(point) for point in polygon], fill=number)
    return np.array(image).tolist()


def test_later_over_earlier_and_what_is_not_trained_on(bench):
    car = corners((5, 5), (20, 5), (25, 18), (2, 20))
    parking = corners((15, 10), (60, 8), (50, 90), (-20, 12))
    plate = {"label": "license plate", "polygon": corners((6, 6), (9, 6), (9, 9))}
    deleted = {"label": "sky", "polygon": corners((0, 0), (9, 0), (9, 9)), "deleted": 1}
    objects = [{"label": "cargroup", "polygon": car}, {"label": "parking", "polygon": parking}, plate, deleted]
    write(bench, objects)
    bench.picture("leftImg8bit/val/ulm/ulm_1_leftImg8bit.png", WIDTH, HEIGHT)
    report = bench.run(None)
    assert list(report["classes"]) == list(TRAINED) and report["splits"]["val"] == 1
    assert bench.label("ulm_0") == drawn([(13, car), (255, parking)])
    assert {note["reason"][:28] for note in report["notes"]} == {
        "a license plate, which Citys",
        "an object that was deleted i",
        "an object that others of ano",
    }
    assert [skip["file"] for skip in report["skipped"]] == ["leftImg8bit/val/ulm/ulm_1_leftImg8bit.png"]


def test_an_unknown_label_is_not_labelled_and_counted(bench):
    square = corners((5, 5), (20, 5), (20, 18))
    write(bench, [ROAD, {"label": "autorickshaw", "polygon": square}])
    report = bench.run("cityscapes")
    assert bench.label("ulm_0") == drawn([(0, ROAD["polygon"]), (255, square)])
    assert "does not have (autorickshaw)" in report["notes"][0]["reason"]


@pytest.mark.parametrize("kind", ["labelIds", "labelTrainIds"])
def test_masks_by_the_public_table(bench, kind):
    """labelIds go before polygons; labelTrainIds are taken where there is nothing else."""
    if kind == "labelIds":
        write(bench, [ROAD])
    bench.picture("leftImg8bit/val/ulm/ulm_0_leftImg8bit.png", WIDTH, HEIGHT)
    labels = ("road", "bicycle", "sky") if kind == "labelTrainIds" else ("road", "bicycle", "parking")
    values = np.full((HEIGHT, WIDTH), 255)
    for column, label in enumerate(labels):
        values[:, column] = list(TRAINED).index(label) if kind == "labelTrainIds" else LABELS.index(label)
    bench.mask(f"gtFine/val/ulm/ulm_0_gtFine_{kind}.png", values)
    bench.mask("gtFine/val/ulm/ulm_0_gtFine_color.png", values)
    report = bench.run(None)
    assert bench.label("ulm_0")[0][:4] == [0, 18, 10 if kind == "labelTrainIds" else 255, 255]
    assert f"1 pictures by gtFine_{kind}.png" in report["said"][1] and not report["skipped"]


def test_fine_before_coarse_and_labels_that_are_kept_back(bench):
    write(bench, [{**ROAD, "label": "sky"}], folder="gtCoarse")
    write(bench, [ROAD])
    write(bench, [{**ROAD, "label": "out of roi"}], name="test/bonn/bonn_0")
    report = bench.run("cityscapes")
    assert bench.label("ulm_0") == [[0] * WIDTH] * HEIGHT
    assert report["skipped"][0]["reason"].startswith("nothing in it is of Cityscapes' 19 classes")


def test_what_no_polygon_covers_may_be_the_background(bench):
    square = corners((5, 5), (20, 5), (20, 18))
    write(
        bench, [{"label": "road", "polygon": square}, {"label": "ground", "polygon": corners((0, 0), (9, 0), (0, 9))}]
    )
    bench.run("cityscapes", rules=Rules(unlabelled="background"))
    assert np.unique(bench.label("ulm_0")).tolist() == [0, 1, 255]


def test_no_annotation(bench):
    bench.picture("a.png")
    with pytest.raises(DataError, match="has no x_gtFine_polygons"):
        bench.run("cityscapes")
