"""Make a VOC2012 folder with other lists: pictures to choose on that are not those to report on, classes in balance.

    python -m tools.voc_subset VOC2012 OUT --val-every 10 [--balance]
    python -m tools.voc_subset VOC2012 OUT --hold-out 40 [--balance]

`--val-every N` takes every N-th line of val.txt as val. `--hold-out N` takes every N-th line of train_aug.txt as val
and out of train_aug: for networks that have not seen it. `--balance` is for a part of train_aug in which classes are
not as frequent as in VOC: a picture with a class that is twice too rare stands there twice, one whose classes are all
too frequent is left out at random. Pictures and labels are links; the lists are in OUT/VOC2012.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from segkit.base.errors import OutputError, SegkitError
from segkit.base.files import make_folder, write_atomically
from segkit.base.labels import IGNORE, VOC_CLASSES
from segkit.data.voc import VocDataset

SHARES = dict.fromkeys(VOC_CLASSES[1:], 0.055) | {"car": 0.08, "cat": 0.08, "dog": 0.08, "person": 0.30}
"""The share of the pictures that a class is to be in: about what it is in VOC's own sets (4 to 9 %, person 31 %)."""


def balanced(names: Sequence[str], classes: Sequence[Sequence[int]], *, seed: int = 0) -> list[str]:
    """The names, each as often as its rarest class needs, in their order; `classes` are the labels in each picture.

    A picture's count is the largest of target / share over its classes, rounded up or down at random so that it holds
    on average. A picture that holds none stays as it is.
    """
    shares = [sum(label in held for held in classes) / len(names) for label in range(len(VOC_CLASSES))]
    generator = np.random.default_rng(seed)
    repeated: list[str] = []
    for name, held in zip(names, classes, strict=True):
        count = max((SHARES[VOC_CLASSES[label]] / shares[label] for label in held), default=1.0)
        whole = int(count)
        repeated += [name] * (whole + (generator.random() < count - whole))
    return repeated


def subset(source: Path, out: Path, *, val_every: int | None, hold_out: int | None, balance: bool) -> tuple[int, int]:
    """Write OUT/VOC2012; the numbers of lines for training and for validation.

    Raises DataError where the source is no whole VOC 2012 with train_aug or a label is broken, OutputError where
    OUT/VOC2012 is there already or cannot be made.
    """
    train = VocDataset(source, "train_aug")
    source = train.labels[0].parent.parent
    folder = out / "VOC2012"
    if folder.exists():
        raise OutputError(f"{folder} is there already: remove it or choose another folder")
    if hold_out:
        chosen, labels = train.ids[::hold_out], "SegmentationClassAug"
    else:
        chosen, labels = VocDataset(source, "val").ids[::val_every], "SegmentationClass"
    names: Sequence[str] = train.ids
    if balance:
        values = (np.unique(train.label(index)).tolist() for index in range(len(train)))
        names = balanced(names, [[value for value in held if 0 < value < IGNORE] for held in values])
    held_out = set(chosen)
    names = [name for name in names if name not in held_out]
    lists = folder / "ImageSets" / "Segmentation"
    make_folder(lists)
    for link, target in (
        ("JPEGImages", "JPEGImages"),
        ("SegmentationClassAug", "SegmentationClassAug"),
        ("SegmentationClass", labels),
    ):
        (folder / link).symlink_to((source / target).resolve(), target_is_directory=True)
    write_atomically(lists / "train_aug.txt", "\n".join(names) + "\n")
    write_atomically(lists / "val.txt", "\n".join(chosen) + "\n")
    return len(names), len(chosen)


def main() -> None:
    """Read the command line and do it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path, help="the folder VOC2012 with train_aug")
    parser.add_argument("out", type=Path, help="where the folder VOC2012 is made")
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--val-every", type=int, metavar="N", help="validate on every N-th picture of val")
    which.add_argument("--hold-out", type=int, metavar="N", help="validate on every N-th picture of train_aug")
    parser.add_argument("--balance", action="store_true", help="name pictures of rare classes more often")
    arguments = parser.parse_args()
    if min(arguments.val_every or 2, arguments.hold_out or 2) < 2:
        parser.error("N is 2 or more")
    try:
        train, val = subset(
            arguments.source,
            arguments.out,
            val_every=arguments.val_every,
            hold_out=arguments.hold_out,
            balance=arguments.balance,
        )
    except SegkitError as error:
        sys.exit(f"Error: {error}")
    print(f"{arguments.out / 'VOC2012'}: {train} lines to train on, {val} pictures to validate on")


if __name__ == "__main__":
    main()
