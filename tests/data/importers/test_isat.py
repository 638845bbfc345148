"""ISAT's JSON: polygons in layers."""

import json

import pytest

from segkit.base.errors import DataError


def item(category, polygon, *, layer=1.0, **more):
    return {"category": category, "group": 1, "segmentation": polygon, "layer": layer, "iscrowd": False, **more}


def write(bench, objects):
    bench.picture("pictures/a.png")
    info = {"description": "ISAT", "folder": "C:/photos", "name": "a.png", "width": 6, "height": 4, "depth": 3}
    bench.write("labels/a.json", json.dumps({"info": info, "objects": objects}))


def test_higher_layers_over_lower_ones(bench):
    """Edges belong to a polygon, and corners are cut to whole pixels; __background__ makes a hole."""
    road = [[0.9, 0], [5, 0], [5, 3], [0, 3]]
    write(
        bench,
        [
            item("__background__", [[3, 1], [4, 1], [4, 2.9], [3, 2]], layer=3.0),
            item("bush", [[4, 0], [5, 0], [5, 1]], layer=2.0, iscrowd=True),
            item("road", road),
            item("road", road[:2]),
        ],
    )
    report = bench.run(None)
    assert report["format"] == "isat" and list(report["classes"]) == ["background", "bush", "road"]
    assert bench.label("pictures_a") == [[2, 2, 2, 2, 1, 1], [2, 2, 2, 0, 0, 1], [2, 2, 2, 0, 0, 2], [2] * 6]
    assert [note["reason"][:14] for note in report["notes"]] == ["a polygon with"]


def test_the_order_of_the_classes(bench):
    write(bench, [item("a", [[0, 0], [5, 0], [5, 3]]), item("b", [[0, 0], [1, 0], [1, 3]])])
    bench.write("labels/isat.yaml", "label:\n- {name: __background__, color: '#000000'}\n- {name: b}\n- {name: c}\n")
    assert list(bench.run("isat")["classes"]) == ["background", "b", "c", "a"]


def test_no_file_of_isat(bench):
    bench.write("a.json", '{"info": {}, "objects": []}')
    with pytest.raises(DataError, match="no JSON file of ISAT"):
        bench.run("isat")
