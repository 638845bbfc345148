"""Lists for training, validation and test: the shares, the groups, and that nothing but names and seed decide."""

import random

import numpy as np
import pytest
from PIL import Image

from segkit.base.errors import ConfigError, DataError
from segkit.data.split import divide, split_folder

NAMES = [f"{video}_{frame:03}.jpg" for video in "abcdefghij" for frame in range(10)]


def test_shares_and_no_overlap():
    split = divide(NAMES, val=0.2, test=0.1)
    assert {name: len(members) for name, members in split.names.items()} == {"train": 70, "val": 20, "test": 10}
    assert sorted(name for members in split.names.values() for name in members) == NAMES
    assert list(divide(NAMES).names) == ["train", "val"]


def test_the_order_does_not_matter_but_the_seed_does():
    shuffled = random.Random(0).sample(NAMES, len(NAMES))
    assert divide(shuffled) == divide(NAMES)
    assert divide(NAMES, seed=1) != divide(NAMES)
    # A new picture moves few others: the order of the hashes stays.
    assert len(set(divide([*NAMES, "new.jpg"]).names["val"]) ^ set(divide(NAMES).names["val"])) <= 1


@pytest.mark.parametrize("pattern", ["^(.)_", "^[a-j]", "^(?:x|([a-j]))"])
def test_groups_stay_together(pattern):
    split = divide(NAMES, val=0.25, group=pattern)
    videos = {name: {member[0] for member in members} for name, members in split.names.items()}
    assert not videos["train"] & videos["val"]
    assert len(split.names["val"]) in (20, 30) and split.groups == {
        "train": 10 - len(videos["val"]),
        "val": len(videos["val"]),
    }
    assert split.unmatched == ()


def test_what_is_around_the_capture_does_not_matter():
    """Only the first capture names the group: frame and ending, which the pattern matches too, differ in one video."""
    assert divide(NAMES, group=r"^(.)_(\d+)\.jpg$") == divide(NAMES, group="^(.)")


def test_groups_of_different_sizes_come_near_the_share():
    sizes = np.random.default_rng(0).integers(1, 30, 40)
    names = [f"v{video}_{frame}" for video, size in enumerate(sizes) for frame in range(size)]
    split = divide(names, val=0.2, group=r"^(v\d+)_")
    assert abs(len(split.names["val"]) / len(names) - 0.2) < 0.03


def test_names_that_do_not_fit_are_groups_of_their_own():
    split = divide([*NAMES, "odd1.jpg", "odd2.jpg"], group="^([a-j])_")
    assert split.unmatched == ("odd1.jpg", "odd2.jpg")
    assert sum(split.groups.values()) == 12


def test_refused():
    with pytest.raises(DataError, match=r"all pictures are in one group of the pattern '\.': give one"):
        divide(NAMES[:10], group=".")
    with pytest.raises(DataError, match="there are only 2 groups"):
        divide(NAMES[5:15], group="^(.)", test=0.2)
    with pytest.raises(DataError, match="in one group of one picture: add pictures"):
        divide(["a.jpg"])
    with pytest.raises(ConfigError, match="no regular expression"):
        divide(NAMES, group="(")
    for shares in ({"val": 0}, {"val": 1}, {"val": 0.5, "test": 0.5}, {"test": -0.1}, {"val": float("nan")}):
        with pytest.raises(ConfigError, match="give shares"):
            divide(NAMES, **shares)


def test_every_list_gets_a_group():
    split = divide(["a1", "a2", "b1", "c1"], val=0.01, test=0.01, group="^(.)")
    assert split.groups == {"train": 1, "val": 1, "test": 1}


def test_lists_of_a_folder(tmp_path):
    for kind in ("images", "labels"):
        (tmp_path / kind).mkdir()
    for number in range(5):
        Image.new("RGB", (2, 2)).save(tmp_path / f"images/{number}.tiff.jpg")
        Image.new("L", (2, 2)).save(tmp_path / f"labels/{number}.tiff.png")
    Image.new("RGB", (2, 2)).save(tmp_path / "images/without.jpg")
    split_folder(tmp_path, val=0.2, test=0.2)
    lists = [(tmp_path / f"{name}.txt").read_text().split() for name in ("train", "val", "test")]
    assert [len(names) for names in lists] == [3, 1, 1]
    assert sorted(name for names in lists for name in names) == [f"{number}.tiff.jpg" for number in range(5)]
    again = split_folder(tmp_path)
    assert not (tmp_path / "test.txt").exists() and again.replaced == {"train": 3, "test": 1}
    assert split_folder(tmp_path).replaced == {}
    with pytest.raises(DataError, match="cannot be read as a folder"):
        split_folder(tmp_path / "none")
