"""What the one writer makes of any export: names, lists, the recipe, and what happens when it is run again."""

import json
import os
import shutil

import numpy as np
import pytest
from PIL import Image

from segkit.base.errors import ConfigError, DataError, OutputError
from segkit.base.pictures import read_picture
from segkit.data.folder import FolderDataset
from segkit.data.importers.importing import IMPORTERS, import_data
from segkit.data.importers.rules import Rules
from segkit.data.importers.writer import flat_names
from segkit.recipe.reading import load_config

SHAPE = {"label": "thing", "points": [[0, 0], [3, 0], [3, 3]]}


@pytest.fixture
def export(bench):
    """Ten pictures of 50x40 in YOLO's format; in each an object of 20x20."""
    bench.write("data.yaml", "names: [thing]\n")
    for number in range(10):
        bench.picture(f"images/{number}.png", 50, 40)
        bench.write(f"labels/{number}.txt", "0 0 0 0.39 0 0.39 0.49 0 0.49\n")
    return bench


def snapshot(folder):
    return {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in folder.rglob("*") if path.is_file()}


def test_the_recipe_is_complete(export, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    report = import_data("yolo", export.src, export.out.relative_to(tmp_path))
    monkeypatch.chdir("/")
    config = load_config(export.out / "data.yaml")
    data = config.data
    for split, count in (("train", 8), ("val", 2)):
        dataset = FolderDataset(
            data.root, split=split, classes=data.classes, images=data.images, labels=data.labels, list=data.list
        )
        assert len(dataset) == count == report["splits"][split]
        for image, label, name in (dataset[index] for index in range(count)):
            assert (image == read_picture(export.src / "images" / f"{name}.png")).all()
            assert label[:20, :20].all() and not label[20:].any() and not label[:, 20:].any()
    assert config.model.weights == "imagenet"
    assert config.train.crop == 33 and data.classes == ("background", "thing")
    assert report["split_by_chance"] and report["new"]
    assert report["classes"] == {"background": 0.8, "thing": 0.2}
    assert json.loads((export.out / "import.json").read_text())["pictures"] == report["pictures"]
    assert oct(export.out.stat().st_mode & 0o777) == oct(0o777 & ~_umask())


def _umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_run_again_it_changes_nothing(export):
    export.run("yolo")
    before = snapshot(export.out)
    for path in export.src.rglob("*.png"):
        os.utime(path)  # a copy of the same bytes is no change
    report = export.run("yolo")
    assert not report["new"] and snapshot(export.out) == before


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda src: (src / "labels/3.txt").write_text("0 0 0 1 0 1 1\n"), r"labels/3\.txt has changed"),
        (lambda src: Image.new("RGB", (9, 9)).save(src / "images/x.png"), r"images/x\.png is new"),
        (lambda src: (src / "images/4.png").unlink(), r"images/4\.png is gone"),
        (lambda src: shutil.rmtree(src / "labels"), r"labels/0\.txt is gone and 9 more"),
    ],
)
def test_a_changed_source_is_noticed(export, change, told):
    export.run("yolo")
    before = snapshot(export.out)
    change(export.src)
    with pytest.raises(DataError, match=f"are not the same \\({told}.*remove .*out and import again"):
        export.run("yolo")
    assert snapshot(export.out) == before


def test_an_import_that_lost_files_is_noticed(export):
    export.run("yolo")
    (export.out / "labels/7.png").unlink()
    with pytest.raises(DataError, match=r"has lost 1 of its files \(the first belongs to 7\.png\)"):
        export.run("yolo")


def test_a_folder_with_something_else_is_refused(export, tmp_path):
    export.out.mkdir()
    (export.out / "letter.txt").write_text("dear")
    with pytest.raises(OutputError, match="holds something else"):
        export.run("yolo")
    with pytest.raises(OutputError, match="holds something else"):
        import_data("yolo", export.src, export.src)
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="holds something else"):
        import_data("yolo", export.src, tmp_path / "file")
    (export.out / "import.json").write_text("[]")
    with pytest.raises(OutputError, match="is not what `segkit data import` writes"):
        export.run("yolo")
    assert (export.out / "letter.txt").read_text() == "dear"


