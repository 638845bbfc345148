"""SBD's label files: what scipy reads of them, and no more than that of what is damaged."""

from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import scipy.io

from segkit.data.public import mat
from segkit.data.public.mat import read_field


def _written(path: Path, label: np.ndarray, *, compressed: bool, name: str = "GTcls") -> Path:
    """As SBD's are: the borders, sparse, in a cell of each class, the map, and the classes that are present."""
    borders = np.empty((20, 1), object)
    for number in range(20):
        borders[number, 0] = scipy.sparse.csc_matrix(label == number)
    fields = {"Boundaries": borders, "Segmentation": label, "CategoriesPresent": np.array([[1.0], [20.0]])}
    scipy.io.savemat(path, {"other": np.eye(3), name: fields}, do_compression=compressed)
    return path


@pytest.mark.parametrize("compressed", [True, False])
@pytest.mark.parametrize("shape", [(1, 1), (3, 1), (1, 4), (37, 50), (500, 375)])
def test_reads_what_scipy_reads(tmp_path: Path, shape: tuple[int, int], compressed: bool) -> None:
    label = np.random.default_rng(sum(shape)).integers(0, 21, shape).astype(np.uint8)
    path = _written(tmp_path / "a.mat", label, compressed=compressed)
    np.testing.assert_array_equal(read_field(path, "GTcls", "Segmentation"), label)
    theirs = scipy.io.loadmat(path)["GTcls"]["Segmentation"][0, 0]
    np.testing.assert_array_equal(read_field(path, "GTcls", "Segmentation"), theirs)


def test_what_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    label = np.ones((30, 20), np.uint8)
    path = _written(tmp_path / "a.mat", label, compressed=True, name="other_name")
    with pytest.raises(ValueError, match="no struct GTcls"):
        read_field(path, "GTcls", "Segmentation")
    for field in ("CategoriesPresent", "Boundaries", "none"):  # doubles, cells, nothing
        with pytest.raises(ValueError, match=r"no matrix of bytes|without its head"):
            read_field(path, "other_name", field)
    monkeypatch.setattr(mat, "MOST_BYTES", 500)
    with pytest.raises(ValueError, match=r"cut short|very large"):
        read_field(
            _written(tmp_path / "b.mat", np.ones((300, 200), np.uint8), compressed=True), "GTcls", "Segmentation"
        )


def test_damage_ends_in_one_error(tmp_path: Path) -> None:
    whole = _written(tmp_path / "a.mat", np.arange(20, dtype=np.uint8).reshape(4, 5), compressed=False).read_bytes()
    generator = np.random.default_rng(0)
    for _ in range(500):
        data = bytearray(whole)
        for place in generator.integers(0, len(data), 3):
            data[place] = generator.integers(256)
        path = tmp_path / "b.mat"
        path.write_bytes(data[: generator.integers(1, len(data) + 1)])
        with suppress(ValueError):
            assert read_field(path, "GTcls", "Segmentation").dtype == np.uint8
