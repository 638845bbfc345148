"""Label Studio (https://labelstud.io): tasks in JSON with brush masks, the pictures in `images`, and the interface.

The pictures are served from the export's folder (https://labelstud.io/guide/storage#Local-storage). Pixel for pixel
what the label maps hold.
"""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote
from xml.sax.saxutils import quoteattr

import numpy as np

from segkit.base.files import write_atomically
from segkit.data.exporters.objects import Annotated, Object, runs

PICTURES = "images"
FILE = "tasks.json"
INTERFACE = "interface.xml"
INTERFACE_TEXT = """\
<View>
  <Image name="image" value="$image" zoom="true"/>
  <BrushLabels name="tag" toName="image">
{labels}
  </BrushLabels>
</View>
"""
_LENGTHS = (3, 7, 11, 16)
"""Bits that a run's length may be written in."""


def write(pictures: Iterable[Annotated], classes: Sequence[str], folder: Path) -> None:
    """Write tasks.json, to be imported, and interface.xml, for the project's labelling setup."""
    tasks = []
    for number, picture in enumerate(pictures, 1):
        results = [_result(f"{number}-{place}", item, picture.size) for place, item in enumerate(picture.objects)]
        served = f"/data/local-files/?d={quote(f'{PICTURES}/{picture.file}')}"
        tasks.append({"id": number, "data": {"image": served}, "annotations": [{"id": number, "result": results}]})
    write_atomically(folder / FILE, json.dumps(tasks, ensure_ascii=False) + "\n")
    labels = "\n".join(f"    <Label value={quoteattr(name)}/>" for name in classes)
    write_atomically(folder / INTERFACE, INTERFACE_TEXT.format(labels=labels))


def _result(name: str, item: Object, size: tuple[int, int]) -> dict[str, Any]:
    height, width = size
    return {
        "id": name,
        "type": "brushlabels",
        "from_name": "tag",
        "to_name": "image",
        "original_height": height,
        "original_width": width,
        "image_rotation": 0,
        "value": {
            "format": "rle",
            "rle": list(encode_rle(item.patch.whole(height, width))),
            "brushlabels": [item.name],
        },
    }


def encode_rle(mask: np.ndarray) -> bytes:
    """A mask (H, W) as the RGBA values of a brush, packed: what `importers.label_studio.decode_rle` explains."""
    bits = [f"{4 * mask.size:032b}", f"{7:05b}", *(f"{length - 1:04b}" for length in _LENGTHS)]
    for place, pixels in enumerate(runs(mask)):
        left = 4 * pixels
        while left:
            length = min(left, 1 << _LENGTHS[-1])
            choice = next(place for place, size in enumerate(_LENGTHS) if length <= 1 << size)
            bits.append(f"1{choice:02b}{length - 1:0{_LENGTHS[choice]}b}{255 * (place % 2):08b}")
            left -= length
    flat = np.frombuffer("".join(bits).encode(), np.uint8) - ord("0")
    return np.packbits(flat).tobytes()
