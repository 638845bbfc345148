"""What the public sets have in common: archives with an address, a place to keep them, an account of what was done."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import NamedTuple

from segkit.base.archives import Place, unpacked
from segkit.base.download import download
from segkit.base.files import check_room, file_digest, format_bytes, make_folder

Listener = Callable[[str, int, int | None], None]
"""Told what is being done, how much of it is done and how much there is (bytes or files; None: nobody knows)."""


class Source(NamedTuple):
    """An archive: its name, the addresses that have it, its size in bytes and its checksums where they are known."""

    name: str
    urls: tuple[str, ...]
    size: int | None = None
    md5: str | None = None
    sha256: str | None = None


class Obtained(NamedTuple):
    """A set that is whole: its folder, what was counted in it, what else to say, and whether anything was done."""

    folder: Path
    figures: dict[str, int]
    notes: tuple[str, ...] = ()
    changed: bool = True


def archive_path(root: Path, source: Source) -> Path:
    """Where the archive is kept: one that was put there by hand is taken as it is, if its checksum is right."""
    return root / "archives" / source.name


def fetch(root: Path, source: Source, listen: Listener) -> Path:
    """The archive, downloaded where it is not there. Raises DownloadError and OutputError as `download` does."""
    return download(
        source.urls,
        archive_path(root, source),
        sha256=source.sha256,
        md5=source.md5,
        size=source.size if source.md5 is None and source.sha256 is None else None,  # a sum says it all
        progress=lambda done, total: listen(f"downloading {source.name}", done, total),
    )


def unpacked_source(
    root: Path, source: Source, folder: Path, listen: Listener, *, place: Place, most_bytes: int
) -> AbstractContextManager[Path]:
    """`unpacked` of an archive that was fetched, told to `listen`."""
    return unpacked(
        archive_path(root, source),
        folder,
        place=place,
        most_bytes=most_bytes,
        progress=lambda done, total: listen(f"unpacking {source.name}", done, total),
    )


def check_room_for(root: Path, sources: Sequence[Source], unpacked: int) -> None:
    """Raise OutputError unless there is room for the archives that are not there yet and for `unpacked` bytes."""
    make_folder(root)
    needed = unpacked
    for source in sources:
        path = archive_path(root, source)
        part = path.with_name(path.name + ".part")
        there = next((file.stat().st_size for file in (path, part) if file.is_file()), 0)
        needed += max(0, (source.size or 0) - there)
    check_room(root, needed)


def notes_on(root: Path, sources: Sequence[Source]) -> tuple[str, ...]:
    """The sum of each archive that nobody has published one of, and that the archives may go."""
    notes = []
    for source in sources:
        if source.md5 is None and source.sha256 is None and archive_path(root, source).is_file():
            notes.append(f"{source.name}: no checksum is published; sha256 {file_digest(archive_path(root, source))}")
    files = [path for path in (archive_path(root, source) for source in sources) if path.is_file()]
    if files:
        size = format_bytes(sum(path.stat().st_size for path in files))
        notes.append(f"the archives ({', '.join(map(str, files))}; {size}) are not needed any more: remove them")
    return tuple(notes)
