"""Pictures of 16 bits that use few of them."""

import numpy as np
import pytest
from PIL import Image

from segkit.data.importers.rules import Rules
from segkit.recipe.build import open_dataset
from segkit.recipe.reading import load_config


@pytest.fixture
def thermal(bench):
    """Two pictures of 12 bits in 16, one of them turned by EXIF, and one of 8 bits."""
    bench.write("data.yaml", "names: [thing]\n")
    exif = Image.Exif()
    exif[274] = 6
    values = np.linspace(1000, 3000, 400).reshape(20, 20).astype(np.uint16)
    for name, options in (("a.png", {}), ("b.tif", {"exif": exif})):
        path = bench.src / "images" / name
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(values).save(path, **options)
        bench.write(f"labels/{path.stem}.txt", "0 0 0 1 0 1 1\n")
    bench.picture("images/c.png", 20, 20)
    return bench


def test_stretched_as_they_are_read_where_that_is_asked_for(thermal):
    report = thermal.run("yolo", rules=Rules(stretch=True), link=True)
    assert thermal.names() == ["a.png", "b.tif", "c.png"]
    (told,) = [sentence for sentence in report["said"] if "stretched" in sentence]
    low, high = (int(word) for word in told.split() if word.isdigit() and int(word) > 255)
    assert 1000 <= low < 1020 and 2980 < high <= 3000
    recipe = load_config(thermal.out / "data.yaml", ["data.list=null"])
    assert recipe.data.stretch == (low, high)
    picture, turned, plain = (sample.image[..., 0] for sample in open_dataset(recipe.data, "train"))
    assert picture.dtype == np.uint8 and (picture.min(), picture.max()) == (0, 255)
    assert (np.diff(picture.ravel().astype(int)) >= 0).all() and len(np.unique(picture)) > 200
    assert (turned == np.rot90(picture, -1)).all()
    assert (plain == np.array(Image.open(thermal.out / "images/c.png"))[..., 0]).all()


def test_told_where_it_is_not(thermal):
    report = thermal.run("yolo")
    assert thermal.names() == ["a.png", "b.tif", "c.png"]
    assert any("2 pictures of 16 bits reach 3000 alone" in sentence for sentence in report["said"])
    assert Image.open(thermal.out / "images/a.png").mode == "I;16"
    assert "stretch" not in (thermal.out / "data.yaml").read_text()


def test_nothing_to_stretch(bench):
    bench.write("data.yaml", "names: [thing]\n")
    bench.picture("images/a.png")
    bench.write("labels/a.txt", "0 0 0 1 0 1 1\n")
    report = bench.run("yolo", rules=Rules(stretch=True))
    assert "no picture has 16 bits: nothing is stretched" in report["said"]
