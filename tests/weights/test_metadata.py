import json

import pytest
import torch
from safetensors.torch import save_file

from segkit.base.errors import WeightsError
from segkit.models.build import build_network
from segkit.weights.files import read_weights
from segkit.weights.metadata import METADATA_KEY, Metadata

CLASSES = ("sky", "road", "car")


@pytest.fixture(scope="module")
def metadata():
    """The metadata of a network as it stands in a file: plain JSON."""
    options = {"stem": "7x7", "strided_unit": "first", "multi_grid": (1, 1, 1), "eps": 1e-5}
    model = build_network("resnet101", classes=CLASSES, options=options, canvas=385)
    return json.loads(Metadata.of(model, training={"miou": 61.5}, segkit_version="1.2.3").model_dump_json())


def edited(metadata, path, value):
    """A copy in which the value under `path` ("architecture.backbone") is another."""
    copy = json.loads(json.dumps(metadata))
    inner = copy
    *way, last = path.split(".")
    for key in way:
        inner = inner[key]
    inner[last] = value
    return copy


def test_says_all_that_is_needed(metadata):
    weights = Metadata.model_validate(metadata).weights({})
    assert (weights.source, weights.backbone) == ("segkit", "resnet101")
    assert weights.options == {"stem": "7x7", "strided_unit": "first", "multi_grid": (1, 1, 1), "eps": 1e-5}
    assert (weights.classes, weights.canvas, weights.training) == (CLASSES, 385, {"miou": 61.5})
    assert weights.palette == ((0, 0, 0), (128, 0, 0), (0, 128, 0))
    assert weights.mean == weights.std == (127.5, 127.5, 127.5)


def test_an_option_that_is_null_is_left_out(metadata):
    options = metadata["architecture"]["options"] | {"width": None, "eps": None}
    read = Metadata.model_validate(edited(metadata, "architecture.options", options))
    assert read.architecture.options == {"stem": "7x7", "strided_unit": "first", "multi_grid": (1, 1, 1)}


def test_is_readable(metadata):
    assert metadata["architecture"]["backbone"] == "resnet101"
    assert metadata["segkit_version"] == "1.2.3"


BAD = [
    ("format", 2, "format"),
    ("architecture.backbone", "vgg16", "unknown backbone 'vgg16': choose one of mobilenet_v1"),
    ("architecture.backbone", "mobilenet_v2", "mobilenet_v2 has no option 'stem'"),
    ("architecture.options.width", 0.5, "resnet101 has no option 'width'"),
    ("architecture.options.eps", 1e9, "eps: Input should be less than or equal to 1"),
    ("architecture", {"backbone": "mobilenet_v2", "aspp": True, "options": {"width": 1e9}}, "less than or equal to 4"),
    ("architecture.options.multi_grid", [1, 1, 10**9], "less than or equal to 32"),
    ("architecture.options.stem", "__import__('os')", "stem"),
    ("architecture.options.depth", 3, "depth"),
    ("classes", ["x"] * 256, "at most 255"),
    ("classes", [], "at least 1"),
    ("classes", ["a", "b"], "3 colours for 2 classes"),
    ("palette", [[0, 0, 0], [0, 0, 300], [1, 1, 1]], "outside 0..255"),
    ("std", [127.5, 127.5, 0], "greater than 0"),
    ("mean", [127.5, float("nan"), 0], "finite number"),
    ("canvas", 10**9, "less than or equal to 2049"),
    ("output_stride", 7, "8, 16 or 32"),
    ("surprise", 1, "surprise"),
]


@pytest.mark.parametrize(("path", "value", "said"), BAD)
def test_edited_metadata_is_refused_in_one_sentence(metadata, tmp_path, path, value, said):
    file = tmp_path / "edited.safetensors"
    save_file({"x": torch.ones(1)}, file, {METADATA_KEY: json.dumps(edited(metadata, path, value))})
    with pytest.raises(WeightsError, match=said) as refusal:
        read_weights(file)
    assert str(refusal.value).startswith(f"{file}: ")
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "[" * 10_000, "\x00"])
def test_broken_json_is_refused_in_one_sentence(tmp_path, text):
    file = tmp_path / "broken.safetensors"
    save_file({"x": torch.ones(1)}, file, {METADATA_KEY: text})
    with pytest.raises(WeightsError, match="the metadata cannot be used") as refusal:
        read_weights(file)
    assert "\n" not in str(refusal.value)
