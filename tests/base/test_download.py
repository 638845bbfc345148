"""Files from a server that cuts, lies, has moved or is not there."""

import hashlib
import json
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from segkit.base.download import download
from segkit.base.errors import DownloadError, OutputError
from segkit.base.files import file_digest
from tests.base.server import Page, Server, serve

DATA = bytes(range(256)) * 4000  # more than one chunk
SHA = hashlib.sha256(DATA).hexdigest()
MD5 = hashlib.md5(DATA).hexdigest()


@pytest.fixture
def server() -> Iterator[Server]:
    with serve() as running:
        yield running


def _leave_part(to: Path, data: bytes, url: str = "http://elsewhere/x", validator: str | None = None) -> None:
    to.with_name(to.name + ".part").write_bytes(data)
    to.with_name(to.name + ".part.json").write_text(json.dumps({"url": url, "validator": validator}))


def _only(folder: Path, *names: str) -> bool:
    return sorted(path.name for path in folder.iterdir()) == sorted(names)


def test_brings_a_file_and_tells_progress(server: Server, tmp_path: Path) -> None:
    server.pages["x"] = Page(DATA)
    seen: list[tuple[int, int | None]] = []
    to = tmp_path / "new" / "x.tar"
    urls = [server.url("x")]
    found = download(urls, to, sha256=SHA.upper(), md5=MD5, size=len(DATA), progress=lambda *a: seen.append(a))
    assert found == to and to.read_bytes() == DATA and file_digest(to) == SHA
    assert seen[-1] == (len(DATA), len(DATA)) and sorted(seen) == seen
    assert _only(to.parent, "x.tar")
    download(urls, to, sha256=SHA)
    assert len(server.requests) == 1  # it was there


def test_a_wrong_file_that_is_there_is_not_overwritten(server: Server, tmp_path: Path) -> None:
    to = tmp_path / "x"
    to.write_bytes(b"mine")
    for known in ({"sha256": SHA}, {"md5": MD5}, {"size": 5}):
        with pytest.raises(DownloadError, match=r"x is not the file wanted \(.*\): remove it"):
            download([server.url("x")], to, **known)  # type: ignore[arg-type]
    assert to.read_bytes() == b"mine" and not server.requests
    assert download([server.url("x")], to) == to  # nothing is known that it could be held against


def test_cut_twice_and_resumed(server: Server, tmp_path: Path) -> None:
    server.pages["x"] = Page(DATA, headers={"ETag": '"one"'}, cuts=[300_000, 0, 300_000])
    to = tmp_path / "x"
    with pytest.raises(DownloadError, match=r"/x: the connection was cut after 300000 of 1024000 bytes\).*put it at"):
        download([server.url("x")], to)
    assert _only(tmp_path, "x.part", "x.part.json")
    download([server.url("x")], to)  # no checksum: the ETag alone tells that the part is of the same file
    assert to.read_bytes() == DATA and _only(tmp_path, "x")
    assert [request[1:] for request in server.requests] == [
        (None, None),
        ("bytes=300000-", '"one"'),
        ("bytes=300000-", '"one"'),
        ("bytes=600000-", '"one"'),
    ]


def test_a_server_without_ranges_starts_over(server: Server, tmp_path: Path) -> None:
    server.pages["x"] = Page(DATA, ranges=False, cuts=[300_000])
    download([server.url("x")], tmp_path / "x", sha256=SHA)
    assert (tmp_path / "x").read_bytes() == DATA
    assert server.requests[1][1] == "bytes=300000-"


@pytest.mark.parametrize("validator", ["ETag", "Last-Modified"])
def test_a_file_that_changed_meanwhile_starts_over(server: Server, tmp_path: Path, validator: str) -> None:
    _leave_part(tmp_path / "x", b"old" * 100, server.url("x"), "Mon, 01 Jan 2024 00:00:00 GMT")
    server.pages["x"] = Page(DATA, headers={validator: '"new"'})
    download([server.url("x")], tmp_path / "x")
    assert (tmp_path / "x").read_bytes() == DATA and len(server.requests) == 1


def test_a_part_of_nobody_knows_what_is_continued_only_under_a_checksum(server: Server, tmp_path: Path) -> None:
    server.pages["x"] = Page(DATA, headers={"ETag": 'W/"weak"'})
    _leave_part(tmp_path / "x", DATA[:1000])
    download([server.url("x")], tmp_path / "x")
    _leave_part(tmp_path / "y", DATA[:1000])
    download([server.url("x")], tmp_path / "y", md5=MD5)
    _leave_part(tmp_path / "z", b"other" * 100)
    download([server.url("x")], tmp_path / "z", md5=MD5)  # the checksum tells, and all of it is had again
    assert [request[1] for request in server.requests] == [None, "bytes=1000-", "bytes=500-", None]
    assert all((tmp_path / name).read_bytes() == DATA for name in "xyz")


