"""The figures of a data set: by hand, by independent counting of saved label maps, and the reference figures."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from segkit.base.errors import DataError
from segkit.base.label_files import save_label
from segkit.base.labels import IGNORE
from segkit.data.dataset import Sample
from segkit.data.voc import VocDataset
from segkit.evaluation.evaluate import evaluate
from segkit.evaluation.inference import MF_SCALES, predict
from segkit.weights.build import load_model

SIZES = ((40, 52), (33, 70), (64, 48))


@pytest.fixture
def dataset(pictures, coloured):
    """Three pictures of different sizes in which ByColour is right but for one tenth of the first; no car (3)."""
    rng = np.random.default_rng(0)
    samples = []
    for number, size in enumerate(SIZES):
        label = rng.integers(0, 3, size).astype(np.uint8)
        image = coloured(label)
        label[:2, :5] = IGNORE
        samples.append(Sample(image, label, f"picture {number}"))
    samples[0].label[4:8] = 1
    return pictures(samples)


def test_by_hand(by_colour, dataset) -> None:
    counts = np.zeros((4, 4), int)
    for image, label, _ in dataset.samples:
        for truth, grey in zip(label.ravel().tolist(), image[..., 0].ravel().tolist(), strict=True):
            if truth != IGNORE:
                counts[truth, grey // 64] += 1
    result = evaluate(by_colour(), dataset)
    np.testing.assert_array_equal(result.confusion.counts, counts)
    assert counts.sum() == sum(height * width - 10 for height, width in SIZES)
    hits = np.diag(counts)
    ious = hits[:3] / (counts.sum(0) + counts.sum(1) - hits)[:3]
    assert list(result.iou) == ["sky", "road", "tree", "car"]
    np.testing.assert_allclose(list(result.iou.values()), [*ious, np.nan])
    assert 0.9 < result.miou < 1
    assert result.miou == pytest.approx(ious.mean())
    assert result.pixel_accuracy == hits.sum() / counts.sum()
    assert result.mean_accuracy == pytest.approx((hits[:3] / counts.sum(1)[:3]).mean())
    assert result.seconds > 0


def test_of_a_picture_only_its_own_few_counts_are_kept(by_colour, dataset) -> None:
    result = evaluate(by_colour(), dataset)
    assert [picture.name for picture in result.pictures] == list(dataset.ids)
    total = np.zeros(16, np.int64)
    for picture, (height, width) in zip(result.pictures, SIZES, strict=True):
        assert picture.cells.shape == picture.counts.shape
        assert len(picture.cells) <= 5  # three classes right, road for two others
        assert picture.counts.min() > 0
        assert picture.counts.sum() == height * width - 10
        total[picture.cells] += picture.counts
    np.testing.assert_array_equal(total.reshape(4, 4), result.confusion.counts)
    for array in (part for picture in result.pictures for part in (picture.cells, picture.counts)):
        assert array.base is None or array.base.size <= 16  # no map is held through a view


def test_progress(by_colour, dataset) -> None:
    calls = []
    evaluate(by_colour(), dataset, progress=lambda done, total: calls.append((done, total)))
    assert calls == [(1, 3), (2, 3), (3, 3)]


def test_what_else_stands_in_the_protocol(by_colour, dataset) -> None:
    about = {"weights": "best.safetensors", "split": "val"}
    result, plain = evaluate(by_colour(), dataset, about=about), evaluate(by_colour(), dataset)
    assert result.protocol == {**plain.protocol, **about}
    assert result.to_json()["protocol"] == dict(result.protocol)


def test_it_passes_on_how_to_predict(network, dataset) -> None:
    model = network(canvas=65)
    result = evaluate(model, dataset, scales=(0.5, 1), flip=True, window=33)
    assert result.protocol == {
        "pictures": 3,
        "output_stride": 16,
        "scales": [0.5, 1.0],
        "flip": True,
        "canvas": 65,
        "window": 33,
        "precision": "float32",
        "device": "cpu",
    }
    counts = np.zeros((4, 4), int)
    for image, label, _ in dataset.samples:
        images = torch.from_numpy(image).permute(2, 0, 1)[None]
        found = predict(model, images, scales=(0.5, 1), flip=True, window=33).argmax(1)[0].numpy()
        np.add.at(counts, (label[label != IGNORE], found[label != IGNORE]), 1)
    np.testing.assert_array_equal(result.confusion.counts, counts)


@pytest.mark.parametrize(
    ("output_stride", "canvas", "told"), [(16, None, "next 16k+1"), (32, None, "next 32k+1"), (16, 64, 65), (8, 65, 65)]
)
def test_the_canvas_in_the_protocol(by_colour, dataset, output_stride: int, canvas: int | None, told: object) -> None:
    assert evaluate(by_colour(canvas, output_stride), dataset).protocol["canvas"] == told


@pytest.mark.parametrize(("sizes", "told"), [({"side_step": 1}, "none"), ({"fixed_size": (70, 72)}, "72x70")])
def test_the_canvas_of_a_model_with_sizes_of_its_own(by_colour, dataset, sizes: dict, told: str) -> None:
    result, usual = evaluate(by_colour(**sizes), dataset), evaluate(by_colour(), dataset)
    assert result.protocol["canvas"] == told
    np.testing.assert_array_equal(result.confusion.counts, usual.confusion.counts)


def test_half_precision(network, dataset) -> None:
    model = network()
    kinds = []
    model.classifier.register_forward_hook(lambda layer, inputs, output: kinds.append(output.dtype))
    for precision in (torch.float32, torch.bfloat16):
        result = evaluate(model, dataset, precision=precision)
        assert result.protocol["precision"] == str(precision).removeprefix("torch.")
        assert result.confusion.counts.sum() == sum(height * width - 10 for height, width in SIZES)
    assert kinds == [torch.float32] * 3 + [torch.bfloat16] * 3


def test_json(by_colour, dataset) -> None:
    result = evaluate(by_colour(), dataset)
    text = json.dumps(result.to_json(), allow_nan=False)
    read = json.loads(text)
    assert read["iou"]["car"] is None
    assert read["iou"]["sky"] == result.iou["sky"]
    assert read["miou"] == result.miou
    assert read["counted_classes"] == 3
    assert read["classes"] == ["sky", "road", "tree", "car"]
    assert read["confusion"] == result.confusion.counts.tolist()
    assert read["protocol"]["pictures"] == len(read["pictures"]) == 3
    assert sum(sum(picture["counts"]) for picture in read["pictures"]) == result.confusion.counts.sum()


def test_nothing_labelled(by_colour, pictures) -> None:
    void = Sample(np.zeros((33, 40, 3), np.uint8), np.full((33, 40), IGNORE, np.uint8), "void")
    result = evaluate(by_colour(), pictures([void]))
    assert np.isnan(result.miou)
    assert len(result.pictures[0].cells) == 0
    read = json.loads(json.dumps(result.to_json(), allow_nan=False))
    assert read["miou"] is read["pixel_accuracy"] is read["mean_accuracy"] is read["iou"]["sky"] is None


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        (("sky", "road"), "the data set has 2 classes, the weights have 4: evaluate on the data"),
        (("sky", "road", "car", "tree"), "class 2 of the data set is 'car', of the weights 'tree': evaluate"),
    ],
)
def test_classes_of_another_data_set(by_colour, pictures, classes: tuple[str, ...], message: str) -> None:
    with pytest.raises(DataError, match=message):
        evaluate(by_colour(), pictures([], classes))


def test_label_of_another_size(by_colour, pictures) -> None:
    wrong = Sample(np.zeros((33, 40, 3), np.uint8), np.zeros((40, 33), np.uint8), "turned")
    with pytest.raises(ValueError, match="cannot be compared"):
        evaluate(by_colour(), pictures([wrong]))


def some_of_voc(shared: Path, pictures, step: int, count: int | None = None):
    """Every `step`-th picture of VOC val, read one at a time."""
    voc = VocDataset(shared / "data/voc2012", "val")
    chosen = range(0, len(voc), step)[:count]

    class Some(pictures):
        def __init__(self) -> None:
            super().__init__([], voc.classes)
            self.ids = [voc.ids[index] for index in chosen]

        def __len__(self) -> int:
            return len(chosen)

        def __getitem__(self, index: int) -> Sample:
            return voc[chosen[index]]

    return Some()


def test_label_maps_on_disk_counted_by_others_give_the_same(shared: Path, tmp_path: Path, pictures) -> None:
    model = load_model(shared / "weights/deeplabv3_mnv2_coco_voc_trainaug_8bit_tf.safetensors")
    some = some_of_voc(shared, pictures, 180, 4)
    for index, name in enumerate(some.ids):
        probabilities = predict(model, torch.from_numpy(some[index].image).permute(2, 0, 1)[None])
        save_label(tmp_path / f"{name}.png", probabilities[0].argmax(0).to(torch.uint8).numpy(), model.palette)

    intersection, union, right, labelled = np.zeros(21), np.zeros(21), 0, 0
    for name in some.ids:
        folder = shared / "data/voc2012/VOCdevkit/VOC2012/SegmentationClass"
        truth, guess = (np.array(Image.open(path / f"{name}.png")) for path in (folder, tmp_path))
        right += ((truth == guess) & (truth != 255)).sum()
        labelled += (truth != 255).sum()
        for label in range(21):
            intersection[label] += ((truth == label) & (guess == label)).sum()
            union[label] += ((truth == label) | (guess == label))[truth != 255].sum()
    expected = (intersection[union > 0] / union[union > 0]).mean()

    result = evaluate(model, some)
    assert result.miou == pytest.approx(expected, abs=1e-12)
    assert result.pixel_accuracy == right / labelled
    assert result.confusion.counted_classes == (union > 0).sum() < 21
    assert result.pixel_accuracy > 0.8


@pytest.mark.slow
@pytest.mark.parametrize(
    ("data", "output_stride", "mf", "miou", "pixel_accuracy"),
    [
        ("trainval", 16, False, 81.33, 96.33),
        ("trainval", 8, False, 82.80, 96.69),
        ("trainaug_8bit", 16, False, 73.05, 93.74),
        ("trainaug_8bit", 8, False, 73.33, 93.84),
        ("trainaug_8bit", 8, True, 75.09, 94.32),
    ],
)
def test_reference_figures(
    shared: Path, pictures, data: str, output_stride: int, mf: bool, miou: float, pixel_accuracy: float
) -> None:
    """What independent code measured with the official weights on every tenth picture of VOC val."""
    path = shared / f"weights/deeplabv3_mnv2_coco_voc_{data}_tf.safetensors"
    part = some_of_voc(shared, pictures, 10)
    scales = MF_SCALES if mf else (1.0,)
    result = evaluate(load_model(path, output_stride=output_stride), part, scales=scales, flip=mf)
    assert len(part) == 145
    assert result.protocol["canvas"] == 513
    assert 100 * result.miou == pytest.approx(miou, abs=0.05)
    assert 100 * result.pixel_accuracy == pytest.approx(pixel_accuracy, abs=0.05)
