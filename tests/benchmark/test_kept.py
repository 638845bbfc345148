"""Evaluations in files, put into rows."""

import json
from pathlib import Path

import numpy as np
import pytest

from segkit.base.errors import ConfigError, DataError
from segkit.base.files import read_plain, write_plain
from segkit.benchmark.cells import Cell
from segkit.benchmark.kept import read_kept
from segkit.benchmark.published import FULL, SINGLE, V2, V2_ASPP
from segkit.evaluation.counts import PictureCounts
from segkit.evaluation.inference import MF_SCALES
from segkit.evaluation.result import Evaluation

ONE_PASS = {"output_stride": 16, "scales": [1.0], "flip": False, "window": None}


def write(path: Path, **protocol: object) -> Path:
    pictures = (PictureCounts("a", np.array([0, 1]), np.array([3, 4])),)
    evaluation = Evaluation(("a", "b"), pictures, ONE_PASS | protocol, 1.0, {"commit": "abc"})
    write_plain(path, json.dumps(evaluation.to_json()))
    return path


def test_files_find_their_rows(tmp_path: Path) -> None:
    single = write(tmp_path / "single.json.gz", network="mobilenet_v2")
    full = write(tmp_path / "full.json", output_stride=8, scales=list(MF_SCALES), flip=True)
    peer = write(tmp_path / "peer.json", output_stride=8)
    rows, others = read_kept([str(single), f"mobilenet_v2_aspp={full}", f"peer:fcn={peer}"])
    assert set(rows) == {Cell(V2, SINGLE), Cell(V2_ASPP, FULL)}
    assert rows[Cell(V2, SINGLE)].machine == {"commit": "abc"}
    assert others["fcn"].protocol["output_stride"] == 8


def test_what_has_no_place_is_named(tmp_path: Path) -> None:
    untold = write(tmp_path / "untold.json")
    with pytest.raises(ConfigError, match=r"untold.json: does not tell its network: give NAME=FILE"):
        read_kept([str(untold)])
    with pytest.raises(ConfigError, match=r"the table has no row mobilenet_v2-os8: name it peer:NAME=FILE"):
        read_kept([str(write(tmp_path / "os8.json", network="mobilenet_v2", output_stride=8))])
    with pytest.raises(ConfigError, match="is of mobilenet_v2-os16, as a file before it is"):
        read_kept([f"mobilenet_v2={untold}", f"mobilenet_v2={untold}"])
    with pytest.raises(DataError, match="is neither of one pass nor of MF"):
        read_kept([f"mobilenet_v2={write(tmp_path / 'flip.json', flip=True)}"])
    for odd in ({"scales": 3}, {"output_stride": "16"}, {"flip": []}):
        with pytest.raises(DataError, match="is neither of one pass nor of MF"):
            read_kept([f"mobilenet_v2={write(tmp_path / 'odd.json', **odd)}"])
    with pytest.raises(ConfigError, match=r"odd.json: does not tell its network"):
        read_kept([str(write(tmp_path / "odd.json", network=["mobilenet_v2"]))])
    broken = tmp_path / "broken.json.gz"
    for content in (b"no gzip", (write(tmp_path / "cut.json.gz").read_bytes())[:-20]):
        broken.write_bytes(content)
        with pytest.raises(DataError, match="holds no evaluation"):
            read_kept([str(broken)])


def test_the_same_text_is_the_same_file(tmp_path: Path) -> None:
    for name in ("a.gz", "b.gz"):
        write_plain(tmp_path / name, "äb" * 100)
    assert (tmp_path / "a.gz").read_bytes() == (tmp_path / "b.gz").read_bytes()
    assert read_plain(tmp_path / "a.gz") == "äb" * 100
