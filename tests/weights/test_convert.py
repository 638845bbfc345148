import hashlib
import json

import pytest
import torch
from safetensors import safe_open

from segkit.base.errors import OutputError, WeightsError
from segkit.base.labels import VOC_CLASSES
from segkit.models.build import build_classifier, build_network
from segkit.weights.build import load_model
from segkit.weights.convert import convert
from segkit.weights.lineage import read_lineage
from tests.weights.tensorflow import writers
from tests.weights.tensorflow_names import TENSORFLOW, as_tensorflow


def test_a_checkpoint_becomes_segkits_own_file(tmp_path, randomise, pictures):
    options = {**TENSORFLOW, "width": 0.25, "divisor": 1}
    theirs = randomise(build_network("mobilenet_v2", classes=VOC_CLASSES, aspp=False, options=options))
    folder = tmp_path / "deeplabv3_mnv2_pascal_train_aug"  # as in the archive of the model zoo
    index = writers.write_bundle(folder / "model.ckpt-30000", as_tensorflow(theirs), shards=2)
    out = tmp_path / "out/own.safetensors"
    told = convert("model.ckpt-30000", index, out)
    assert told == {
        "source": "model.ckpt-30000",
        "address": None,
        "sha256": {
            file.name: hashlib.sha256(file.read_bytes()).hexdigest()
            for file in (index, *sorted(folder.glob("*.data-*")))
        },
        "trained_on": ["COCO", "ImageNet", "VOC train_aug"],
    }
    with safe_open(out, "pt") as opened:
        assert json.loads(opened.metadata()["segkit"])["training"] == {"converted": told}
    with torch.no_grad():
        assert torch.equal(load_model(out)(pictures(65)), load_model(index)(pictures(65)))
    assert read_lineage(out).trained_on == read_lineage(index).trained_on == tuple(told["trained_on"])
    with pytest.raises(OutputError, match="is there already"):
        convert("model.ckpt-30000", index, out)
    with pytest.raises(WeightsError, match="own file already"):
        convert(out, out, tmp_path / "again.safetensors")
    assert not (tmp_path / "again.safetensors").exists()


def test_a_classifier_is_no_network_to_convert(tmp_path, saved):
    path = saved(as_tensorflow(build_classifier("mobilenet_v1", num_classes=5, options=TENSORFLOW)))
    with pytest.raises(WeightsError, match="holds a mobilenet_v1 classifier"):
        convert(path, path, tmp_path / "out.safetensors")
    assert not (tmp_path / "out.safetensors").exists()
