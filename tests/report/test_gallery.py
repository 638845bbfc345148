"""Pictures in a page: their sizes, their colours, what is transparent."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from segkit.base.labels import IGNORE, voc_palette
from segkit.report.gallery import LONGEST, THUMBNAIL_WIDTH, data_uri, layers, thumbnail
from segkit.report.overlay import NOT_LABELLED, WRONG

PALETTE = voc_palette(21)


def scene(height: int, width: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A grey picture, its label map (15 on the right half, IGNORE at the top) and a prediction of 0 everywhere."""
    picture = np.full((height, width, 3), 100, np.uint8)
    truth = np.zeros((height, width), np.uint8)
    truth[:, width // 2 :] = 15
    truth[: height // 4] = IGNORE
    return picture, truth, np.zeros_like(truth)


def decoded(data: bytes) -> np.ndarray:
    """The file as RGBA."""
    return np.array(Image.open(io.BytesIO(data)).convert("RGBA"))


def test_layers_are_small_and_of_one_size() -> None:
    found = layers(*scene(600, 1000), PALETTE)
    assert (found.width, found.height) == (LONGEST, round(LONGEST * 0.6))
    for data in (found.picture, found.truth, found.prediction, found.errors):
        assert decoded(data).shape == (found.height, found.width, 4)
    assert found.picture[8:12] == b"WEBP" and len(found.truth) < 3000


def test_colours_and_what_is_transparent() -> None:
    found = layers(*scene(80, 120), PALETTE)
    truth, prediction, errors = (decoded(data) for data in (found.truth, found.prediction, found.errors))
    assert truth.shape == (80, 120, 4)
    assert (truth[:20, :, 3] == 0).all() and (truth[20:, :, 3] == 255).all()
    assert (truth[20:, 60:, :3] == PALETTE[15]).all()
    assert (prediction == (*PALETTE[0], 255)).all()
    assert (errors[20:, 60:] == (*WRONG, 255)).all()
    assert (errors[20:, :60, 3] == 0).all()
    assert (errors[:20] == (*NOT_LABELLED, 255)).all()


def test_a_thumbnail_has_the_prediction_and_the_errors_side_by_side() -> None:
    picture, truth, prediction = scene(300, 400)
    data = thumbnail(picture, truth, prediction, PALETTE, width=80)
    image = decoded(data)[..., :3].astype(int)
    assert image.shape == (60, 160, 3)
    assert np.abs(image[40, 20] - 50).max() < 6  # black over grey
    assert np.abs(image[40, 150] - WRONG).max() < 40
    assert np.abs(image[5, 110] - NOT_LABELLED).max() < 12


@pytest.mark.parametrize(("height", "width"), [(3, 2000), (2000, 3), (1, 1), (THUMBNAIL_WIDTH * 4, THUMBNAIL_WIDTH)])
def test_any_proportions(height: int, width: int) -> None:
    picture, truth, prediction = scene(height, width)
    image = decoded(thumbnail(picture, truth, prediction, PALETTE))
    assert image.shape[1] <= 2 * THUMBNAIL_WIDTH and image.shape[0] <= 2 * THUMBNAIL_WIDTH
    found = layers(picture, truth, prediction, PALETTE)
    assert max(found.width, found.height) <= LONGEST


def test_data_uris_tell_what_they_hold() -> None:
    found = layers(*scene(20, 20), PALETTE)
    head, _, text = data_uri(found.truth).partition(",")
    assert head == "data:image/png;base64" and base64.b64decode(text) == found.truth
    assert data_uri(found.picture).startswith("data:image/webp;base64,")
