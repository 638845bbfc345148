"""Which picture a mask is of, by the names of their folders and files, as public sets have them.

A file is a mask where a folder says so (masks, labels, train_labels, trainannot, ann_dir, SegmentationClass,
Training_GroundTruth ...), or the end of its name (_mask, _label, _gt, _L, _segmentation, _gtFine_labelIds ...). Its
picture has the same name and lies in the same folders, less these words and those of pictures (images, img_dir,
leftImg8bit, JPEGImages, sources, _sat ...); where there is none, the only one of the same split and name, else of the
same name. Patterns in place of that say both, such as img_dir/{split}/{name}.jpg and ann_dir/{split}/{name}_mask.png.
"""

import posixpath
import re
from collections.abc import Iterable
from typing import NamedTuple

from segkit.base.errors import ConfigError
from segkit.data.importers.export import split_named

_MASKS = frozenset(
    [
        "mask",
        "masks",
        "label",
        "labels",
        "annotation",
        "annotations",
        "ann",
        "anns",
        "annot",
        "gt",
        "groundtruth",
        "ground",
        "truth",
        "segmentation",
        "segmentations",
        "seg",
        "sem",
        "semantic",
    ]
)
"""Words of a folder that holds masks."""
_PICTURES = frozenset(
    [
        "image",
        "images",
        "img",
        "imgs",
        "picture",
        "pictures",
        "photo",
        "photos",
        "source",
        "sources",
        "sat",
        "rgb",
        "jpeg",
    ]
)
_FILLERS = frozenset(
    ["dir", "data", "class", "png", "jpg", "jpeg", "tif", "bmp", "fine", "coarse", "left", "8", "bit", "raw"]
)
"""Words that say nothing beside one of the others."""
_SHOWN = frozenset(["object", "visualization", "visualizations", "overlay", "overlays", "viz"])
"""Words of a folder whose masks tell objects apart, or are to be looked at."""
_MASK_ENDINGS = [
    "_gtFine_labelTrainIds",
    "_gtFine_labelIds",
    "_gtCoarse_labelIds",
    "_labelTrainIds",
    "_labelIds",
    "_segmentation",
    "_masks",
    "_mask",
    "_labels",
    "_label",
    "_gt",
    "_seg",
    "_L",
]
"""Of which an earlier one is taken where a picture has several."""
_IN_FOLDERS = ("_P",)
"""Endings that a mask has in a folder of masks alone."""
_SHOWN_ENDINGS = ("_gtFine_color", "_gtCoarse_color", "_instanceIds", "_instanceTrainIds", "_gtFine_polygons")
_PICTURE_ENDINGS = ("_leftImg8bit", "_sat", "_image", "_img")


class Named(NamedTuple):
    """What the name of a file says: the folders that are left, the split, the stem, and how well a mask it is."""

    folders: tuple[str, ...]
    split: str | None
    stem: str
    rank: int = 0

    @property
    def name(self) -> str:
        """The name of a picture, with folders."""
        return "/".join([*self.folders, self.stem])


class Pairs(NamedTuple):
    """Names of files: (what the picture is called, the picture, its mask), and those left over, each with why."""

    pairs: list[tuple[Named, str, str]]
    left_out: dict[str, str]


def is_mask(name: str) -> bool:
    """Whether a file's folder or the end of its name says that it is a mask."""
    *folders, last = name.split("/")
    stem = posixpath.splitext(last)[0]
    return any(_words(part) & _MASKS for part in folders) or stem.endswith((*_MASK_ENDINGS, *_SHOWN_ENDINGS))


def is_shown(name: str) -> bool:
    """Whether a file only shows a mask, or tells objects apart."""
    *folders, last = name.split("/")
    in_folder = any(_words(part) & _SHOWN and _words(part) & _MASKS for part in folders)
    return in_folder or posixpath.splitext(last)[0].endswith(_SHOWN_ENDINGS)


