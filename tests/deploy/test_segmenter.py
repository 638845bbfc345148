"""Files of other makers as segmenters, by their ports and what is told of them."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from segkit.base.errors import ConfigError, SegkitError, WeightsError
from segkit.base.labels import VOC_CLASSES
from segkit.deploy.foreign import InputTold
from segkit.deploy.formats import Opened, Port, is_exported, split_runtime
from segkit.deploy.segmenter import segmenter_of
from segkit.evaluation.inference import predict, predict_labels

PATH = Path("foreign.onnx")
PICTURE = torch.arange(2 * 3 * 3).reshape(1, 3, 2, 3).to(torch.uint8)


def opened(takes, gives, run=lambda pictures: pictures, *, dtypes=("float32", "float32")) -> Opened:
    return Opened(None, Port(takes, np.dtype(dtypes[0])), Port(gives, np.dtype(dtypes[1])), run)


@pytest.mark.parametrize("layout", ["nchw", "nhwc"])
def test_floats_are_normalised_and_axes_follow(layout: str) -> None:
    taken = []

    def run(pictures: np.ndarray) -> np.ndarray:
        taken.append(pictures)
        return pictures  # three logits: the normalised colours

    sizes = (1, 3, 4, 5) if layout == "nchw" else (1, 4, 5, 3)
    told = InputTold((1.0, 2.0, 3.0), (2.0, 4.0, 8.0))
    model = segmenter_of(PATH, opened(sizes, sizes, run), told=told)
    assert model.fixed_size == (4, 5) and model.side_step == 1 and model.output_stride is None
    assert model.classes == ("class 0", "class 1", "class 2")
    found = predict(model, PICTURE)
    (given,) = taken
    assert given.dtype == np.float32 and given.shape == sizes
    whole = given if layout == "nchw" else given.transpose(0, 3, 1, 2)
    normal = (PICTURE.float() - torch.tensor(told.mean).view(1, 3, 1, 1)) / torch.tensor(told.std).view(1, 3, 1, 1)
    assert np.array_equal(whole[:, :, :2, :3], normal.numpy()) and not whole[:, :, 2:].any()  # the padding is 0
    assert torch.equal(found, normal.softmax(1))


def test_labels_of_whole_numbers() -> None:
    def run(pictures: np.ndarray) -> np.ndarray:
        assert pictures.dtype == np.uint8
        return pictures[..., 0].astype(np.int64) % 30

    model = segmenter_of(PATH, opened((1, 4, 5, 3), (1, 4, 5), run, dtypes=("uint8", "int64")), classes=VOC_CLASSES)
    assert torch.equal(predict_labels(model, PICTURE), PICTURE[:, 0])
    with pytest.raises(WeightsError, match=r"gives class 29 of 21"):
        model.labels(torch.full((1, 3, 4, 5), 29.0))
    assert model.told == {}
    with pytest.raises(ConfigError, match=r"labels alone.*or have its maker"):
        predict(model, PICTURE, flip=True)


@pytest.mark.parametrize(("dtype", "wrong"), [("uint16", 300), ("uint32", 300), ("uint64", 300), ("int8", -5)])
def test_labels_of_any_whole_numbers_and_any_batch(dtype: str, wrong: int) -> None:
    made = np.full((1, 4, 5), 7, dtype)
    ports = (1, 4, 5, 3), (None, None, None)
    model = segmenter_of(PATH, opened(*ports, lambda pictures: made, dtypes=("uint8", dtype)), classes=VOC_CLASSES)
    assert (predict_labels(model, PICTURE) == 7).all()
    made[0, 0, 0] = wrong
    with pytest.raises(WeightsError, match=rf"gives class {wrong} of 21"):
        predict_labels(model, PICTURE)


def test_what_is_made_is_held_against_the_picture() -> None:
    """A file may leave the sizes of its output open; how fewer logits are to be upsampled is not told."""
    quarter = np.zeros((1, 21, 1, 1), np.float16)
    sizes = (1, 3, None, None), (1, 21, None, None)
    model = segmenter_of(PATH, opened(*sizes, lambda pictures: quarter, dtypes=("uint8", "float16")))
    for call in (predict_labels, predict):
        with pytest.raises(WeightsError, match=r"gives \(1, 21, 1, 1\) for a picture of 3x2 pixels, not 21 values"):
            call(model, PICTURE)
    whole = np.zeros((1, 21, 2, 3), np.float16)
    model = segmenter_of(PATH, opened(*sizes, lambda pictures: whole, dtypes=("uint8", "float16")))
    assert predict(model, PICTURE).dtype == torch.float32


def test_what_a_file_tells_of_itself_may_be_wrong() -> None:
    about = {"output": "logits", "size": [33, 33], "side_step": 16, "canvas": None, "stretch": None, "half": False}
    about |= {"output_stride": 16, "mean": [0, 0, 0], "std": [1, 1, 1], "classes": ["a", "b"], "parameters": 1}
    about |= {"palette": [[0, 0, 0], [255, 0, 0]], "told": {"trained_on": ["VOC"], "pictures": 9, "scales": "all"}}

    def own(made: np.ndarray | None = None, **others):
        of_file = opened((1, 33, 33, 3), made.shape if made is not None else (1,), lambda pictures: made)
        return segmenter_of(PATH, of_file._replace(told=json.dumps(about | others)))

    logits = np.zeros((1, 2, 3, 3), np.float32)
    model = own(logits)
    assert not predict_labels(model, PICTURE).any()
    assert model.told == {"trained_on": ["VOC"], "exported_from": None}  # pictures and scales are segkit's to tell
    for made, output in ((np.zeros((1, 3, 3, 3)), "logits"), (np.zeros((1, 33, 33)), "logits"), (logits, "labels")):
        with pytest.raises(WeightsError, match="for a picture of 33x33 pixels, not"):
            predict_labels(own(made, output=output), PICTURE)
    for wrong in (
        {"canvas": -7},
        {"canvas": 10**9},
        {"side_step": 10**9},
        {"size": [10**6, 33]},
        {"stretch": [9, 3]},
        {"palette": [[300, 0, 0]] * 2},
        {"told": {"trained_on": 5}},
    ):
        with pytest.raises(WeightsError, match=r"its metadata are wrong .*: export it again"):
            own(**wrong)


def test_probabilities_are_known_by_their_sums() -> None:
    chances = torch.rand(1, 4, 2, 3, generator=torch.Generator().manual_seed(0)).softmax(1)
    told = InputTold((0.0,) * 3, (255.0,) * 3)
    sizes = (1, 3, None, None), (1, 4, None, None)
    model = segmenter_of(PATH, opened(*sizes, lambda pictures: chances.numpy()), told=told)
    assert model.fixed_size is None
    assert torch.allclose(predict(model, PICTURE), chances, atol=1e-6)  # of float32, behind log and softmax


@pytest.mark.parametrize(
    ("takes", "gives", "dtypes", "told", "words"),
    [
        ((1, 3, 4, 5), (1, 21, 4, 5), ("float32", "float32"), None, r"give --mean and --std"),
        ((1, 3, 4, 5), (1, 21, 4, 5), ("uint8", "float32"), InputTold((0.0,) * 3), r"leave out --mean"),
        ((1, 3, 4, 5), (1, 21, 4, 5), ("int32", "float32"), None, r"takes int32 \(1, 3, 4, 5\), not uint8"),
        ((1, 3, 4, 3), (1, 21, 4, 3), ("uint8", "float32"), None, r"nchw or nhwc: give --layout"),
        ((1, 3, 4, 5), (1, 21, 4, 5), ("uint8", "float32"), InputTold(layout="nhwc"), r"is not nhwc"),
        ((1, 1, 4, 5), (1, 21, 4, 5), ("uint8", "float32"), None, r"no pictures of three colours"),
        ((8, 3, 4, 5), (8, 21, 4, 5), ("uint8", "float32"), None, r"batch of one"),
        ((1, 10), (1, 21), ("float32", "float32"), None, r"not one picture"),
        ((1, 3, 4, 5), (1, 21, 2, 3), ("uint8", "float32"), None, r"gives float32 \(1, 21, 2, 3\), not a class or"),
        ((1, 3, 4, 5), (1, 1, 4, 5), ("uint8", "float32"), None, r"not a class or 2 to 255 logits"),
        ((1, 3, 4, 5), (1, 1000), ("uint8", "float32"), None, r"gives float32 \(1, 1000\)"),
        ((1, 3, 4, 5), (1, 19, 4, 5), ("uint8", "float32"), None, r"has 19 classes, not 21"),
    ],
)
def test_what_cannot_be_told_is_one_sentence(takes, gives, dtypes, told, words) -> None:
    with pytest.raises(SegkitError, match=words) as found:
        segmenter_of(PATH, opened(takes, gives, dtypes=dtypes), told=told, classes=VOC_CLASSES)
    assert str(PATH) in str(found.value)


def test_what_a_runtime_refuses_is_one_sentence() -> None:
    def run(pictures: np.ndarray) -> np.ndarray:
        raise RuntimeError("Exception from src/infer.cpp:117:\n\nsides of 32k alone\nat node 7")

    sizes = (1, 3, None, None), (1, 21, None, None)
    model = segmenter_of(PATH, opened(*sizes, run, dtypes=("uint8", "float32")))
    with pytest.raises(WeightsError, match=r"does not run on 3x2 pixels \(sides of 32k alone\)"):
        predict_labels(model, PICTURE)


def test_a_runtime_is_the_ending_or_said_before_the_file() -> None:
    assert split_runtime("openvino:a/model.onnx") == ("openvino", Path("a/model.onnx"))
    assert split_runtime("a/MODEL.ONNX") == ("onnx", Path("a/MODEL.ONNX"))
    assert split_runtime("hf://owner/name") == (None, Path("hf://owner/name"))
    assert is_exported(Path("openvino:model.onnx")) and not is_exported("best.safetensors")
