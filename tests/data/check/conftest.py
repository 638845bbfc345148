"""Sound data sets to be broken: eight pictures a split of CamVid, and scenes drawn by hand."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from segkit.base.label_files import save_label
from segkit.base.labels import voc_palette

CLASSES = tuple(f"class {label}" for label in range(11))


def draw(root: Path, split: str, first: int, count: int) -> None:
    """Scenes of 128x96 pixels: a block of each class on class 0, in grey levels of their own, with noise."""
    for number in range(first, first + count):
        rng = np.random.default_rng(number)
        label = np.zeros((96, 128), np.uint8)
        for cls in rng.permutation(np.arange(1, 11)).tolist():
            y, x = rng.integers(0, 70), rng.integers(0, 100)
            label[y : y + 26, x : x + 28] = cls
        label[0, :4] = 11
        colours = rng.integers(0, 256, (12, 3))
        picture = np.clip(colours[label] + rng.normal(0, 6, (96, 128, 3)), 0, 255).astype(np.uint8)
        (root / "images" / split).mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(root / "images" / split / f"scene{number:02}_{split}.jpg", quality=92)
        save_label(root / "labels" / split / f"scene{number:02}_{split}.png", label, voc_palette(12))


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("drawn")
    draw(root, "train", 0, 8)
    draw(root, "val", 8, 8)
    return root


@pytest.fixture(scope="session")
def camvid(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("camvid")
    for split in ("train", "val"):
        pictures = sorted((shared / "data/camvid/images" / split).iterdir())
        for place in np.linspace(0, len(pictures) - 1, 8).round().astype(int):
            name = pictures[place].stem
            for kind, ending in (("images", "jpg"), ("labels", "png")):
                target = root / kind / split / f"{name}.{ending}"
                target.parent.mkdir(parents=True, exist_ok=True)
                # Not copied with its rights: the original may be read-only.
                target.write_bytes((shared / "data/camvid" / kind / split / target.name).read_bytes())
    return root


@pytest.fixture(params=["drawn", "camvid"])
def sound(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A sound data set to be broken, a copy for each test."""
    return Path(shutil.copytree(request.getfixturevalue(request.param), tmp_path / "data"))
