"""`segkit data import` and `segkit data split` end to end, up to a data set that opens and a training that runs."""

import json
from functools import partial

import numpy as np
import pytest
from PIL import Image

from segkit.recipe.build import open_dataset
from segkit.recipe.reading import load_config
from tests.command import run

COUNT = 10


def labelme(folder, number, points):
    shape = {"label": "thing", "points": points, "shape_type": "polygon"}
    content = {"shapes": [shape], "imagePath": f"v{number % 5}_{number}.png", "imageHeight": 40, "imageWidth": 50}
    (folder / f"v{number % 5}_{number}.json").write_text(json.dumps(content))


def coco(folder, number, points):
    path = folder / "instances.json"
    content = {"images": [], "annotations": [], "categories": [{"id": 1, "name": "thing"}]}
    content = json.loads(path.read_text()) if path.exists() else content
    name = f"v{number % 5}_{number}.png"
    content["images"].append({"id": number, "file_name": name, "width": 50, "height": 40})
    polygon = [value for point in points for value in point]
    content["annotations"].append({"id": number, "image_id": number, "category_id": 1, "segmentation": [polygon]})
    path.write_text(json.dumps(content))


def yolo(folder, number, points):
    (folder / "data.yaml").write_text("names: {0: thing}\n")
    shares = " ".join(f"{x / 50} {y / 40}" for x, y in points)
    (folder / f"v{number % 5}_{number}.txt").write_text(f"0 {shares}\n")


WRITERS = {"labelme": labelme, "coco": coco, "yolo": yolo}


@pytest.fixture
def call(tmp_path):
    return partial(run, "data", cwd=tmp_path)


def export(folder, kind):
    """Five videos of two frames each, 50x40, with one object."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    for number in range(COUNT):
        pixels = rng.integers(0, 80, (40, 50, 3)).astype(np.uint8)
        left = int(rng.integers(0, 20))
        pixels[10:30, left : left + 20] += 120
        Image.fromarray(pixels).save(folder / f"v{number % 5}_{number}.png")
        corners = [[left, 10], [left + 20, 10], [left + 20, 30], [left, 30]]
        WRITERS[kind](folder, number, corners)
    return folder


@pytest.mark.parametrize("kind", WRITERS)
def test_import_split_and_open(kind, tmp_path, call):
    src, out = export(tmp_path / "export", kind), tmp_path / "data"
    told = call("import", kind, src, out, "--json", tmp_path / "report.json").stdout
    assert "10 pictures imported: 8 in train.txt, 2 in val.txt" in told and "thing" in told
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["new"] and report["classes"]["thing"] == pytest.approx(0.2, abs=0.021)
    split = call("split", out, "--val", "0.4", "--group", "^(v[0-9])_", "--json", tmp_path / "split.json").stdout
    assert "train.txt   6 pictures in 3 groups" in split and "val.txt     4 pictures in 2 groups" in split
    assert "note: train.txt was another list, of 8 names, and is replaced" in split
    data = load_config(out / "data.yaml").data
    train, val = (open_dataset(data, split) for split in ("train", "val"))
    assert (len(train), len(val)) == (6, 4)
    assert not {name[:2] for name in train.ids} & {name[:2] for name in val.ids}
    assert json.loads((tmp_path / "split.json").read_text())["groups"] == {"train": 3, "val": 2}
    for dataset in (train, val):
        for image, label, _ in (dataset[index] for index in range(len(dataset))):
            # The object is the bright part; tools differ in whether the outline belongs to it.
            bright = image.mean(axis=2) > 100
            assert (label == 1)[bright].all() and (label == 1).sum() <= 21 * 21
    again = call("import", kind, src, out).stdout
    assert "10 pictures are there already, from the same files: nothing was changed" in again
    assert len(open_dataset(data, "val")) == 4


def test_what_was_left_out_is_told_by_reason(tmp_path, call):
    src = export(tmp_path / "export", "labelme")
    for number in range(7):
        (src / f"v{number % 5}_{number}.png").unlink()
    told = call("import", "labelme", src, tmp_path / "data").stdout
    assert (
        told.count("not imported: ") == 1
        and "7 pictures (v0_0.json, v0_5.json" in told
        and "is not there: put it into the folder" in told
    )
    assert "3 pictures imported" in told


def test_errors_are_one_sentence(tmp_path, call):
    src = export(tmp_path / "export", "coco")
    for arguments, status, words in (
        (("import", "pascal", src, tmp_path / "x"), 2, "choose cityscapes"),
        (("import", "masks", src, tmp_path / "x"), 2, "--classes"),
        (("import", "coco", tmp_path / "none", tmp_path / "x"), 1, "is not there"),
        (("import", "coco", src, src), 1, "holds something else"),
        (("split", tmp_path / "none"), 1, "cannot be read as a folder"),
        (("split", tmp_path, "--val", "2"), 1, "cannot be read as a folder"),
    ):
        printed = call(*arguments, status=status)
        assert words in printed.stderr and printed.stderr.count("\n") == 1


@pytest.mark.parametrize("command", ["import", "split"])
def test_help_shows_an_example(command, call):
    assert f"Example: segkit data {command}" in call(command, "--help").stdout


@pytest.mark.slow
def test_the_recipe_trains_as_it_is(tmp_path, call):
    src = export(tmp_path / "export", "labelme")
    call("import", "labelme", src, tmp_path / "data")
    small = ["train.iterations=3", "train.batch_size=2", "train.workers=0", "model.width=0.25", "model.weights=null"]
    done = run("train", tmp_path / "data/data.yaml", *small, "--out", tmp_path / "run", cwd="/")
    assert "best val mIoU" in done.stdout
    assert list((tmp_path / "run/overlays").glob("*.jpg"))
