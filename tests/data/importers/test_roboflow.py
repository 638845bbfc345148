"""Roboflow's "Semantic Segmentation Masks"."""

import pytest

from segkit.base.errors import DataError


def test_tables_of_the_folders_agree_by_name(bench):
    bench.picture("train/a_jpg.rf.0f.jpg", 3, 2)
    bench.mask("train/a_jpg.rf.0f_mask.png", [[0, 1, 2], [2, 1, 0]])
    bench.write("train/_classes.csv", "Pixel Value, Class\n0, background\n1, car\n2, road\n")
    bench.picture("valid/b.jpg", 3, 2)
    bench.mask("valid/b_mask.png", [[0, 1, 1], [0, 0, 0]])
    bench.write("valid/_classes.csv", "Pixel Value, Class\n0, background\n1, road\n")
    bench.picture("valid/c.jpg", 3, 2)
    report = bench.run("roboflow")
    assert list(report["classes"]) == ["background", "car", "road"]
    assert bench.label("a_jpg.rf.0f") == [[0, 1, 2], [2, 1, 0]]
    assert bench.label("b") == [[0, 2, 2], [0, 0, 0]]
    assert report["splits"] == {"train": 1, "val": 1}
    assert "no c_mask.png beside it" in report["skipped"][0]["reason"]


def test_another_export(bench):
    bench.picture("train/a.jpg")
    with pytest.raises(DataError, match=r"no _classes\.csv: choose \"Semantic Segmentation Masks\""):
        bench.run("roboflow")