def test_another_import_into_the_same_folder_is_refused(export, tmp_path):
    export.run("yolo")
    with pytest.raises(OutputError, match=r"was imported with another link \(False\)"):
        export.run("yolo", link=True)
    shutil.copytree(export.src, tmp_path / "copy")
    with pytest.raises(OutputError, match="was imported with another source"):
        import_data("yolo", tmp_path / "copy", export.out)


def test_into_an_empty_folder_inside_the_export(export):
    out = export.src / "made"
    out.mkdir()
    assert import_data("yolo", export.src, out)["new"]
    assert not import_data("yolo", export.src, out)["new"]
    assert len(list((out / "images").iterdir())) == 10


def test_nothing_half_written_stays(export, tmp_path, monkeypatch):
    calls = []

    def fail(done, total):
        calls.append(done)
        if done == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export.run("yolo", progress=fail)
    assert calls == [1, 2, 3, 4, 5]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["src"]


def test_links(export):
    export.run("yolo", link=True)
    link = export.out / "images/0.png"
    assert link.is_symlink() and link.resolve() == (export.src / "images/0.png").resolve()
    copied = export.out / "labels/0.png"
    assert not copied.is_symlink()


def test_broken_pictures_are_left_out(export):
    whole = (export.src / "images/1.png").read_bytes()
    (export.src / "images/1.png").write_bytes(whole[:200])
    (export.src / "images/2.png").write_bytes(b"")
    report = export.run("yolo")
    assert len(report["pictures"]) == 8
    assert [skip["reason"].split(" (")[0] for skip in report["skipped"]] == ["is broken or cut short", "is empty"]


def test_one_picture_has_no_validation(bench):
    bench.write("data.yaml", "names: [thing]\n")
    bench.picture("images/a.png")
    bench.write("labels/a.txt", "0 0 0 1 0 1 1\n")
    report = bench.run("yolo")
    assert report["splits"] == {"train": 1, "val": 0} and not report["split_by_chance"]


def test_a_picture_annotated_twice(bench):
    bench.picture("a.png")
    for name in ("one", "two"):
        content = {"shapes": [SHAPE], "imagePath": "a.png", "imageHeight": 4, "imageWidth": 6}
        bench.write(f"{name}.json", json.dumps(content))
    report = bench.run("labelme")
    assert len(report["pictures"]) == 1
    assert "annotated a second time" in report["skipped"][0]["reason"]


def test_wrong_arguments(bench, tmp_path):
    with pytest.raises(ConfigError, match="format 'pascal' is not known: choose cityscapes, coco, "):
        bench.run("pascal")
    with pytest.raises(DataError, match="is not there: give the folder of the export"):
        import_data("yolo", tmp_path / "none", bench.out)
    for kind in IMPORTERS:
        with pytest.raises(DataError, match="holds no files"):
            bench.run(kind)
    assert not bench.out.exists()


def test_one_file_of_the_export_may_be_given(export, tmp_path):
    assert import_data("yolo", export.src / "data.yaml", export.out)["new"]
    export.write("a.json", json.dumps({"shapes": [SHAPE], "imagePath": "images/1.png"}))
    export.write("b.json", json.dumps({"shapes": [SHAPE], "imagePath": "images/2.png"}))
    alone = import_data("labelme", export.src / "b.json", tmp_path / "alone")
    assert list(alone["pictures"]) == ["images_2.png"]
    beside = import_data("labelme", export.src / "b.json", tmp_path / "beside", images=export.src)
    assert set(beside["files"]) == {"b.json"} | {f"--images/images/{number}.png" for number in range(10)}
    (tmp_path / "export.zip").write_bytes(b"PK")
    with pytest.raises(DataError, match="unpack it"):
        import_data("coco", tmp_path / "export.zip", tmp_path / "zip")


def test_flat_names():
    names = ["city/a", "a", "city_a", "A", "b c/ä?*", "../x", "-rf", "", "n" * 300, "x\ny"]
    flat = flat_names(names)
    assert flat[:4] == ["city_a", "a_2", "city_a_2", "A"]
    assert flat[4:] == ["b_c_ä_", "_x", "rf", "picture", "n" * 100, "x_y"]
    assert len({name.casefold() for name in flat}) == len(names)
    assert flat_names(names[::-1]) == flat[::-1]


