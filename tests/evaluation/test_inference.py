"""Whole pictures to probabilities, against plain re-implementations."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from segkit.base.errors import ConfigError
from segkit.evaluation import inference
from segkit.evaluation.inference import MF_SCALES, canvas_of, pad, predict, predict_label, predict_labels
from segkit.models.build import build_network


def picture(height: int, width: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(1, 3, 4, 5, generator=generator)
    smooth = nn.functional.interpolate(coarse, size=(height, width), mode="bicubic")
    noise = torch.rand(1, 3, height, width, generator=generator)
    return (255 * (0.8 * smooth + 0.2 * noise)).clamp(0, 255).to(torch.uint8)


@pytest.mark.parametrize("size", [(33, 33), (48, 64), (33, 40), (65, 49), (5, 7), (1, 1)])
@pytest.mark.parametrize("canvas", [None, 65])
def test_probabilities_at_the_pictures_own_size(network, size: tuple[int, int], canvas: int | None) -> None:
    probabilities = predict(network(canvas=canvas), picture(*size), scales=(0.75, 1.0), flip=True)
    assert probabilities.shape == (1, 4, *size)
    assert probabilities.dtype == torch.float32
    assert probabilities.min() >= 0
    torch.testing.assert_close(probabilities.sum(1), torch.ones(1, *size))
    if min(size) > 30:
        assert probabilities.std((2, 3)).min() > 1e-3  # the network answers to places, so this proves something


def test_one_scale_is_the_softmax_of_the_padded_picture(network) -> None:
    model = network(canvas=65)
    image = picture(40, 52)
    padded = model.mean.expand(1, 3, 65, 65).clone()
    padded[:, :, :40, :52] = image
    with torch.no_grad():
        expected = model(padded).softmax(1)[:, :, :40, :52]
    assert torch.equal(predict(model, image), expected)
    assert torch.equal(predict(model, image.float()), expected)


def test_several_pictures_at_once(network) -> None:
    images = torch.cat([picture(40, 52, seed) for seed in range(3)])
    alone = torch.cat([predict(network(), image[None], scales=(0.5, 1)) for image in images])
    torch.testing.assert_close(predict(network(), images, scales=(0.5, 1)), alone)


def test_padding_is_nothing_but_the_mean(network, by_colour) -> None:
    model = network(canvas=81)
    image = picture(40, 52).float()
    padded = pad(image, model.mean, canvas_of(model, 40, 52))
    assert padded.shape == (1, 3, 81, 81)
    assert torch.equal(padded[:, :, :40, :52], image)
    normalised = (padded - model.mean) / model.std
    normalised[:, :, :40, :52] = 0
    assert not normalised.any()
    segmenter = by_colour(canvas=81)
    predict(segmenter, picture(40, 52))
    assert torch.equal(segmenter.seen[0], padded)


def test_the_input_is_left_as_it_is(network) -> None:
    image = picture(33, 49).float()
    before = image.clone()
    predict(network(), image, scales=(1.0, 1.5), flip=True)
    assert torch.equal(image, before)


def test_the_sizes_that_the_model_sees(by_colour) -> None:
    segmenter = by_colour(canvas=513)
    predict(segmenter, picture(375, 500), scales=MF_SCALES, flip=True)
    sides = [257, 257, 385, 385, 513, 513, 641, 641, 769, 769, 897, 897]
    assert [tuple(seen.shape) for seen in segmenter.seen] == [(1, 3, side, side) for side in sides]
    segmenter = by_colour(output_stride=32)
    predict(segmenter, picture(33, 40), scales=(1.0, 1.5))
    assert [tuple(seen.shape[2:]) for seen in segmenter.seen] == [(33, 65), (65, 97)]


def test_a_model_of_any_side_sees_the_picture_alone(by_colour) -> None:
    segmenter = by_colour(side_step=1)
    predict(segmenter, picture(33, 40), scales=(0.5, 1.0, 1.3))
    assert [tuple(seen.shape[2:]) for seen in segmenter.seen] == [(17, 21), (33, 40), (43, 52)]


@pytest.mark.parametrize(
    ("size", "window", "passes"), [((33, 40), None, 1), ((48, 64), None, 1), ((49, 64), None, 2), ((60, 70), 40, 6)]
)
def test_a_model_of_one_size_sees_nothing_else(
    by_colour, size: tuple[int, int], window: int | None, passes: int
) -> None:
    segmenter, image = by_colour(canvas=513, fixed_size=(48, 64)), picture(*size)
    found = predict(segmenter, image, flip=True, window=window)
    assert [tuple(seen.shape[2:]) for seen in segmenter.seen] == [(48, 64)] * 2 * passes
    torch.testing.assert_close(found, predict(by_colour(), image))


def test_a_model_of_one_size_has_one_scale(by_colour) -> None:
    with pytest.raises(ConfigError, match=r"takes pictures of 64x48 pixels alone and has no scale 0\.5: predict at"):
        predict(by_colour(fixed_size=(48, 64)), picture(33, 40), scales=(1.0, 0.5))


def test_flip_makes_mirrored_pictures_give_mirrored_answers(network) -> None:
    model = network()
    image = picture(49, 65)  # no padding, which would be on one side only
    for flip, equal in ((True, True), (False, False)):
        straight = predict(model, image, scales=(0.75, 1.0), flip=flip)
        mirrored = predict(model, image.flip(3), scales=(0.75, 1.0), flip=flip).flip(3)
        assert torch.allclose(straight, mirrored, atol=1e-5) is equal


def bilinear(size: int, onto: int) -> np.ndarray:
    """The (onto, size) matrix that resizes a line with its two ends kept in place."""
    weights = np.zeros((onto, size))
    for i in range(onto):
        place = i * (size - 1) / (onto - 1)
        low = min(int(place), size - 2)
        weights[i, low] = 1 - (place - low)
        weights[i, low + 1] = place - low
    return weights


def resized(maps: np.ndarray, side: int) -> np.ndarray:
    return bilinear(maps.shape[1], side) @ maps @ bilinear(maps.shape[2], side).T


@pytest.mark.parametrize("output_stride", [8, 16])
def test_mf_as_it_is_defined(network, output_stride: int) -> None:
    """Each scale from the padded picture, each mirrored, logits back to its size, the mean of all softmax maps.

    Here from the network's small map in one step, as TF DeepLab does: sides of 16k+1 make both ways the same.
    """
    model = network(output_stride=output_stride, canvas=65)
    image = picture(40, 52)
    padded = np.empty((3, 65, 65))
    padded[:] = np.array([123.675, 116.28, 103.53])[:, None, None]
    padded[:, :40, :52] = image[0].numpy()
    total = np.zeros((4, 65, 65))
    for scale in (0.5, 0.75, 1.0, 1.25, 1.5, 1.75):
        scaled = resized(padded, int(64 * scale) + 1)
        for step in (1, -1):
            with torch.no_grad():
                small = model.logits(torch.from_numpy(scaled[:, :, ::step].copy()).float()[None])[0].double().numpy()
            exponents = np.exp(resized(small[:, :, ::step], 65))
            total += exponents / exponents.sum(0)
    expected = total[:, :40, :52] / 12
    found = predict(model, image, scales=MF_SCALES, flip=True)[0].numpy()
    assert expected.std((1, 2)).min() > 1e-3
    np.testing.assert_allclose(found, expected, atol=2e-5)


def test_a_window_as_large_as_the_picture_changes_nothing(network) -> None:
    model, image = network(), picture(40, 65)
    whole = predict(model, image, scales=(0.75, 1.0), flip=True)
    for window in (65, 66, 1000):
        assert torch.equal(predict(model, image, scales=(0.75, 1.0), flip=True, window=window), whole)


@pytest.mark.parametrize("size", [(100, 131), (33, 131), (131, 40)])
@pytest.mark.parametrize("window", [17, 33, 50, 100])
def test_windows_put_every_pixel_back_in_its_place(by_colour, size: tuple[int, int], window: int) -> None:
    """A model that looks at single pixels cannot tell windows from the whole picture."""
    image = picture(*size)
    segmenter = by_colour()
    found = predict(segmenter, image, window=window)
    torch.testing.assert_close(found, predict(by_colour(), image))
    assert max(max(seen.shape[2:]) for seen in segmenter.seen) <= 16 * -(-(window - 1) // 16) + 1


def test_windows_of_one_answer_average_to_it(by_colour) -> None:
    class Constant(by_colour):
        def __call__(self, images: Tensor) -> Tensor:
            return torch.tensor([0.0, 1.0, 2.0, -1.0]).view(1, 4, 1, 1).expand(len(images), 4, *images.shape[2:])

    expected = torch.tensor([0.0, 1.0, 2.0, -1.0]).softmax(0).view(1, 4, 1, 1).expand(2, 4, 70, 90)
    torch.testing.assert_close(predict(Constant(), picture(70, 90).expand(2, -1, -1, -1), window=33), expected)


def test_windows_of_a_network_are_averaged_where_they_overlap(network) -> None:
    model, image = network(), picture(33, 49)
    left, right = predict(model, image[..., :33]), predict(model, image[..., 16:])
    both = predict(model, image, window=33)
    torch.testing.assert_close(both[..., :16], left[..., :16])
    torch.testing.assert_close(both[..., 33:], right[..., 17:])
    torch.testing.assert_close(both[..., 16:33], (left[..., 16:] + right[..., :17]) / 2)


def test_a_label_map_is_the_likeliest_class(network) -> None:
    model, image = network(), picture(40, 52)
    for how in ({}, {"scales": (0.75, 1.25)}, {"flip": True}, {"window": 33}):
        label = predict_label(model, image[0].permute(1, 2, 0).numpy(), **how)
        assert label.dtype == np.uint8
        np.testing.assert_array_equal(label, predict(model, image, **how)[0].argmax(0).numpy())


@pytest.mark.parametrize("size", [(100, 30), (131, 70), (40, 120)])
def test_a_large_picture_is_predicted_in_bands_that_put_every_row_in_its_place(
    by_colour, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
) -> None:
    image = picture(*size)[0].permute(1, 2, 0).numpy()
    whole = predict_label(by_colour(), image)
    monkeypatch.setattr(inference, "WHOLE_PIXELS", 1000)
    monkeypatch.setattr(inference, "WINDOW", 49)
    for window, side in ((None, 49), (33, 33)):
        segmenter = by_colour()
        np.testing.assert_array_equal(predict_label(segmenter, image, window=window), whole)
        assert max(max(seen.shape[2:]) for seen in segmenter.seen) == side


@pytest.mark.parametrize("more", [0, 1])
def test_bands_meet_in_the_middle_of_their_overlap(by_colour, monkeypatch: pytest.MonkeyPatch, more: int) -> None:
    class Counting(by_colour):
        """Every pixel is of the class that is the number of the call."""

        def __call__(self, images: Tensor) -> Tensor:
            classes = torch.arange(4).view(1, 4, 1, 1) == len(self.seen)
            self.seen.append(images)
            return classes.float().expand(1, 4, *images.shape[2:])

    monkeypatch.setattr(inference, "WHOLE_PIXELS", 3000 - more)
    label = predict_label(Counting(), np.zeros((100, 30, 3), np.uint8), window=49)
    # Bands from 0 to 49, 26 to 75 and 51 to 100, where the picture is over the limit: else windows are averaged.
    meeting = np.flatnonzero(np.diff(label[:, 0])) + 1
    assert meeting.tolist() == ([37, 63] if more else [49, 75])
    assert (label == label[:, :1]).all()


def test_a_network_in_training_mode_is_left_as_it_was(network) -> None:
    model, image = network(), picture(40, 52)
    expected = predict(model, image)
    model.train()
    frozen = model.backbone.stem.norm.eval()  # as a training with frozen batch norm has it
    state = {name: value.clone() for name, value in model.state_dict().items()}
    assert torch.equal(predict(model, image), expected)
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())
    assert {module for module in model.modules() if not module.training} == {frozen}


@pytest.mark.parametrize("shape", [(3, 33, 33), (1, 4, 33, 33), (1, 33, 33, 3)])
def test_pictures_of_another_shape(by_colour, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"pictures are \(N, 3, H, W\), not"):
        predict(by_colour(), torch.zeros(shape))


@pytest.mark.parametrize("scales", [(), (0.0,), (1.0, -0.5)])
def test_scales_that_are_none(by_colour, scales: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="one or more positive numbers"):
        predict(by_colour(), torch.zeros(1, 3, 33, 33), scales=scales)


def test_a_window_that_is_none(by_colour) -> None:
    with pytest.raises(ValueError, match="at least 1 pixel"):
        predict(by_colour(), torch.zeros(1, 3, 33, 33), window=0)


@pytest.mark.parametrize(
    "how", [{}, {"flip": True}, {"scales": (0.5, 1.0)}, {"window": 33}, {"scales": (1.0, 1.0), "flip": True}]
)
@pytest.mark.parametrize("canvas", [None, 97])
def test_labels_are_those_of_the_largest_probabilities(how: dict, canvas: int | None) -> None:
    torch.manual_seed(0)
    network = build_network("mobilenet_v2", classes="abcd", aspp=True, options={"width": 0.1}, canvas=canvas)
    images = torch.randint(0, 256, (2, 3, 70, 90), dtype=torch.uint8)
    with torch.no_grad():
        logits = network.eval().logits(images)  # of fresh weights: small, and one class is the largest everywhere
        network.classifier.weight.mul_(3 / logits.std())
        network.classifier.bias.copy_(-3 * logits.mean((0, 2, 3)) / logits.std())
    network.train()
    labels = predict_labels(network, images, **how)
    assert labels.dtype == torch.uint8 and labels.shape == (2, 70, 90) and network.training
    assert torch.equal(labels, predict(network, images, **how).argmax(1)) and len(labels.unique()) > 1
    with pytest.raises(ValueError, match="pictures are"):
        predict_labels(network, images[0])
