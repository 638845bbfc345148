"""Files that are written whole or not at all."""

import errno
import gzip
import hashlib
import os
import shutil
import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from segkit.base.errors import OutputError

BytesDone = Callable[[int, int | None], None]
"""Told the bytes that are done and those there will be, None where nobody has said."""

_MOST_PLAIN = 2**28
"""Bytes of a text that is compressed: a small file could tell of any number."""

SPARE_ROOM = 256 * 2**20
"""Bytes of disk that are left free beside what is going to be written."""


def files_below(folder: Path, *, without: Path | None = None) -> list[Path]:
    """The files of a folder and of those below it, linked ones too, in the order of their paths.

    What is hidden is left out, and so are the folder `without` and folders that cannot be read. A link that leads back
    to a folder above it is not followed, but is told as if it were a file.
    """

    def walk(folder: Path, above: frozenset[str]) -> Iterator[Path]:
        above |= {os.path.realpath(folder)}
        try:
            names = [name for name in os.listdir(folder) if name[0] != "."]
        except OSError:
            return
        for path in (folder / name for name in names):
            real = os.path.realpath(path)
            if path.is_file() or real in above:
                yield path
            elif path.is_dir() and real != left_out:
                yield from walk(path, above)

    left_out = None if without is None else os.path.realpath(without)
    return sorted(walk(folder, frozenset()), key=Path.as_posix)


def write_atomically(path: Path, data: bytes | str, *, durable: bool = False, before: Path | None = None) -> None:
    """Write `data` (text as UTF-8) to `path`, making its folder; a reader sees the old file or the whole new one.

    Of a text what UTF-8 has not got, as names of files may hold it, is written as its number.

    `durable`: when this returns, the disk has it and has given it back as it is. What was at `path` goes to `before`,
    where that is given. Raises OutputError where it cannot be written.
    """
    data = data.encode(errors="backslashreplace") if isinstance(data, str) else data
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{_beginning(path.name)}.")
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            if durable:
                file.flush()
                os.fsync(descriptor)
        os.chmod(temporary, 0o666 & ~_umask())  # mkstemp makes files that only their owner can read
        if durable and Path(temporary).read_bytes() != data:
            raise OSError(errno.EIO, "what was written is not what is read back")
        if before is not None and path.exists():
            os.replace(path, before)
        os.replace(temporary, path)
        if durable:
            _sync_folder(path.parent)
    except OSError as error:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
        raise cannot_write(path, error) from None


def _beginning(name: str) -> str:
    """As much of a name as leaves room for more: many disks take 255 bytes."""
    return os.fsdecode(os.fsencode(name)[:200]) if len(os.fsencode(name)) > 200 else name


def cannot_write(path: Path, error: OSError) -> OutputError:
    """The error for a file or folder that cannot be written, with what to do about it."""
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    return OutputError(
        f"{path}: cannot be written ({error.strerror}): {'make room or ' if full else ''}choose another folder"
    )


def _sync_folder(folder: Path) -> None:
    """Have the disk keep the names in a folder; Windows cannot, and does not need to."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def write_plain(path: Path, text: str) -> None:
    """Write a text; compressed, and the same bytes for the same text, where the name ends in .gz."""
    write_atomically(path, gzip.compress(text.encode(), mtime=0) if path.suffix == ".gz" else text)


def read_plain(path: Path) -> str:
    """What `write_plain` wrote. Raises OSError as `open` does, and ValueError where it is no text."""
    if path.suffix != ".gz":
        return path.read_bytes().decode()
    try:
        with gzip.open(path) as file:
            data = file.read(_MOST_PLAIN + 1)
        if len(data) > _MOST_PLAIN:
            raise ValueError(f"it unpacks to more than {format_bytes(_MOST_PLAIN)}")
        return data.decode()
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ValueError(str(error)) from None


def make_folder(path: Path) -> None:
    """Make a folder that can be written to, with its parents; OutputError where that is not possible."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as error:
        raise cannot_write(path, error) from None


def holds_something(path: Path) -> bool:
    """Whether there is anything at a path but an empty folder. Raises OutputError where that cannot be told."""
    try:
        return path.is_symlink() or (path.exists() and (not path.is_dir() or any(path.iterdir())))
    except OSError as error:
        raise OutputError(f"{path} cannot be read ({error.strerror}): choose another folder") from None


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """An empty folder that becomes `path` where the body ends without an error; otherwise nothing is left of it.

    Raises OutputError where `path` is there and no empty folder, and where it cannot be written.
    """
    if holds_something(path):
        raise OutputError(f"{path} holds something else: give a folder that is new or empty")
    make_folder(path.parent)
    temporary = path.with_name(f".{path.name}.part")  # one name, so that what a killed run left is replaced
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        temporary.mkdir()
        yield temporary
        os.replace(temporary, path)
    except OSError as error:
        raise cannot_write(path, error) from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def file_digest(path: Path, algorithm: str = "sha256") -> str:
    """The checksum of a file, hexadecimal, by any algorithm of hashlib; OSError as `open` raises it."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.new(algorithm, usedforsecurity=False)).hexdigest()


def check_room(folder: Path, needed: int, *, spare: int = SPARE_ROOM) -> None:
    """Raise OutputError unless the disk of `folder`, which is there, has room for `needed` and `spare` bytes."""
    free = shutil.disk_usage(folder).free
    if free < needed + spare:
        to_spare = f" and {format_bytes(spare)} to spare" if spare else ""
        raise OutputError(
            f"{folder}: {format_bytes(needed)} are needed{to_spare}, but its disk has {format_bytes(free)} free: make "
            "room there or choose another folder"
        )


def format_bytes(count: int) -> str:
    """A number of bytes for people, such as "2.0 GB" (10**9) or "35 MB"."""
    for unit, size in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= size:
            return f"{count / size:.1f} {unit}" if count < 10 * size else f"{count / size:.0f} {unit}"
    return f"{count} bytes"


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