def test_square_and_half_turned_pictures_keep_their_annotation(bench):
    bench.write("data.yaml", "names: [thing]\n")
    for orientation in range(1, 9):
        bench.picture(f"images/{orientation}.jpg", 8, 8, orientation=orientation)
        bench.write(f"labels/{orientation}.txt", "0 0 0 0.12 0 0.12 0.12\n")
    bench.run("yolo")
    for orientation in range(1, 9):
        assert np.argwhere(np.array(bench.label(str(orientation)))).tolist() == [[0, 0]]


def test_what_is_left_out_is_counted_by_reason(bench):
    bench.write("data.yaml", "names: [thing]\n")
    for number in range(4):
        bench.picture(f"images/{number}.png")
        bench.write(
            f"labels/{number}.txt", "0 0.1 0.1 0.2 0.2\n" if number else "0 0 0 1 0 1 1\n0 0 0 1 1 1\n" + "0 0 0 1\n"
        )
    with pytest.raises(DataError, match="no picture could be imported; 4 were left out"):
        bench.run("yolo")
    bench.write("labels/0.txt", "0 0 0 1 0 1 1\n0 1.5 1.5 1.6 1.5 1.6 1.6\n0 0.5 0.5\n")
    report = bench.run("yolo")
    (boxes,) = report["left_out"]["pictures"].items()
    assert "it has an object that is a box" in boxes[0] and boxes[1] == 3
    assert report["left_out"]["objects"] == {
        "a polygon with fewer than three corners, which has no area": 1,
        "an object that covers no pixel of its picture": 1,
    }
    assert report["objects"] == 1
    assert json.loads((bench.out / "import.json").read_text())["left_out"] == report["left_out"]


def test_a_set_in_which_nothing_is_drawn_is_refused(bench):
    bench.write("data.yaml", "names: [thing]\n")
    for number in range(2):
        bench.picture(f"images/{number}.png")
        bench.write(f"labels/{number}.txt", "")
    with pytest.raises(DataError, match="nothing is drawn in any of the 2 pictures that could be imported: give"):
        bench.run("yolo")
    assert not bench.out.exists()


def test_one_class_alone_is_refused(bench):
    bench.picture("images/a.jpg", 3, 2)
    bench.mask("masks/a.png", [[255, 0, 0]] * 2)
    table = bench.write("../table.csv", "255,thing\n")
    with pytest.raises(DataError, match=r"one class alone \(thing\).*--unlabelled background"):
        bench.run("masks", classes=table)
    report = bench.run("masks", classes=table, rules=Rules(unlabelled="background"))
    assert list(report["classes"]) == ["background", "thing"]
    assert bench.label("a") == [[1, 0, 0]] * 2


def test_other_rules_into_the_same_folder_are_refused(export):
    export.run("yolo")
    with pytest.raises(OutputError, match=r"was imported with another order \(None\)"):
        export.run("yolo", rules=Rules(order="file"))


@pytest.mark.parametrize("rules", [{"boxes": "skip"}, {"order": "depth"}, {"unlabelled": "void"}, {"boxes": None}])
def test_rules_that_there_are_not(rules):
    with pytest.raises(ConfigError, match="is not known: choose "):
        Rules(**rules)


def test_several_processes(export, monkeypatch):
    monkeypatch.setattr("segkit.data.pool.FEW", 4)
    monkeypatch.setattr("segkit.data.importers.writer.available_cores", lambda: 2)
    done = []
    report = export.run("yolo", progress=lambda *pair: done.append(pair))
    assert len(report["pictures"]) == 10 and done == [(number, 10) for number in range(1, 11)]


def test_masks_that_are_too_many_to_keep_are_drawn_again(export, monkeypatch):
    export.write("labels/0.txt", "0 0 0 0.39 0 0.39 0.49 0 0.49\n" * 3)
    monkeypatch.setattr("segkit.data.importers.painting.KEPT", 500)
    export.run("yolo")
    assert sum(map(sum, export.label("0"))) == 400


def test_names_of_classes_that_differ_by_case(bench):
    bench.write("data.yaml", "names: [car, Car, 'car ']\n")
    bench.picture("images/a.png")
    bench.write("labels/a.txt", "2 0 0 1 0 1 1\n")
    report = bench.run("yolo")
    assert list(report["classes"]) == ["background", "car", "Car"]
    assert any(sentence.endswith("different classes: car, Car") for sentence in report["said"])
