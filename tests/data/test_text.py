"""Text files in the encodings that people have."""

import json

import pytest

from segkit.base.errors import DataError
from segkit.data.text import read_json, read_lines

ROAD = "道路"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_utf_8_and_what_a_byte_order_mark_tells(tmp_path, encoding):
    path = tmp_path / "a.json"
    path.write_text(json.dumps([ROAD], ensure_ascii=False), encoding=encoding)
    assert read_json(path) == [ROAD]
    path.write_bytes(f"{ROAD}\r\nsky\r\n".encode(encoding))
    assert read_lines(path) == [ROAD, "sky"]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (f'["{ROAD}"]'.encode("gbk"), r"\(as GBK it has '道路'\): save it as UTF-8, if that is right by `iconv -f GBK"),
        (b'["\xff\xff"]', "a.json is not a text file in UTF-8: save it as UTF-8"),
    ],
)
def test_other_encodings_are_not_guessed(tmp_path, data, words):
    path = tmp_path / "a.json"
    path.write_bytes(data)
    with pytest.raises(DataError, match=words):
        read_json(path)
