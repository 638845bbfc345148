"""Archives: what is unpacked, and what is refused with nothing left behind."""

import io
import shutil
import stat
import tarfile
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import pytest

from segkit.base import archives
from segkit.base.archives import unpacked
from segkit.base.errors import DataError, OutputError

FILES = {"top/a/1.txt": b"one", "top/a/2.txt": b"two" * 1000, "top/b/3.txt": b"", "README": b"read"}


def _tar(path: Path, entries: list[tarfile.TarInfo | tuple[str, bytes]], mode: str = "w") -> Path:
    with tarfile.open(path, mode) as tar:  # type: ignore[call-overload]
        for entry in entries:
            if isinstance(entry, tuple):
                info = tarfile.TarInfo(entry[0])
                info.size = len(entry[1])
                tar.addfile(info, io.BytesIO(entry[1]))
            else:
                tar.addfile(entry)
    return path


def _zip(path: Path, entries: list[tuple[str | zipfile.ZipInfo, bytes]]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as opened:
        for name, data in entries:
            opened.writestr(name, data)
    return path


def _entry(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def _top(name: str) -> str | None:
    return name.removeprefix("top/") if name.startswith("top/") else None


def _unpack(archive: Path, most_bytes: int = 10**6) -> dict[str, bytes]:
    folder = archive.parent / "out"
    with unpacked(archive, folder, place=_top, most_bytes=most_bytes) as temporary:
        assert temporary.is_dir() and not folder.exists()
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _nothing_left(archive: Path) -> bool:
    return [path.name for path in archive.parent.iterdir()] == [archive.name]


@pytest.mark.parametrize("name", ["x.tar", "x.tgz", "x.zip"])
def test_unpacks_what_is_wanted(tmp_path: Path, name: str) -> None:
    if name.endswith("zip"):
        archive = _zip(tmp_path / name, [("top/", b""), *FILES.items()])
    else:
        folder = _entry("top", tarfile.DIRTYPE)
        archive = _tar(tmp_path / name, [folder, *FILES.items()], "w:gz" if name == "x.tgz" else "w")
    seen: list[tuple[int, int | None]] = []
    with unpacked(archive, tmp_path / "p", place=_top, most_bytes=10**6, progress=lambda *a: seen.append(a)):
        pass
    assert seen == sorted(seen) and seen[-1][1] is not None and seen[-1][0] <= seen[-1][1]
    assert _unpack(archive) == {"a/1.txt": b"one", "a/2.txt": b"two" * 1000, "b/3.txt": b""}
    with pytest.raises(OutputError, match="out is there already: move it away"):
        _unpack(archive)


@pytest.mark.parametrize("name", ["../x", "top/../../x", "/etc/x", "top/..", "C:/x", "C:x", "top\\..\\x", "//host/x"])
def test_names_that_lead_out_are_refused_even_if_not_wanted(tmp_path: Path, name: str) -> None:
    for archive in (_tar(tmp_path / "x.tar", [("top/a", b"a"), (name, b"x")]),):
        with pytest.raises(DataError, match=r"x\.tar holds a file that would lie outside") as caught:
            _unpack(archive)
        assert repr(name) in str(caught.value)
        assert _nothing_left(archive)
        archive.unlink()
    archive = _zip(tmp_path / "x.zip", [("top/a", b"a"), (name, b"x")])
    with pytest.raises(DataError, match="outside of its folder"):
        _unpack(archive)
    assert _nothing_left(archive)


def test_a_place_that_leads_out_is_refused(tmp_path: Path) -> None:
    archive = _tar(tmp_path / "x.tar", [("a", b"a")])
    with (
        pytest.raises(DataError, match="outside of its folder"),
        unpacked(archive, tmp_path / "out", place=lambda name: "../" + name, most_bytes=9),
    ):
        pass


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (tarfile.SYMTYPE, "a link to /etc/passwd"),
        (tarfile.LNKTYPE, "a link to /etc/passwd"),
        (tarfile.CHRTYPE, "a device"),
        (tarfile.BLKTYPE, "a device"),
        (tarfile.FIFOTYPE, "a device or pipe"),
    ],
)
def test_links_and_devices_in_a_tar_are_refused(tmp_path: Path, kind: bytes, words: str) -> None:
    archive = _tar(tmp_path / "x.tar", [("top/a", b"a"), _entry("top/bad", kind, "/etc/passwd"), ("top/bad/x", b"")])
    with pytest.raises(DataError, match=words) as caught:
        _unpack(archive)
    assert "'top/bad'" in str(caught.value) and _nothing_left(archive)
    archive = _tar(tmp_path / "x.tar", [("top/a", b"a"), _entry("other/bad", kind, "/etc/passwd")])
    assert _unpack(archive) == {"a": b"a"}  # not wanted, so not made


