"""Files from the network: mirrors in turn, resumed where they were cut, verified, and there whole or not at all."""

import http.client
import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.client import HTTPMessage
from pathlib import Path
from typing import Any

from segkit.base.errors import DownloadError
from segkit.base.files import BytesDone, cannot_write, check_room, file_digest, make_folder, write_atomically
from segkit.version import VERSION

ATTEMPTS = 10
"""So often a mirror is asked again after a cut connection, as long as each time brings something."""

_CHUNK = 2**18


def download(
    urls: Sequence[str],
    to: Path,
    *,
    sha256: str | None = None,
    md5: str | None = None,
    size: int | None = None,
    progress: BytesDone | None = None,
    timeout: float = 30,
) -> Path:
    """Bring a file to `to` from the first of `urls` (mirrors, http or https) that has it, and return `to`.

    It grows as NAME.part beside `to` and takes its name when its length and its checksums (hexadecimal) are right. A
    part that an earlier call left is continued with a Range request (RFC 9110, section 14); a server that knows no
    ranges, or whose file has changed since, starts it over. A file that is there is taken if its checksums are right.
    `size` is in bytes, `timeout` in seconds of silence. Where no checksum is known, `file_digest` tells one to note.

    Raises DownloadError, which names the addresses and the file to put there by hand: no network, no such file, a page
    instead of the file, another length or checksum, a redirect to anything but http and https, a wrong file at `to`.
    Raises OutputError where the disk has no room or cannot be written.
    """
    sums = {name: value.lower() for name, value in (("sha256", sha256), ("md5", md5)) if value is not None}
    if to.exists():
        wrong = _what_is_wrong(to, sums, size)
        if wrong:
            raise DownloadError(f"{to} is not the file wanted ({wrong}): remove it, and it is fetched again")
        return to
    make_folder(to.parent)
    part, failures = _Part(to), []
    for url in urls:
        try:
            _from_mirror(url, part, sums, size, progress, timeout)
        except _MirrorError as error:
            failures.append(f"{url}: {error}")
        else:
            part.finish()
            return to
    if not len(part):
        part.drop()
    raise DownloadError(f"{to.name} cannot be had ({'; '.join(failures)}): get it another way and put it at {to}")


class _MirrorError(Exception):
    """Why a mirror does not give the file."""


class _Part:
    """The file that grows, and beside it where its beginning came from."""

    def __init__(self, to: Path) -> None:
        self.to = to
        self.path = to.with_name(to.name + ".part")
        self._origin = to.with_name(to.name + ".part.json")

    def __len__(self) -> int:
        return self.path.stat().st_size if self.path.is_file() else 0

    def validator(self, url: str, *, any_mirror: bool) -> str | None:
        """For If-Range; "" where the checksum alone will tell, None where the part cannot be continued from `url`."""
        try:
            origin = json.loads(self._origin.read_text(encoding="utf-8"))
            if origin["url"] == url and isinstance(origin["validator"], str):
                return origin["validator"]
        except (OSError, ValueError, KeyError, TypeError):
            pass
        return "" if any_mirror else None

    def start(self, url: str, headers: HTTPMessage) -> None:
        """Begin again. A weak ETag does not promise equal bytes, so it is not kept (RFC 9110, section 13.1.5)."""
        etag = headers.get("ETag", "")
        validator = headers.get("Last-Modified") if not etag or etag.startswith("W/") else etag
        self.path.unlink(missing_ok=True)
        write_atomically(self._origin, json.dumps({"url": url, "validator": validator}))

    @contextmanager
    def appending(self) -> Iterator[Callable[[bytes], object]]:
        """The `write` of the open part; a disk that fills up, too, is an OutputError and no matter of the network."""

        def write(data: bytes) -> None:
            try:
                file.write(data)
                file.flush()
            except OSError as error:
                raise cannot_write(self.path, error) from None

        with open(self.path, "ab") as file:
            yield write

    def drop(self) -> None:
        self.path.unlink(missing_ok=True)
        self._origin.unlink(missing_ok=True)

    def finish(self) -> None:
        self.path.replace(self.to)
        self._origin.unlink(missing_ok=True)