def pair(pictures: Iterable[str], masks: Iterable[str]) -> Pairs:
    """Each picture with its mask."""
    left_out: dict[str, str] = {}
    described = {name: _described(name, of_mask=True) for name in masks}
    best: dict[tuple[tuple[str, ...], str | None, str], str] = {}
    for name, said in sorted(described.items(), key=lambda item: (item[1].rank, item[0])):
        other = best.setdefault(said[:3], name)
        if other is not name:
            left_out[name] = f"its picture has another mask ({other})"
    by_stem: dict[tuple[str | None, str], list[str]] = {}
    for name in best.values():
        said = described[name]
        for split in {said.split, None}:
            by_stem.setdefault((split, said.stem), []).append(name)
    pairs, used = [], set()
    for picture in pictures:
        said = _described(picture, of_mask=False)
        fits = [best[said[:3]]] if said[:3] in best else by_stem.get((said.split, said.stem), [])
        fits = fits or by_stem.get((None, said.stem), [])
        if len(fits) != 1 or fits[0] in used:
            why = "it may be that of several" if len(fits) > 1 else "it has no mask"
            left_out[picture] = f"{why}: give both the same name, and put masks into masks/"
            continue
        used.add(fits[0])
        pairs.append((said._replace(split=said.split or described[fits[0]].split), picture, fits[0]))
    left_out |= {name: "it has no picture: give both the same name" for name in best.values() if name not in used}
    return Pairs(pairs, left_out)


def pair_by_patterns(names: Iterable[str], pictures: str, masks: str) -> Pairs:
    """The same by patterns. Raises ConfigError for one without {name}, or with other words than {name} and {split}."""
    names = list(names)
    of_masks = _matching(names, masks, "--masks")
    pairs = []
    left_out = {}
    for key, picture in _matching(names, pictures, "--images").items():
        mask = of_masks.pop(key, None)
        if mask is None:
            left_out[picture] = f"no file fits {masks} for it"
        else:
            split, stem = key
            pairs.append((Named((), None if split is None else split_named(split), stem), picture, mask))
    left_out |= dict.fromkeys(of_masks.values(), f"no file fits {pictures} for it")
    return Pairs(pairs, left_out)


def _matching(names: Iterable[str], pattern: str, option: str) -> dict[tuple[str | None, str], str]:
    parts = re.split(r"(\{\w*\})", pattern.removeprefix("./"))
    words = [part for part in parts if part.startswith("{")]
    if words.count("{name}") != 1 or not set(words) <= {"{name}", "{split}"} or len(set(words)) < len(words):
        raise ConfigError(f"{option} {pattern}: write {{name}} once where the names differ, and {{split}} for a split")
    groups = {"{name}": "(?P<name>.+)", "{split}": "(?P<split>[^/]+)"}
    form = re.compile("".join(groups.get(part, re.escape(part)) for part in parts))
    found: dict[tuple[str | None, str], str] = {}
    for name in names:
        if match := form.fullmatch(name):
            said = match.groupdict()
            found[said.get("split"), said["name"]] = name
    return found


def _described(name: str, *, of_mask: bool) -> Named:
    *parts, last = name.split("/")
    folders, split, in_masks = [], None, False
    for part in parts:
        words = _words(part)
        in_masks = in_masks or bool(words & _MASKS)
        known = words & (_MASKS | _PICTURES)
        rest = [word for word in _split_words(part) if word.lower() not in _MASKS | _PICTURES | _FILLERS]
        kept = "_".join(rest) if known or not rest else part
        if (named := split_named(kept)) is not None:
            split = named
        elif rest:
            folders.append(kept)
    stem = posixpath.splitext(last)[0]
    endings = [*_MASK_ENDINGS, *(_IN_FOLDERS if in_masks else ())] if of_mask else [*_PICTURE_ENDINGS]
    rank = next((place for place, ending in enumerate(endings) if stem.endswith(ending)), len(endings))
    if rank < len(endings):
        stem = stem.removesuffix(endings[rank])
    return Named(tuple(folders), split, stem, rank)


def _words(part: str) -> set[str]:
    return {word.lower() for word in _split_words(part)}


def _split_words(part: str) -> list[str]:
    """ "trainannot" -> train, annot; "leftImg8bit" -> left, Img, 8, bit; "JPEGImages" -> JPEG, Images."""
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_]+", part)
    joined = r"(train|val|test)(annot|labels?|masks?|gt)|(\w+)(annot)"
    if len(words) == 1 and (match := re.fullmatch(joined, words[0])):
        return [word for word in match.groups() if word]
    return words
