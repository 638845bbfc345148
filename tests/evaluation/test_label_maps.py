"""Label maps of any tool, scored as a network's own predictions; and those that cannot be."""

import re

import numpy as np
import pytest
from PIL import Image

from segkit.base.errors import DataError
from segkit.base.label_files import save_label
from segkit.base.labels import IGNORE, palette_table
from segkit.data.dataset import Sample
from segkit.evaluation.evaluate import evaluate
from segkit.evaluation.inference import predict_label
from segkit.evaluation.label_maps import LabelMaps, evaluate_maps

SIZES = ((40, 52), (33, 70), (64, 48))


@pytest.fixture
def dataset(pictures, coloured):
    """Three pictures of noise in four classes, which ByColour sees as they are; a tenth of the labels are wrong."""
    rng = np.random.default_rng(0)
    samples = []
    for number, size in enumerate(SIZES):
        label = rng.integers(0, 4, size).astype(np.uint8)
        image = coloured(label)
        wrong = rng.random(size) < 0.1
        label[wrong] = rng.integers(0, 4, wrong.sum())
        label[:2, :5] = IGNORE
        samples.append(Sample(image, label, f"picture {number}"))
    return pictures(samples)


@pytest.fixture
def written(dataset, by_colour, tmp_path):
    """A folder with what ByColour predicts, as `segkit predict` writes it."""
    for sample in dataset.samples:
        prediction = predict_label(by_colour(), sample.image)
        save_label(tmp_path / "maps" / f"{sample.name}.png", prediction, dataset.palette)
    return tmp_path / "maps"


def read(path):
    return np.array(Image.open(path))


def test_maps_of_a_network_count_as_the_network_to_the_pixel(dataset, written, by_colour) -> None:
    expected = evaluate(by_colour(), dataset)
    calls, kept = [], []
    found = evaluate_maps(
        LabelMaps(written, dataset),
        dataset,
        about={"split": "val"},
        keep=lambda index, sample, prediction: kept.append((index, sample.name, prediction)),
        progress=lambda done, total: calls.append((done, total)),
    )
    assert found.pictures == expected.pictures and found.classes == expected.classes
    assert 0.7 < found.miou == expected.miou and found.miou_interval == expected.miou_interval
    assert dict(found.protocol) == {"pictures": 3, "predictions": str(written), "split": "val"}
    assert calls == [(1, 3), (2, 3), (3, 3)]
    for (index, name, prediction), sample in zip(kept, dataset.samples, strict=True):
        assert dataset.ids[index] == name == sample.name
        np.testing.assert_array_equal(prediction, predict_label(by_colour(), sample.image))


def test_grey_and_coloured_maps_are_the_same_as_indexed_ones(dataset, written, by_colour) -> None:
    first, second, _ = (written / f"{name}.png" for name in dataset.ids)
    Image.fromarray(read(first)).save(first)
    colours = np.array(palette_table(dataset.palette), np.uint8)
    Image.fromarray(colours[read(second)]).save(second)
    assert [Image.open(path).mode for path in (first, second)] == ["L", "RGB"]
    assert evaluate_maps(LabelMaps(written, dataset), dataset).pictures == evaluate(by_colour(), dataset).pictures


def test_maps_of_other_pictures_are_left_out_and_told(dataset, written) -> None:
    before = evaluate_maps(LabelMaps(written, dataset), dataset)
    (written / "another.png").write_bytes(b"not even a picture")
    maps = LabelMaps(written, dataset)
    assert [path.name for path in maps.others] == ["another.png"]
    assert evaluate_maps(maps, dataset).pictures == before.pictures


def test_a_missing_map_is_refused_before_anything_is_scored(dataset, written) -> None:
    (written / "picture 1.png").unlink()
    with pytest.raises(DataError, match=r"maps has no label map for 1 of the 3 pictures \(such as picture 1.png\)"):
        LabelMaps(written, dataset)
    with pytest.raises(DataError, match=r"nowhere cannot be read.*--predictions.*folder labels of its --out$"):
        LabelMaps(written / "nowhere", dataset)


def test_a_map_of_another_size_is_refused(dataset, written) -> None:
    path = written / "picture 2.png"
    Image.fromarray(read(path)[:-1]).save(path)
    with pytest.raises(DataError, match=re.escape(f"{path} is 48x63 pixels, but its picture 48x64")):
        evaluate_maps(LabelMaps(written, dataset), dataset)


def test_what_is_no_class_is_refused_only_where_it_is_scored(dataset, written) -> None:
    before = evaluate_maps(LabelMaps(written, dataset), dataset)
    path = written / "picture 0.png"
    prediction = read(path)
    prediction[:2, :5] = IGNORE  # as the labels have it there
    save_label(path, prediction, dataset.palette)
    assert evaluate_maps(LabelMaps(written, dataset), dataset).pictures == before.pictures
    prediction[10, 10:12] = 4
    save_label(path, prediction, dataset.palette)
    with pytest.raises(
        DataError, match=r"picture 0.png holds 4 at 2 pixels that are scored, but the classes are 0 to 3"
    ):
        evaluate_maps(LabelMaps(written, dataset), dataset)