def test_links_in_a_zip_are_refused(tmp_path: Path) -> None:
    for mode, words in ((stat.S_IFLNK, r"a link \('top/bad'\)"), (stat.S_IFIFO, "a device or pipe")):
        info = zipfile.ZipInfo("top/bad")
        info.external_attr = (mode | 0o777) << 16
        archive = _zip(tmp_path / "x.zip", [("top/a", b"a"), (info, b"/etc/passwd")])
        with pytest.raises(DataError, match=words):
            _unpack(archive)
        assert _nothing_left(archive)


def test_bombs_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    zeros = ("top/zeros", bytes(3_000_000))
    for archive in (_zip(tmp_path / "x", [zeros]), _tar(tmp_path / "x", [zeros], "w:gz")):
        assert archive.stat().st_size < 10_000
        with pytest.raises(DataError, match=r"unpacks to more than 1\.0 MB"):
            _unpack(archive)
        assert _nothing_left(archive)
    monkeypatch.setattr(archives, "MOST_MEMBERS", 3)
    with pytest.raises(DataError, match="or 3 files"):
        _unpack(_tar(tmp_path / "x", [(f"top/{number}", b"") for number in range(4)]))


def test_broken_archives(tmp_path: Path) -> None:
    noise = bytes(value * 7919 % 251 for value in range(40_000))
    for archive in (
        _zip(tmp_path / "x", [("top/a", noise)]),
        _tar(tmp_path / "x", [("top/a", noise)]),
        _tar(tmp_path / "x", [("top/a", noise)], "w:gz"),
    ):
        whole = archive.read_bytes()
        damaged = bytearray(whole)
        damaged[100:120] = b"damage in the middle"
        for data in (
            whole[: len(whole) // 2],
            b"",
            b"no archive at all",
            bytes(damaged) if whole[:2] != b"to" else b"",
        ):
            archive.write_bytes(data)
            with pytest.raises(DataError, match=r"x is broken or cut short|none of the files wanted"):
                _unpack(archive)
            assert _nothing_left(archive)


def _lzma_damaged(path: Path) -> bytes:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as opened:
        opened.writestr("top/a", bytes(value * 7919 % 251 for value in range(4000)))
    data = bytearray(path.read_bytes())
    data[60:70] = b"\xff" * 10
    return bytes(data)


def _long_header(path: Path) -> bytes:
    entry = _entry("top/a", tarfile.XHDTYPE)
    entry.size = 2**31
    return entry.tobuf() + bytes(10_000)


@pytest.mark.parametrize(
    ("made", "why"),
    [
        (lambda path: b"\x1f\x8b\x08", "ord()"),  # of the head of a gzip file not even the flags
        (lambda path: b"\x1f\x8b\x08\x04" + bytes(6), "ord()"),
        (_lzma_damaged, "Corrupt input data"),
        (_long_header, r"a header of 2\.1 GB"),  # which tarfile would read as a whole
    ],
)
def test_whatever_the_readers_raise_is_the_fault_of_the_archive(
    tmp_path: Path, made: Callable[[Path], bytes], why: str
) -> None:
    archive = tmp_path / "x"
    archive.write_bytes(made(archive))
    with pytest.raises(DataError, match=f"x is broken or cut short .*{why}"):
        _unpack(archive)
    assert _nothing_left(archive)


def test_a_zip_with_a_member_that_has_no_name(tmp_path: Path) -> None:
    archive = _zip(tmp_path / "x", [("n", b"")])
    data = bytearray(archive.read_bytes())
    central = data.index(b"PK\x01\x02")
    data[central + 28 : central + 30] = b"\0\0"  # the length of the name
    del data[central + 46]
    end = data.index(b"PK\x05\x06")
    data[end + 12 : end + 16] = (end - central).to_bytes(4, "little")  # the size of the directory
    archive.write_bytes(data)
    with pytest.raises(DataError, match="x is broken or cut short"):
        _unpack(archive)
    assert _nothing_left(archive)


def test_a_member_that_is_there_twice_and_an_archive_of_something_else(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds 'top/a' twice"):
        _unpack(_tar(tmp_path / "x", [("top/a", b"1"), ("top/a", b"2")]))
    with pytest.raises(DataError, match="holds none of the files wanted"):
        _unpack(_tar(tmp_path / "x", [("README", b"1")]))


def test_nothing_is_left_when_the_check_fails_or_the_disk_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = _tar(tmp_path / "x", list(FILES.items()))
    (tmp_path / ".out.part").mkdir()
    (tmp_path / ".out.part" / "old").write_bytes(b"of a run that was killed")
    with suppress(KeyboardInterrupt), unpacked(archive, tmp_path / "out", place=_top, most_bytes=10**6) as temporary:
        assert sorted(path.name for path in temporary.iterdir()) == ["a", "b"]
        raise KeyboardInterrupt
    assert _nothing_left(archive)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1000))
    with pytest.raises(OutputError, match="make room there"):
        _unpack(archive)
    assert _nothing_left(archive)
