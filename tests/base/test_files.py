"""The files below a folder, links among them."""

from pathlib import Path

from segkit.base.files import files_below, write_atomically
from segkit.base.pictures import pictures_below, told_others


def names(folder: Path, **options: Path) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in files_below(folder, **options)]


def test_linked_folders_are_followed_and_loops_are_not(tmp_path):
    for name in ("top/a/one.png", "disk/two.png", "disk/deep/three.jpg", "top/.hidden/four.png", "top/.five.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "top/b").symlink_to(tmp_path / "disk")
    (tmp_path / "top/a/up").symlink_to(tmp_path / "top")
    (tmp_path / "disk/deep/self").symlink_to(tmp_path / "disk")
    (tmp_path / "top/gone").symlink_to(tmp_path / "nowhere")
    assert names(tmp_path / "top") == ["a/one.png", "a/up", "b/deep/self", "b/deep/three.jpg", "b/two.png"]
    assert names(tmp_path / "top", without=tmp_path / "disk") == ["a/one.png", "a/up"]
    pictures, others = pictures_below(tmp_path / "top")
    assert [path.name for path in pictures] == ["one.png", "three.jpg", "two.png"]
    assert told_others(others) == "2 files left out, no pictures by the name (up, self)"


def test_names_may_be_as_long_as_the_disk_takes_them(tmp_path):
    for name in ("x" * 255, "ж" * 127, "caf\udce9" + "ü" * 125):
        write_atomically(tmp_path / name, "a \ud800")
        assert (tmp_path / name).read_bytes() == rb"a \ud800"
    assert len(list(tmp_path.iterdir())) == 3


def test_two_links_to_one_folder_are_both_there(tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "disk/x.png").touch()
    (tmp_path / "top").mkdir()
    for name in ("a", "b"):
        (tmp_path / "top" / name).symlink_to(tmp_path / "disk")
    assert names(tmp_path / "top") == ["a/x.png", "b/x.png"]
