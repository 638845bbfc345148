"""What the public sets have in common: archives with an address, and a depot that keeps and unpacks them."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from segkit.base.archives import Destination, unpacked
from segkit.base.download import download
from segkit.base.errors import DataError
from segkit.base.files import check_room, file_digest, format_bytes, make_folder

Announce = Callable[[str, int, int | None], None]
"""Told what is being done, how much of it is done and how much there is (bytes or files; None: nobody knows)."""


class Archive(NamedTuple):
    """An archive: its name, the addresses that have it, its size in bytes and its checksums where they are known."""

    name: str
    urls: tuple[str, ...]
    size: int | None = None
    md5: str | None = None
    sha256: str | None = None

    @property
    def has_sum(self) -> bool:
        """Whether a checksum is published."""
        return self.md5 is not None or self.sha256 is not None


class Obtained(NamedTuple):
    """A set that is whole: its folder, what was counted in it, what else to say, and whether anything was done."""

    folder: Path
    figures: dict[str, int]
    notes: tuple[str, ...] = ()
    changed: bool = True


class Depot:
    """The folder `root`, in which sets are made and archives kept; `announce` is told what is going on.

    An archive that was put into `root`/archives by hand is taken as it is, if its checksum is right.
    """

    def __init__(self, root: Path, announce: Announce) -> None:
        self.root = root
        self.announce = announce

    def path(self, archive: Archive) -> Path:
        """Where an archive is kept."""
        return self.root / "archives" / archive.name

    def missing(self, archives: Sequence[Archive]) -> list[Archive]:
        """Those that are not kept yet."""
        return [archive for archive in archives if not self.path(archive).is_file()]

    def check_room(self, archives: Sequence[Archive], unpacked: int) -> None:
        """Raise OutputError unless there is room for the archives that are not there yet and for `unpacked` bytes."""
        make_folder(self.root)
        needed = unpacked
        for archive in archives:
            path = self.path(archive)
            part = path.with_name(path.name + ".part")
            there = next((file.stat().st_size for file in (path, part) if file.is_file()), 0)
            needed += max(0, (archive.size or 0) - there)
        check_room(self.root, needed)

    def fetch(self, archive: Archive) -> Path:
        """The archive, downloaded where it is not there. Raises DownloadError and OutputError as `download` does."""
        return download(
            archive.urls,
            self.path(archive),
            sha256=archive.sha256,
            md5=archive.md5,
            size=None if archive.has_sum else archive.size,  # a sum says it all
            progress=lambda done, total: self.announce(f"downloading {archive.name}", done, total),
        )

    @contextmanager
    def unpacked(self, archive: Archive, folder: Path, *, place: Destination, most_bytes: int) -> Iterator[Path]:
        """`segkit.base.archives.unpacked` of an archive, which is fetched first."""
        path = self.fetch(archive)
        announce = self.announce
        with unpacked(
            path,
            folder,
            place=place,
            most_bytes=most_bytes,
            progress=lambda done, total: announce(f"unpacking {archive.name}", done, total),
        ) as temporary:
            yield temporary

    def notes_on(self, archives: Sequence[Archive]) -> tuple[str, ...]:
        """The sum of each archive that nobody has published one of, and that the archives may go."""
        files = {self.path(archive): archive for archive in archives if self.path(archive).is_file()}
        notes = [
            f"{archive.name}: no checksum is published; sha256 {file_digest(path)}"
            for path, archive in files.items()
            if not archive.has_sum
        ]
        if files:
            size = format_bytes(sum(path.stat().st_size for path in files))
            notes.append(f"the archives ({', '.join(map(str, files))}; {size}) are not needed any more: remove them")
        return tuple(notes)


@contextmanager
def made_again(folder: Path) -> Iterator[None]:
    """Add to a DataError of the body, which opens what lies in a folder, that it is made again without it."""
    try:
        yield
    except DataError as error:
        raise DataError(f"{error}; or move {folder} away, and it is made again") from None
