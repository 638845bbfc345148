"""Pictures without labels: to be predicted, or for a training in which a teacher tells what is in them."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from segkit.base.errors import DataError
from segkit.base.labels import IGNORE, Palette
from segkit.base.pictures import Stretch, pictures_below, read_picture
from segkit.data.dataset import Dataset, Sample


class PictureFiles:
    """Picture files by name, labelled IGNORE all over; `stretch` as in `read_picture`."""

    def __init__(
        self,
        pictures: Mapping[str, Path],
        *,
        classes: Sequence[str],
        palette: Palette,
        stretch: Stretch | None = None,
    ) -> None:
        self.ids: Sequence[str] = tuple(pictures)
        self.pictures = tuple(pictures.values())
        self.classes = tuple(classes)
        self.palette = palette
        self.stretch = stretch

    def __len__(self) -> int:
        """How many pictures there are."""
        return len(self.pictures)

    def __getitem__(self, index: int) -> Sample:
        """The picture at `index` with a label map of nothing but IGNORE; DataError if its file is broken."""
        picture = read_picture(self.pictures[index], stretch=self.stretch)
        return Sample(picture, np.full(picture.shape[:2], IGNORE, np.uint8), self.ids[index])


class UnlabelledPictures(PictureFiles):
    """The pictures of a folder and of those below it, in the order of their paths, labelled IGNORE all over.

    What is hidden is left out, and so are the pictures `but`, which `left_out` counts, and the files that are no
    pictures, which `others` are. Raises DataError if the folder
    is not there or holds no other picture.
    """

    def __init__(
        self,
        folder: str | Path,
        *,
        classes: Sequence[str],
        palette: Palette,
        stretch: Stretch | None = None,
        but: Iterable[Path] = (),
    ) -> None:
        folder = Path(folder)
        if not folder.is_dir():
            raise DataError(f"{folder} is not there or no folder: correct `unlabelled`")
        known = {path.resolve() for path in but}
        found, self.others = pictures_below(folder)
        pictures = {str(path): path for path in found if path.resolve() not in known}
        self.left_out = len(found) - len(pictures)
        if not pictures:
            besides = f" besides the {self.left_out} of the data set" if self.left_out else ""
            raise DataError(f"{folder} holds no picture{besides}: put pictures there or correct `unlabelled`")
        super().__init__(pictures, classes=classes, palette=palette, stretch=stretch)


class Joined:
    """Two data sets of the same classes as one, the second behind the first."""

    def __init__(self, first: Dataset, second: Dataset) -> None:
        self.first = first
        self.second = second
        self.classes = first.classes
        self.palette = first.palette
        self.ids: Sequence[str] = (*first.ids, *second.ids)

    def __len__(self) -> int:
        """How many pictures both have."""
        return len(self.ids)

    def __getitem__(self, index: int) -> Sample:
        """The picture at `index`, as its own data set gives it."""
        count = len(self.first)
        return self.first[index] if index < count else self.second[index - count]
