"""What is run on a picture is what `segkit evaluate` runs, but for the mistake."""

import numpy as np
import pytest
import torch

from segkit.base.labels import voc_palette
from segkit.data.dataset import Sample
from segkit.evaluation.evaluate import evaluate
from segkit.evaluation.inference import MF_SCALES
from tools.mistakes.networks import networks
from tools.mistakes.passes import GROUPS, Work


class One:
    def __init__(self, sample: Sample, classes: tuple[str, ...]) -> None:
        self.sample, self.classes, self.palette, self.ids = sample, classes, voc_palette(len(classes)), [sample.name]

    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: int) -> Sample:
        return self.sample


@pytest.fixture(scope="module")
def variants(load):
    return networks(load, torch.device("cpu"))


@pytest.fixture
def found(variants, sample):
    with torch.inference_mode():
        work = Work(sample, variants)
        return {name: counts for group in GROUPS.values() for name, counts in group.measure(work).items()}


def test_what_is_right_is_what_evaluate_finds(found, variants, sample) -> None:
    def evaluated(network: str, **how: object) -> dict:
        model = variants(network)
        return evaluate(model, One(sample, model.classes), **how).pictures[0].to_json()

    assert found["baseline"].to_json() == evaluated("os16")
    assert found["os8"].to_json() == evaluated("os8")
    assert found["mf"].to_json() == evaluated("os16", scales=MF_SCALES, flip=True)
    assert found["flip"].to_json() == evaluated("os16", flip=True)
    for scale in (0.5, 0.75, 1.25, 1.5, 1.75):
        assert found[f"scale_{scale:g}"].to_json() == evaluated("os16", scales=(scale,))
    assert found["bf16"].to_json() == evaluated("os16", precision=torch.bfloat16)


def test_each_group_gives_its_measurements_of_the_pixels_that_it_should_count(found, sample) -> None:
    assert set(found) == {name for group in GROUPS.values() for name in group.measurements}
    labelled, pixels = int((sample.label != 255).sum()), sample.label.size
    everywhere = {"ignore_as_background", "border"}
    in_square = {"resized", "bilinear_labels", "letterbox", "centre_crop"}
    for name, counts in found.items():
        assert counts.name == sample.name
        if name in in_square:
            assert 0 < counts.counts.sum() <= 65 * 65
        else:
            assert counts.counts.sum() == (pixels if name in everywhere else labelled), name


def test_most_mistakes_change_something_even_here(found) -> None:
    baseline = found["baseline"].to_json()
    for name in ("dilated_os16", "even_canvas", "imagenet", "eps", "bgr", "jpeg", "align_corners", "softmax_first"):
        assert found[name].to_json() != baseline, name
    assert found["symmetric_padding"].to_json() != found["even_canvas"].to_json()
    assert found["dilated_os8"].to_json() != found["os8"].to_json()
    assert found["bilinear_labels"].to_json() != found["resized"].to_json()


def test_one_sure_pass_outvotes_the_others_by_logits_and_not_by_probabilities(variants, sample, monkeypatch) -> None:
    def logits(images: torch.Tensor) -> torch.Tensor:
        small = images.shape[2] == 33  # scale 0.5, of which there are two passes: by far the surest, and for class 2
        scores = torch.zeros(1, 4, images.shape[2] // 16 + 1, images.shape[3] // 16 + 1)
        scores[:, 2 if small else 1] = 30 if small else 3
        return scores

    monkeypatch.setattr(variants("os16"), "logits", logits)
    with torch.inference_mode():
        found = GROUPS["mf"].measure(Work(sample, variants))
    predicted = {name: set((counts.cells % 4).tolist()) for name, counts in found.items()}
    assert predicted.pop("mf_logits") == predicted.pop("scale_0.5") == {2}
    assert all(classes == {1} for classes in predicted.values())


def test_passes_are_shared_within_a_picture(variants, sample, monkeypatch) -> None:
    network = variants("os16")
    seen = []
    logits = network.logits
    monkeypatch.setattr(network, "logits", lambda images: seen.append(tuple(images.shape)) or logits(images))
    with torch.inference_mode():
        work = Work(sample, variants)
        GROUPS["single"].measure(work)
        GROUPS["mf"].measure(work)
    assert len(seen) == 12
    sides = np.array(seen)[:, 2]
    assert sorted(set(sides.tolist())) == [33, 49, 65, 81, 97, 113]