def _from_mirror(
    url: str, part: _Part, sums: Mapping[str, str], size: int | None, progress: BytesDone | None, timeout: float
) -> None:
    """Fill `part` with the right file, or raise _MirrorError."""
    reason = ""
    for _ in range(ATTEMPTS):
        before = len(part)
        try:
            _fetch(url, part, bool(sums), size, progress, timeout)
        except (OSError, http.client.HTTPException) as error:
            reason = _network_reason(error)
            if len(part) == before:
                break
            continue
        wrong = _what_is_wrong(part.path, sums, size)
        if not wrong:
            return
        part.drop()
        reason = f"what came is not the file wanted: {wrong}"
        if not before:
            break  # else its beginning may have been another file's: all of it is asked for
    raise _MirrorError(reason)


def _fetch(url: str, part: _Part, has_sum: bool, size: int | None, progress: BytesDone | None, timeout: float) -> None:
    """Ask once, and append what comes to the part; OSError or HTTPException where the connection fails or is cut."""
    if urllib.parse.urlsplit(url).scheme not in ("http", "https"):
        raise _MirrorError("only http and https addresses are fetched")
    validator = part.validator(url, any_mirror=has_sum) if len(part) else None
    headers = {"User-Agent": f"segkit/{VERSION}"}
    if validator is not None:
        headers["Range"] = f"bytes={len(part)}-"
        if validator:
            headers["If-Range"] = validator
    try:
        with _opener().open(urllib.request.Request(url, headers=headers), timeout=timeout) as response:
            _take(response, url, part, size, progress)
    except urllib.error.HTTPError as error:
        if error.code != 416:
            raise _MirrorError(f"the server answers {error.code} {error.reason}") from None
        if error.headers.get("Content-Range") != f"bytes */{len(part)}":
            part.drop()
            raise ConnectionError("the server's file is shorter than the part that is here") from None


def _take(response: Any, url: str, part: _Part, size: int | None, progress: BytesDone | None) -> None:
    """Append the body of an answer to the part, or begin the part anew if the answer is the whole file."""
    if response.status != 206:
        part.start(url, response.headers)
    elif not response.headers.get("Content-Range", "").startswith(f"bytes {len(part)}-"):
        part.drop()
        raise ConnectionError("the server answers with another part than was asked for")
    done, length = len(part), response.headers.get("Content-Length", "")
    total = done + int(length) if length.isdigit() else size
    if size not in (None, total):
        part.drop()
        raise _MirrorError(f"the file there has {total} bytes, not {size}")
    check_room(part.path.parent, (total or done) - done)
    chunk = response.read(_CHUNK)
    if done == 0 and chunk[:200].lstrip().lower().startswith((b"<!doctype html", b"<html")):
        raise _MirrorError("the server sends a web page instead of the file")
    with part.appending() as write:
        while chunk and (total is None or done < total):
            if total is None:  # nobody has said how much will come
                check_room(part.path.parent, len(chunk))
            write(chunk)
            done += len(chunk)
            if progress:
                progress(done, total)
            chunk = response.read(_CHUNK)
    if total is not None and done < total:
        raise ConnectionError(f"the connection was cut after {done} of {total} bytes")


def _what_is_wrong(path: Path, sums: Mapping[str, str], size: int | None) -> str | None:
    """What tells that this is another file, None if nothing does."""
    if size is not None and path.stat().st_size != size:
        return f"it has {path.stat().st_size} bytes, not {size}"
    for name, expected in sums.items():
        found = file_digest(path, name)
        if found != expected:
            return f"its {name} is {found}, not {expected}"
    return None


def _network_reason(error: Exception) -> str:
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(reason, OSError) and reason.strerror:
        return reason.strerror
    return str(reason) or type(reason).__name__


class _WebRedirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects to http and https only: urllib would go to ftp too."""

    def http_error_302(self, req: Any, fp: Any, code: int, msg: str, headers: HTTPMessage) -> Any:
        target = urllib.parse.urljoin(req.full_url, headers.get("Location", ""))
        if urllib.parse.urlsplit(target).scheme not in ("http", "https"):
            raise _MirrorError(f"the server redirects to {target}, and only http and https are followed")
        return super().http_error_302(req, fp, code, msg, headers)

    http_error_301 = http_error_303 = http_error_307 = http_error_308 = http_error_302


def _opener() -> urllib.request.OpenerDirector:
    """An opener that knows http and https and nothing else; urllib's own also opens file:, ftp: and data:."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler,
        urllib.request.HTTPHandler,
        urllib.request.HTTPSHandler,
        urllib.request.HTTPDefaultErrorHandler,
        urllib.request.HTTPErrorProcessor,
        _WebRedirects,
    ):
        opener.add_handler(handler())
    return opener
