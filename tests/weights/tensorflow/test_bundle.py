"""Checkpoints, written by the tests' own writer."""

import pytest
import torch

from segkit.weights.tensorflow import table
from segkit.weights.tensorflow.bundle import read_bundle, read_index
from tests.weights.tensorflow import writers

VARIABLES = {
    **{f"MobilenetV2/expanded_conv_{n}/depthwise/depthwise_weights": torch.rand(3, 3, n + 1, 1) for n in range(40)},
    "double": torch.rand(4, 5, dtype=torch.float64),
    "half": torch.rand(7).half(),
    "bfloat": torch.rand(2, 2).bfloat16(),
    "global_step": torch.tensor(30000),
    "int": torch.arange(5, dtype=torch.int32),
    "byte": torch.arange(5, dtype=torch.uint8),
    "empty": torch.zeros(0, 3),
    "flag": torch.tensor([True, False]),
}


@pytest.mark.parametrize("shards", [1, 3])
def test_every_type_of_number_comes_as_it_was(tmp_path, shards):
    found = read_bundle(writers.write_bundle(tmp_path / "model.ckpt-7", VARIABLES, shards=shards))
    assert found.keys() == VARIABLES.keys()
    for name, tensor in VARIABLES.items():
        assert found[name].dtype == tensor.dtype and torch.equal(found[name], tensor)


def test_the_listing_needs_no_values(tmp_path):
    index = writers.write_bundle(tmp_path / "model.ckpt-7", VARIABLES)
    (tmp_path / "model.ckpt-7.data-00000-of-00001").unlink()
    shards, variables = read_index(index)
    assert shards == 1
    assert {each.name: each.shape for each in variables} == {n: tuple(t.shape) for n, t in VARIABLES.items()}
    with pytest.raises(ValueError, match=r"model\.ckpt-7\.data-00000-of-00001, which has its values, is not beside it"):
        read_bundle(index)


def test_text_is_passed_over(tmp_path):
    index = writers.write_bundle(tmp_path / "m", {"a": torch.ones(2)})
    text = writers.field(1, writers.STRING) + writers.field(2, b"")
    entries = [(b"", writers.header()), (b"_OBJECT_GRAPH", text), (b"a", _entry())]
    index.write_bytes(writers.table(entries))
    assert list(read_bundle(index)) == ["a"]


ONE = torch.ones(2)


def _entry(**about) -> bytes:
    return writers.entry(ONE, **{"shard": 0, "offset": 0, **about})


def _table(*entries: tuple[bytes, bytes], header: bytes | None = None, **about) -> bytes:
    return writers.table([(b"", writers.header() if header is None else header), *entries], **about)


@pytest.mark.parametrize(
    ("index", "reason"),
    [
        (_table((b"a", _entry(checksum=1))), "the checksum of a is wrong"),
        (_table((b"a", _entry(offset=1))), "is cut short: a is not in it"),
        (_table((b"a", _entry(offset=2**63))), "is cut short: a is not in it"),
        (_table((b"a", _entry(size=2**62))), "more bytes than its data"),
        (_table((b"a", _entry(size=4))), r"shape \(2,\) has 4 bytes|checksum of a"),
        (_table((b"a", _entry()), (b"b", _entry())), "more bytes than its data"),
        (_table((b"a", _entry(shard=1))), "in a file that there is not"),
        (_table((b"a", _entry()), (b"a", _entry())), "not in ascending order"),
        (_table((b"b", _entry()), (b"a", _entry())), "not in ascending order"),
        (_table((b"\0a\0part", _entry())), "partitioned variables"),
        (_table((b"x" * 3000, _entry())), "over 2000 bytes"),
        (_table((b"a", _entry()), compression=1), r"compressed \(snappy\)"),
        (_table((b"a", _entry()), header=writers.header(endianness=1)), "big-endian"),
        (_table((b"a", _entry()), header=writers.field(1, b"meta")), "first format"),
        (_table((b"a", _entry()), header=writers.header(shards=2**40)), "tells of 1099511627776 files"),
        (writers.table([(b"a", _entry())]), "its header is missing"),
        (_table((b"a", writers.field(1, 1) + writers.field(2, writers.shape([2**40] * 2)))), "unknown side"),
        (_table((b"a", writers.field(1, 1) + writers.field(2, writers.shape([1] * 30)))), "too many of them"),
        (b"\0" * 40 + writers.MAGIC, "are told where|too short|checksum"),
        (b"short" + writers.MAGIC, "does not end as a table"),
        (b"\xff" * 40 + writers.MAGIC, "no end|are told"),
    ],
)
def test_what_is_broken_is_told(tmp_path, index, reason):
    writers.write_bundle(tmp_path / "m", {"a": ONE})
    (tmp_path / "m.index").write_bytes(index)
    with pytest.raises(ValueError, match=reason):
        read_bundle(tmp_path / "m.index")


def test_the_number_of_keys_has_a_bound(tmp_path, monkeypatch):
    monkeypatch.setattr(table, "MOST_ENTRIES", 500)
    index = tmp_path / "m.index"
    index.write_bytes(writers.table([(b"", writers.header()), *((b"%07d" % n, b"") for n in range(500))]))
    with pytest.raises(ValueError, match="more than 500"):
        read_index(index)
