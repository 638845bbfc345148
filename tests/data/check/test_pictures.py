"""Pictures that look destroyed once they are read."""

import numpy as np
import pytest
from PIL import Image

from segkit.base.pictures import read_picture
from segkit.data.check.pictures import doubt
from segkit.data.check.quick import check_dataset
from segkit.data.folder import FolderDataset

RAMP = np.linspace(0, 1, 40 * 50).reshape(40, 50)
COLOUR = np.repeat((RAMP * 255)[..., None], 3, axis=2).astype(np.uint8)


def with_alpha(alpha):
    return np.dstack([COLOUR, np.broadcast_to(np.asarray(alpha, np.uint8), RAMP.shape)])


@pytest.mark.parametrize(
    ("name", "pixels", "told"),
    [
        ("a.png", (RAMP * 4095).astype(np.uint16), "holds 12 bits in 16 (its largest value is 4095)"),
        ("a.tif", (RAMP * 255).astype(np.uint16), "1 of 256 grey levels are left"),
        ("a.png", (RAMP * 65535).astype(np.uint16), None),
        ("a.png", with_alpha(0), "is transparent in 100% of its pixels"),
        ("a.png", with_alpha(1), "is transparent in 100% of its pixels"),
        ("a.png", with_alpha(RAMP < 0.3) * np.array([1, 1, 1, 255], np.uint8), "is transparent in 70% of its pixels"),
        ("a.png", with_alpha(255), None),
        ("a.tif", with_alpha(RAMP * 200 + 30), "a fourth band that is taken for transparency"),
        ("a.jpg", np.full((40, 50, 3), 7, np.uint8), "is (nearly) constant, 7 to 7 of 255"),
        ("a.jpg", COLOUR, None),
    ],
)
def test_what_is_left_of_a_picture(tmp_path, name, pixels, told):
    path = tmp_path / name
    Image.fromarray(pixels).save(path)
    finding = doubt(path, read_picture(path))
    assert (told is None and finding is None) or (finding is not None and told in finding.message)


def test_transparency_of_a_palette(tmp_path):
    path = tmp_path / "a.png"
    image = Image.fromarray((RAMP * 3).astype(np.uint8), mode="P")
    image.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0, 0, 0, 255])
    for transparency, hidden in ((bytes([255, 0, 0]), "67%"), (1, None)):
        image.save(path, transparency=transparency)
        finding = doubt(path, read_picture(path))
        assert finding is None if hidden is None else f"transparent in {hidden}" in finding.message


def test_the_look_before_a_training_finds_them(tmp_path):
    for folder in ("images/train", "labels/train"):
        (tmp_path / folder).mkdir(parents=True)
    for number in range(3):
        Image.fromarray(with_alpha(0)).save(tmp_path / f"images/train/{number}.png")
        Image.fromarray((RAMP > 0.5).astype(np.uint8)).save(tmp_path / f"labels/train/{number}.png")
    dataset = FolderDataset(tmp_path, split="train", classes=["a", "b"])
    (finding,) = check_dataset(dataset)
    assert finding.kind == "picture looks destroyed" and finding.message.endswith("(and 2 more)")
