"""Training, validation and test lists of one folder of pictures, drawn by chance but always the same."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from segkit.base.errors import ConfigError, DataError
from segkit.data.folder import FolderDataset
from segkit.data.pairs import write_names
from segkit.data.text import read_lines


@dataclass(frozen=True)
class Split:
    """Which pictures are in which list. `groups` counts the groups in each; `unmatched` names fit no pattern.

    `replaced` counts the names in lists that were there and had others, test.txt among them where it is gone now.
    """

    names: dict[str, tuple[str, ...]]
    groups: dict[str, int]
    unmatched: tuple[str, ...] = ()
    replaced: dict[str, int] = field(default_factory=dict)


def divide(
    names: Sequence[str], *, val: float = 0.2, test: float = 0.0, seed: int = 0, group: str | None = None
) -> Split:
    """Divide names among "train", "val" and, with `test` over 0, "test": `val` and `test` are shares of the pictures.

    Names with one first capture (or without captures: one match) of the pattern `group` stay together; a name that it
    is not found in is a group of its own, as is every name without a pattern. The result depends on the names and the
    seed alone: groups are taken in the order of a hash of both, a list gets groups until more would take it further
    from its share, and each list gets at least one. Raises ConfigError for a wrong share or pattern, DataError where
    there are fewer groups than lists.
    """
    if not (0 < val < 1 and 0 <= test < 1 and val + test < 1):
        raise ConfigError(f"val={val:g} and test={test:g}: give shares over 0 whose sum leaves pictures to train on")
    shares = {"val": val, "test": test} if test else {"val": val}
    groups, unmatched = _groups(names, group)
    if len(groups) <= len(shares):
        held = "all pictures are in one group" if len(groups) == 1 else f"there are only {len(groups)} groups"
        pattern = (
            f"of the pattern {group!r}: give one that tells them apart" if group else "of one picture: add pictures"
        )
        raise DataError(f"{held} {pattern}")
    order = sorted(groups, key=lambda key: hashlib.sha256(f"{seed}:{key}".encode(errors="surrogateescape")).digest())
    found: dict[str, tuple[str, ...]] = {}
    counts = {}
    for place, (split, share) in enumerate(shares.items()):
        target, chosen = share * len(names), [order.pop(0)]
        size = len(groups[chosen[0]])
        spare = len(shares) - place  # the lists that come after, train among them
        for key in order[: len(order) - spare]:
            if abs(size + len(groups[key]) - target) <= abs(size - target):
                size += len(groups[key])
                chosen.append(key)
        order = [key for key in order if key not in set(chosen)]
        found[split] = tuple(sorted(name for key in chosen for name in groups[key]))
        counts[split] = len(chosen)
    train = tuple(sorted(name for key in order for name in groups[key]))
    return Split({"train": train, **found}, {"train": len(order), **counts}, tuple(unmatched))


def split_folder(
    folder: Path, *, val: float = 0.2, test: float = 0.0, seed: int = 0, group: str | None = None
) -> Split:
    """`divide` the pictures in `images/` that have a label in `labels/`, and write train.txt, val.txt and test.txt.

    Lists that are there are replaced; without a share for it test.txt is removed, whose pictures are now elsewhere.
    Raises DataError where the folders are missing or hold no pair, ConfigError as `divide` does.
    """
    pairs = FolderDataset(folder, split="all", classes=["any"], images="images", labels="labels")
    names = [path.name for path in pairs.pictures]
    result = divide(names, val=val, test=test, seed=seed, group=group)
    replaced = _other_lists(folder, result.names)
    write_lists(folder, result.names)
    return replace(result, replaced=replaced)


def _other_lists(folder: Path, names: dict[str, tuple[str, ...]]) -> dict[str, int]:
    """How many names each list in the folder has that is not as it is to be."""
    found = {}
    for split in ("train", "val", "test"):
        path = folder / f"{split}.txt"
        lines = read_lines(path) if path.is_file() else []
        if lines and sorted(lines) != sorted(names.get(split, ())):
            found[split] = len(lines)
    return found


def write_lists(folder: Path, names: dict[str, tuple[str, ...]]) -> None:
    """Write one list file a split into the folder; a test.txt of before goes where `names` has no "test"."""
    for split, members in names.items():
        write_names(folder / f"{split}.txt", members)
    if "test" not in names:
        (folder / "test.txt").unlink(missing_ok=True)


def _groups(names: Sequence[str], pattern: str | None) -> tuple[dict[str, list[str]], list[str]]:
    try:
        compiled = re.compile(pattern) if pattern is not None else None
    except re.error as error:
        raise ConfigError(f"--group {pattern!r}: this is no regular expression ({error})") from None
    groups: dict[str, list[str]] = {}
    unmatched = []
    for name in names:
        match = compiled.search(name) if compiled else None
        key = f"/{name}"  # no file is called so: a name never falls into the group of a pattern
        if match is not None:
            key = (match.group(1) or "") if match.re.groups else match.group()
        elif compiled:
            unmatched.append(name)
        groups.setdefault(key, []).append(name)
    return groups, unmatched
