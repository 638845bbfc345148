"""`segkit data get` as a user runs it; the archives come from a local server."""

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from segkit.cli.main import main
from segkit.data.public import voc
from tests.base.server import Server, serve
from tests.data.public import archives as made


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Server]:
    """VOC's and SBD's small archives, and an empty folder to be in."""
    monkeypatch.chdir(tmp_path)
    with serve() as running:
        monkeypatch.setattr(voc, "VOC", made.offer(running, voc.VOC.name, made.tar(made.voc_files())))
        monkeypatch.setattr(voc, "SBD", made.offer(running, voc.SBD.name, made.tar(made.sbd_files(), mode="w:gz")))
        monkeypatch.setattr(voc, "FIGURES", {"train": 3, "val": 2, "train_aug": 6})
        yield running


def _run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["segkit", "data", "get", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def test_says_what_it_does_and_what_it_counted(
    server: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(monkeypatch, "voc2012", "--root", "my sets", "--json", "out/figures.json") == 0
    said = capsys.readouterr().out
    kilobytes = len(server.pages["mirror0/benchmark.tgz"].data) / 1000
    for words in (
        f"to download: my sets/archives/benchmark.tgz ({kilobytes:.1f} kB) "
        f"from {server.url('mirror0/benchmark.tgz')} or {server.url('mirror1/benchmark.tgz')}",
        "downloading VOCtrainval_11-May-2012.tar ...",
        "writing SegmentationClassAug ...",
        "my sets/VOCdevkit/VOC2012: made",
        "        6  pictures in train_aug\n        0  of them in val\n        2  pictures in val",
        "are not needed any more",
        "next: segkit train voc_mobilenet_v2 data.root='my sets/VOCdevkit/VOC2012'",
    ):
        assert words in said
    assert json.loads(Path("out/figures.json").read_text()) == {
        "set": "voc2012",
        "folder": "my sets/VOCdevkit/VOC2012",
        "changed": True,
        "figures": {"pictures in train_aug": 6, "of them in val": 0, "pictures in val": 2},
    }
    server.pages.clear()
    shutil.rmtree("my sets/archives")
    assert _run(monkeypatch, "voc2012", "--root", "my sets") == 0
    said = capsys.readouterr().out
    assert "already there, nothing to do" in said and "to download" not in said


def test_failures_are_one_sentence(
    server: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    server.pages.clear()
    assert _run(monkeypatch, "voc2012") == 1
    failed = capsys.readouterr().err
    assert failed.startswith("segkit: VOCtrainval_11-May-2012.tar cannot be had") and failed.count("\n") == 1
    assert "404" in failed and failed.endswith("put it at data/archives/VOCtrainval_11-May-2012.tar\n")
    assert _run(monkeypatch, "imagenet") == 2
    assert "there is no public set 'imagenet': choose voc2012, camvid, coco2017" in capsys.readouterr().err
