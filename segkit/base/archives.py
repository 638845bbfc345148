"""Tar and zip archives, unpacked where nothing in them can reach out of the folder that they are unpacked into.

Own code, and not tarfile's data filter (PEP 706), which zip and Python before 3.11.4 have not got, and which lets more
through: here members are renamed on the way, no link is made at all, and what is refused too is a name that leads out
on another system, a member that is there twice, and too many or too large ones.
"""

import errno
import shutil
import stat
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PureWindowsPath
from typing import IO, NamedTuple, Self

from segkit.base.errors import DataError, OutputError
from segkit.base.files import BytesDone, check_room, format_bytes, holds_something, whole_folder

Destination = Callable[[str], str | None]
"""Where a member goes, by its name: a path relative to the folder, or None for a member that is not wanted."""

MOST_MEMBERS = 500_000
"""COCO's largest archive has 123,287."""
MOST_HEADER = 2**20
"""Bytes of a tar's extended headers, which are read as a whole: long names and the like."""
_EXTENDED = (
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
)


class _Header(tarfile.TarInfo):
    """A member's header; tarfile.ReadError for an extended one that is larger than any that a program writes."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        header = super().frombuf(buf, encoding, errors)
        if header.type in _EXTENDED and header.size > MOST_HEADER:
            raise tarfile.ReadError(f"a header of {format_bytes(header.size)}")
        return header


class _Member(NamedTuple):
    name: str
    size: int
    kind: str  # file, folder, or what it is instead, such as "a link"
    open: Callable[[], IO[bytes] | None]


@contextmanager
def unpacked(
    archive: Path,
    folder: Path,
    *,
    place: Destination,
    most_bytes: int,
    progress: BytesDone | None = None,
) -> Iterator[Path]:
    """Unpack the wanted files of a tar (plain, gz, bz2, xz) or zip, and give the temporary folder that they are in.

    Where the body ends without an error, that folder becomes `folder`, which must not be there yet (or be empty);
    otherwise it is removed. So the body is the place to check what came, and to add to it. `most_bytes` bounds the
    sizes of all members together, MOST_MEMBERS their number. `progress` is told bytes done and bytes in all.

    Raises DataError, which names the archive and the member, for a name that leads out of the folder, a wanted member
    that is a link or a device, one that is there twice, an archive that is broken, cut short, encrypted or too large,
    and where nothing is wanted. Raises OutputError where the disk has no room or cannot be written.
    """
    if holds_something(folder):
        raise OutputError(f"{folder} is there already: move it away, and {archive.name} is unpacked there")
    with whole_folder(folder) as temporary:
        _unpack(archive, temporary, place, most_bytes, progress)
        yield temporary


def _unpack(archive: Path, folder: Path, place: Destination, most_bytes: int, progress: BytesDone | None) -> None:
    count = written = size = 0
    try:
        with open(archive, "rb") as file:
            for member, done, total in _members(archive, file, folder):
                count, size = count + 1, size + member.size
                _check_name(archive, member.name)
                if count > MOST_MEMBERS or size > most_bytes:
                    raise DataError(
                        f"{archive} unpacks to more than {format_bytes(most_bytes)} or {MOST_MEMBERS} files, which "
                        "it should not: it is not the archive that it is taken for, so remove it"
                    )
                target = place(member.name)
                if target is not None and member.kind != "folder":
                    _check_name(archive, target)
                    _write(archive, member, folder / target)
                    written += 1
                if progress:
                    progress(done, total)
    except (DataError, OutputError):
        raise
    except Exception as error:  # the readers raise whatever they stumble over, down to TypeError and lzma's own
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):  # those two: of a broken archive
            raise
        raise DataError(f"{archive} is broken or cut short ({error}): remove it and get it again") from None
    if not written:
        raise DataError(f"{archive} holds none of the files wanted: it is another archive, so remove it")


def _members(archive: Path, file: IO[bytes], folder: Path) -> Iterator[tuple[_Member, int, int]]:
    """Each member, with the bytes done and in all: of a tar those read, of a zip those unpacked."""
    length = archive.stat().st_size
    if not zipfile.is_zipfile(file):
        file.seek(0)
        check_room(folder, length)
        with tarfile.open(fileobj=file, mode="r|*", tarinfo=_Header) as tar:
            for entry in tar:
                tar.members = []  # type: ignore[attr-defined]  # or it keeps them all
                yield _tar_member(tar, entry), min(file.tell(), length), length
        return
    with zipfile.ZipFile(file) as opened:
        entries = opened.infolist()
        check_room(folder, length)
        total, done = sum(entry.file_size for entry in entries), 0
        for info in entries:
            done += info.file_size
            yield _zip_member(opened, info), done, total


def _tar_member(tar: tarfile.TarFile, entry: tarfile.TarInfo) -> _Member:
    kind = "a device or pipe"
    if entry.isdir():
        kind = "folder"
    elif entry.isreg():
        kind = "file"
    elif entry.issym() or entry.islnk():
        kind = f"a link to {entry.linkname}"
    return _Member(entry.name, entry.size, kind, lambda: tar.extractfile(entry))


def _zip_member(opened: zipfile.ZipFile, info: zipfile.ZipInfo) -> _Member:
    """The upper half of the external attributes is the mode, where a Unix wrote the archive."""
    mode = info.external_attr >> 16
    kind = "folder" if info.is_dir() else "file"
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
        kind = "a link" if stat.S_ISLNK(mode) else "a device or pipe"
    return _Member(info.filename, info.file_size, kind, lambda: opened.open(info))


def _check_name(archive: Path, name: str) -> None:
    """Refuse a name that leads out of the folder, on this system or on another."""
    windows = PureWindowsPath(name)
    if ".." in windows.parts or windows.root or windows.drive or "\\" in name or "\0" in name:
        raise DataError(
            f"{archive} holds a file that would lie outside of its folder ({name!r}): remove the archive, it is not "
            "the one that it is taken for"
        )


def _write(archive: Path, member: _Member, target: Path) -> None:
    if member.kind != "file":
        raise DataError(
            f"{archive} holds {member.kind} ({member.name!r}), where a file should be: remove the archive, it is not "
            "the one that it is taken for"
        )
    if target.exists():
        raise DataError(f"{archive} holds {member.name!r} twice: remove the archive and get it again")
    target.parent.mkdir(parents=True, exist_ok=True)
    source = member.open()
    with open(target, "xb") as file:
        if source:
            shutil.copyfileobj(source, file)
        if file.tell() != member.size:
            raise EOFError(f"{member.name} has {file.tell()} bytes, not {member.size}")