def test_a_part_that_is_whole_or_too_long(server: Server, tmp_path: Path) -> None:
    server.pages["x"] = Page(DATA, headers={"ETag": '"one"'})
    _leave_part(tmp_path / "x", DATA, server.url("x"), '"one"')
    download([server.url("x")], tmp_path / "x")
    assert (tmp_path / "x").read_bytes() == DATA and len(server.requests) == 1  # 416: there is no more
    _leave_part(tmp_path / "y", DATA + b"more", server.url("x"), '"one"')
    download([server.url("x")], tmp_path / "y")
    assert (tmp_path / "y").read_bytes() == DATA


def test_an_answer_with_another_part_is_not_appended(server: Server, tmp_path: Path) -> None:
    _leave_part(tmp_path / "x", DATA[:1000])
    server.pages["x"] = Page(DATA, status=206, headers={"Content-Range": "bytes 7-1023999/1024000"})
    with pytest.raises(DownloadError, match="another part than was asked for"):
        download([server.url("x")], tmp_path / "x", sha256=SHA)
    assert _only(tmp_path)


def test_corrupt_files_are_not_kept(server: Server, tmp_path: Path) -> None:
    server.pages["x"] = Page(DATA[:-1] + b"!")
    with pytest.raises(DownloadError, match=rf"/x: what came is not the file wanted: its md5 is .*, not {MD5}"):
        download([server.url("x")], tmp_path / "x", md5=MD5)
    with pytest.raises(DownloadError, match=r"/x: the file there has 1024000 bytes, not 7"):
        download([server.url("x")], tmp_path / "x", size=7)
    assert _only(tmp_path)


def test_the_next_mirror_is_taken(server: Server, tmp_path: Path) -> None:
    server.pages["bad"] = Page(DATA[:-1] + b"!")
    server.pages["page"] = Page(b"\n<!DOCTYPE html><title>Moved</title>")
    server.pages["busy"] = Page(status=503)
    server.pages["good"] = Page(DATA)
    urls = [server.url(name) for name in ("none", "bad", "page", "busy", "good")]
    download(urls, tmp_path / "x", sha256=SHA)
    assert (tmp_path / "x").read_bytes() == DATA and len(server.requests) == 5
    with pytest.raises(DownloadError) as caught:
        download(urls[:4], tmp_path / "y", sha256=SHA)
    for words in ("none: the server answers 404", "a web page instead", "busy: the server answers 503", "put it at"):
        assert words in str(caught.value)
    assert "\n" not in str(caught.value) and _only(tmp_path, "x")


def test_a_length_that_nobody_says(server: Server, tmp_path: Path) -> None:
    server.pages["x"] = Page(DATA, says_length=False)
    download([server.url("x")], tmp_path / "x", size=len(DATA))
    assert (tmp_path / "x").read_bytes() == DATA
    with pytest.raises(DownloadError, match="cut after 1024000 of 1024001"):
        download([server.url("x")], tmp_path / "y", size=len(DATA) + 1)
    download([server.url("x")], tmp_path / "z")
    assert (tmp_path / "z").read_bytes() == DATA


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://127.0.0.1/x", "data:text/plain,x", "gopher://x/"])
def test_redirects_elsewhere_are_refused(server: Server, tmp_path: Path, target: str) -> None:
    for status in (301, 302, 303, 307, 308):
        server.pages["x"] = Page(status=status, headers={"Location": target})
        with pytest.raises(DownloadError, match=r"redirects to .*only http and https are followed"):
            download([server.url("x")], tmp_path / "x")
    with pytest.raises(DownloadError, match="only http and https addresses"):
        download([target], tmp_path / "x")
    assert _only(tmp_path)


def test_redirects_within_the_web_are_followed_but_not_for_ever(server: Server, tmp_path: Path) -> None:
    server.pages["old"] = Page(status=302, headers={"Location": "/new"})
    server.pages["new"] = Page(DATA)
    download([server.url("old")], tmp_path / "x", sha256=SHA)
    server.pages["loop"] = Page(status=302, headers={"Location": "/loop"})
    with pytest.raises(DownloadError, match="302"):
        download([server.url("loop")], tmp_path / "y")


def test_no_network(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, not listening: refuses
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/x.tar"
        with pytest.raises(
            DownloadError, match=rf"{url}: Connection refused\): get it another way and put it at .*x\.tar"
        ):
            download([url], tmp_path / "x.tar")
    assert _only(tmp_path)


def test_silence_ends(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute, pytest.raises(DownloadError, match="timed out"):
        download([f"http://127.0.0.1:{mute.getsockname()[1]}/x"], tmp_path / "x", timeout=0.1)


def test_a_full_disk_is_told_before(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server.pages["x"] = Page(DATA)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1000))
    with pytest.raises(OutputError, match=r"1\.0 MB are needed and 268 MB to spare, but its disk has 1\.0 kB free"):
        download([server.url("x")], tmp_path / "x")
    monkeypatch.undo()
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OutputError, match="choose another folder"):
        download([server.url("x")], tmp_path / "file" / "x")
