"""Why a label file is refused: what was done to it, so that it can be told how to make it right."""

from pathlib import Path

import numpy as np

from segkit.base.errors import DataError
from segkit.base.label_files import colour_codes, read_stored_label
from segkit.base.labels import IGNORE, Palette, palette_table
from segkit.data.finding import Finding

_NEAR = 16  # how far JPEG moves most colours, in levels of the channel that moves most
# Of pixels in unknown colours, how many are that near. Measured on CamVid: 83 to 100 % at qualities 50 to 95, and 16 to
# 74 % where a mask was made larger or smaller with bilinear, bicubic or Lanczos smoothing.
_MOSTLY_NEAR = 0.78
_MANY = 12  # colours or values that nobody chose, so that a program made them
_GREYS = (0, 64, 128, 192, 255)  # of masks made to be looked at


def label_finding(path: Path, refused: str, colours: Palette | None) -> Finding:
    """What is wrong with a label file that was `refused` with this message, with the cause where it can be told.

    `colours` are those that the data set decodes RGB labels by.
    """
    return Finding("error", str(path), *_cause(path, refused, colours))


def _cause(path: Path, refused: str, colours: Palette | None) -> tuple[str, str]:
    """The sentence of the finding, and its kind; so are the results of the functions below."""
    try:
        stored = read_stored_label(path)
    except DataError:
        return refused, "mask compressed as JPEG" if _starts_as_jpeg(path) else "label cannot be read"
    if stored.ndim == 2:
        return _wrong_values(path, refused, stored)
    if colours is None:
        return _colours_not_told(path, refused, stored)
    return _wrong_colours(path, stored, colours)


def _starts_as_jpeg(path: Path) -> bool:
    try:
        with open(path, "rb") as file:
            return file.read(3) == b"\xff\xd8\xff"
    except OSError:
        return False


def _wrong_values(path: Path, refused: str, stored: np.ndarray) -> tuple[str, str]:
    if "saved to be looked at" in refused:
        return refused, "mask saved to be looked at"
    present = np.unique(stored)
    off = np.abs(present[:, None].astype(int) - np.array(_GREYS)).min(1)
    greys = _few_greys(stored)
    if len(present) > _MANY and (off[off > 0] <= _NEAR).mean() > 0.5 and greys:
        told = (
            f"{path} holds {len(present)} values near {greys}: it was compressed as JPEG, or made smaller "
            "with smoothing, which makes values that are no class: make it again from the tool's own masks as PNG"
        )
        return told, "mask compressed as JPEG"
    return refused, "label values"


def _few_greys(stored: np.ndarray) -> str:
    """The greys that nearly all of a mask is close to, such as "0 and 255"; "" if they are not those of a mask."""
    shares = {grey: float((np.abs(stored.astype(int) - grey) <= _NEAR).mean()) for grey in _GREYS}
    greys = [grey for grey, share in shares.items() if share > 0.002]
    near = sum(shares[grey] for grey in greys)
    return " and ".join(map(str, greys)) if any(greys) and near > 0.95 else ""


def _colours_not_told(path: Path, refused: str, stored: np.ndarray) -> tuple[str, str]:
    if (stored == stored[..., :1]).all():
        refused = f"{path} is a map of grey values saved as RGB: save it as an indexed or grey PNG of 8 bits"
    elif len(np.unique(colour_codes(stored))) > 256:
        refused += f" (it has more than 256 colours: is {path.name} a picture, or compressed as JPEG?)"
    return refused, "RGB label"


def _wrong_colours(path: Path, stored: np.ndarray, colours: Palette) -> tuple[str, str]:
    table = np.array([*colours, palette_table(colours)[IGNORE].tolist()], int)
    codes, counts = np.unique(colour_codes(stored), return_counts=True)
    found = np.stack([codes >> 16, codes >> 8 & 255, codes & 255], 1)
    distances = np.abs(found[:, None] - table).max(2).min(1)
    unknown = distances > 0
    share = counts[unknown].sum() / counts.sum()
    near = counts[unknown & (distances <= _NEAR)].sum() / counts[unknown].sum()
    if unknown.sum() > _MANY and near > _MOSTLY_NEAR:
        told = (
            f"{path} holds {unknown.sum()} colours that are near those of the classes but not equal ({share:.1%} of "
            "its pixels): it was compressed as JPEG, which no saving as PNG undoes: make it again from the tool's own "
            "masks as PNG"
        )
        return told, "mask compressed as JPEG"
    if unknown.sum() > _MANY:
        told = (
            f"{path} holds {unknown.sum()} colours that are no class's ({share:.1%} of its pixels): it was resized "
            "with smoothing, or is no label: make it again without smoothing (nearest neighbour)"
        )
        return told, "unknown colours"
    most = [tuple(colour) for colour in found[unknown][np.argsort(-counts[unknown])][:5].tolist()]
    told = f"{path} has {share:.1%} of its pixels in colours that are no class's: {', '.join(map(str, most))}"
    return f"{told}: add them to `colours`, or repaint them", "unknown colours"
