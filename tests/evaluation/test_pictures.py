"""Predictions as files."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from segkit.base.errors import DataError, OutputError
from segkit.evaluation.pictures import find_pictures, predict_files, write_comparisons


class Brightness:
    """Three classes by brightness; what it predicts for a pixel depends on that pixel alone."""

    classes = ("dark", "grey", "bright")
    palette = ((0, 0, 0), (128, 0, 0), (0, 128, 0))
    canvas = None
    stretch = None
    output_stride = 16
    side_step, fixed_size = 16, None
    mean = torch.full((1, 3, 1, 1), 127.5)
    device = mean.device

    def __call__(self, images: Tensor) -> Tensor:
        grey = images.mean(1, keepdim=True)
        return -(grey - torch.tensor([0.0, 127.0, 255.0]).view(1, 3, 1, 1)).abs()

    def labels(self, images: Tensor) -> Tensor:
        return self(images).argmax(1).to(torch.uint8)


def blocks(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """A picture in blocks of three brightnesses, and its classes."""
    rng = np.random.default_rng(0)
    label = rng.integers(0, 3, (-(-height // 8), -(-width // 8))).repeat(8, 0).repeat(8, 1)[:height, :width]
    return np.repeat((label * 127)[..., None], 3, 2).astype(np.uint8), label.astype(np.uint8)


def test_find_pictures(tmp_path: Path) -> None:
    for name in ("b.png", "a.jpg", "sub/c.JPG", "note.txt", "._a.jpg", ".hidden/d.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    found = find_pictures([str(tmp_path / "*.png"), str(tmp_path), str(tmp_path / "note.txt")])
    assert [path.name for path in found.pictures] == ["b.png", "a.jpg", "c.JPG", "note.txt"]
    assert list(found.pictures.values()) == ["b", "a", "sub/c", "note"]
    assert found.others == [tmp_path / "note.txt"]
    for nothing in (tmp_path / "none.png", tmp_path / "*.gif"):
        with pytest.raises(DataError, match="no such picture"):
            find_pictures([str(nothing)])


def test_pictures_of_16_bits_are_stretched_as_the_model_says(tmp_path: Path) -> None:
    values = np.linspace(1000, 1400, 40 * 40).reshape(40, 40).astype(np.uint16)
    Image.fromarray(values).save(tmp_path / "thermal.png")
    model = Brightness()
    found = {}
    for stretch in (None, (1000, 1400)):
        model.stretch = stretch
        out = tmp_path / str(stretch)
        (result,) = predict_files(model, {tmp_path / "thermal.png": "thermal"}, out)
        found[stretch] = np.unique(np.array(Image.open(result.label))).tolist()
    assert found == {None: [0], (1000, 1400): [0, 1, 2]}


def test_predicted_files_of_one_name_are_kept_apart(tmp_path: Path) -> None:
    picture, label = blocks(40, 56)
    paths = []
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        paths.append(tmp_path / folder / "same.png")
        Image.fromarray(picture).save(paths[-1])
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff")
    names = {paths[0]: "same", tmp_path / "broken.jpg": "broken", paths[1]: "same"}
    results = list(predict_files(Brightness(), names, tmp_path / "out"))
    assert [result.error is None for result in results] == [True, False, True]
    assert "broken.jpg" in str(results[1].error)
    written = sorted(path.name for path in (tmp_path / "out" / "labels").iterdir())
    assert written == ["same-2.png", "same.png"]
    for result in (results[0], results[2]):
        assert result.label is not None and result.overlay is not None and result.overlay.is_file()
        np.testing.assert_array_equal(np.array(Image.open(result.label)), label)


@pytest.mark.parametrize("given", ["in", "in/*/frame0.png", "in/**/*.png"])
def test_results_keep_the_names_of_subfolders(tmp_path: Path, given: str) -> None:
    picture, _ = blocks(40, 56)
    for folder in ("in/day1", "disk"):
        (tmp_path / folder).mkdir(parents=True)
        Image.fromarray(picture).save(tmp_path / folder / "frame0.png")
    (tmp_path / "in/day2").symlink_to(tmp_path / "disk")
    (tmp_path / "in/day1/back").symlink_to(tmp_path / "in")
    found = find_pictures([str(tmp_path / given)])
    results = list(predict_files(Brightness(), found.pictures, tmp_path / "out"))
    assert {"day1/frame0", "day2/frame0"} <= set(found.pictures.values())
    assert all(result.error is None for result in results)
    for name in ("day1", "day2"):
        assert (tmp_path / f"out/labels/{name}/frame0.png").is_file()
        assert (tmp_path / f"out/overlays/{name}/frame0.jpg").is_file()
    if given == "in":
        assert len(results) == 2 and found.others == [tmp_path / "in/day1/back"]


def test_files_that_are_not_of_the_same_picture_are_kept(tmp_path: Path) -> None:
    picture, label = blocks(40, 56)
    for name in ("images/a.png", "images/b.png", "other/a.png", "labels/b.png", "overlays/c.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.fromarray(picture).save(tmp_path / name)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.*")}
    pictures, others = ({path: path.stem for path in (tmp_path / name).iterdir()} for name in ("images", "other"))

    with pytest.raises(OutputError, match=r"labels/b\.png is there and was not made of .*images/b\.png.*another --out"):
        list(predict_files(Brightness(), pictures, tmp_path))
    assert {path: path.read_bytes() for path in before} == before and not (tmp_path / "labels/a.png").exists()

    out = tmp_path / "out"
    for _ in range(2):  # of the same pictures it is made again
        assert len(list(predict_files(Brightness(), pictures, out))) == 2
    (out / "predictions.jsonl").open("a").write("[damaged\n")
    with pytest.raises(OutputError, match=r"labels/a\.png .* made of .*other/a\.png by segkit predict \(and 1 more\)"):
        list(predict_files(Brightness(), others, out))
    assert all(result.error is None for result in predict_files(Brightness(), others, out, overwrite=True))
    with pytest.raises(OutputError, match=r"was not made of .*images/a\.png"):
        list(predict_files(Brightness(), pictures, out))
    np.testing.assert_array_equal(np.array(Image.open(out / "labels/b.png")), label)


def test_comparisons_are_spread_over_the_data_set(tmp_path: Path) -> None:
    from segkit.data.shapes import CLASSES, ShapesDataset

    class Constant(Brightness):
        classes = CLASSES
        palette = ShapesDataset.palette

        def __call__(self, images: Tensor) -> Tensor:
            return torch.zeros(len(images), len(CLASSES), *images.shape[2:])

    written = write_comparisons(Constant(), ShapesDataset("val", size=9, side=33), tmp_path, count=3)
    assert [path.name for path in written] == ["val_00000.jpg", "val_00004.jpg", "val_00008.jpg"]
