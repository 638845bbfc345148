"""What a command writes, and what it never writes over."""

import gzip
import json
from pathlib import Path

import pytest

from segkit.base.errors import OutputError
from segkit.cli.report import make_ready, write_json

HOLDS = ("protocol", "confusion")
OURS = {"miou": 0.5, "protocol": {}, "confusion": []}


@pytest.mark.parametrize(
    "held",
    [
        b"",
        b"weights",
        b"[]",
        b'{"protocol": 1}',
        b"[" * 10_000,
        json.dumps([1]).encode(),
        gzip.compress(b"{}", mtime=0),
    ],
)
@pytest.mark.parametrize("name", ["w.json", "w.json.gz", "w.safetensors"])
def test_a_file_of_something_else_is_kept(tmp_path: Path, held: bytes, name: str) -> None:
    file = tmp_path / name
    file.write_bytes(held)
    with pytest.raises(
        OutputError, match=rf"{name}: is there and is not what this command writes: choose another name"
    ):
        make_ready(file, holds=HOLDS)
    with pytest.raises(OutputError, match="not what this command writes"):
        make_ready(None, file, holds=HOLDS)
    assert file.read_bytes() == held


@pytest.mark.parametrize("name", ["new/w.json", "new/w.json.gz"])
@pytest.mark.parametrize("data", [OURS, [OURS, OURS]])
def test_what_the_command_wrote_is_written_again(tmp_path: Path, name: str, data: object) -> None:
    for _ in range(2):
        make_ready(tmp_path / name, holds=HOLDS)
        write_json(tmp_path / name, data)
    with pytest.raises(OutputError):
        make_ready(tmp_path / name, holds=("findings",))


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="not what this command writes"):
        make_ready(tmp_path, holds=HOLDS)
