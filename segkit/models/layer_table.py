"""The layer table of a network as the papers print it, with dilations, receptive fields and costs beside it."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from torch import Tensor, nn

from segkit.models.backbone import Block
from segkit.models.complexity import Call, call_madds, count_parameters, trace, upsampling_madds
from segkit.models.deeplabv3 import ASPP, ImagePooling
from segkit.models.layers import ConvNormAct


@dataclass(frozen=True)
class LayerRow:
    """One row of `layer_table`: `n` equal blocks, of which the first has stride `s`.

    `input` is (H, W, C) of the first block; `operator` the papers' name for it; `t` its expansion and `c` its output
    channels; `receptive_field` the side in pixels of what one output position of the last block sees along the widest
    path that avoids image pooling, None where that is the whole picture. `madds` (exact accounting) and `params` are
    those of all `n` together. Elsewhere None is the papers' dash.
    """

    input: tuple[int, int, int]
    operator: str
    t: int | None
    c: int | None
    n: int
    s: int | None
    dilation: int | None
    receptive_field: int | None
    madds: int
    params: int


def layer_table(model: nn.Module, size: tuple[int, int] = (224, 224)) -> list[LayerRow]:
    """The rows of the papers' layer tables for a classifier or a `DeepLabV3` at pictures of `size` (height, width).

    Blocks that follow each other with equal operator, t, c and dilation share a row, as in MobileNetV2's table 2; one
    that has a stride starts a new row. The `madds` of the rows add up to `count_madds`, the `params` to
    `count_parameters`.
    """
    calls = trace(model, size)
    fields = _Fields()
    madds = Counter[nn.Module]()
    for call in calls:
        madds[call.module] += call_madds(call)
    call_of = {call.module: call for call in calls}
    table: list[list[LayerRow]] = []
    map_before: Tensor | None = None
    ended = {call.module: place for place, call in enumerate(calls)}
    for block in sorted(_find_blocks(calls[-1].module, ""), key=lambda block: ended[block[0][0]]):
        if map_before is not None and isinstance(block[0][0], nn.Linear):
            table.append([_average_pooling(map_before)])
        rows = [_row(call_of[unit], operator, fields, madds) for unit, operator in block]
        # Only blocks in a chain share a row: the branches of ASPP stand beside each other.
        if call_of[block[0][0]].given is map_before and _alike(table[-1], rows):
            table[-1] = [_together(a, b) for a, b in zip(table[-1], rows, strict=True)]
        else:
            table.append(rows)
        map_before = call_of[block[-1][0]].made
    network = calls[-1]
    if map_before is not None and upsampling_madds(network):
        field = fields.widest.size + fields.widest.step  # between two positions the map is mixed from both
        shape, classes = _shape(map_before), network.made.shape[1]
        table.append([LayerRow(shape, "bilinear", None, classes, 1, None, None, field, upsampling_madds(network), 0)])
    return [row for rows in table for row in rows]


def _find_blocks(module: nn.Module, prefix: str) -> Iterator[list[tuple[nn.Module, str]]]:
    """The blocks of a network, each as its units (one row each) and their operators."""
    for child in module.children():
        if isinstance(child, Block) and child.operator:
            yield [(child, child.operator)]
        elif isinstance(child, Block):
            yield [row for rows in _find_blocks(child, prefix) for row in rows]
        elif isinstance(child, ImagePooling):
            yield [(child, f"{prefix}image pooling")]
        elif isinstance(child, nn.MaxPool2d):
            yield [(child, f"maxpool {_window(child).name}")]
        elif isinstance(child, nn.Linear):
            yield [(child, "conv2d 1x1")]  # on a map of one position it is one, and so MobileNetV2's table calls it
        elif isinstance(child, ConvNormAct | nn.Conv2d):
            yield [(child, f"{prefix}conv2d {'dw ' if _is_depthwise(child) else ''}{_window(child).name}")]
        else:
            yield from _find_blocks(child, "ASPP " if isinstance(child, ASPP) else prefix)


def _is_depthwise(layer: nn.Module) -> bool:
    return any(isinstance(module, nn.Conv2d) and module.groups > 1 for module in layer.modules())


class _Window(NamedTuple):
    side: int
    stride: int
    dilation: int

    @property
    def name(self) -> str:
        return f"{self.side}x{self.side}"


def _window(unit: nn.Module) -> _Window:
    """The widest window of a unit: its other convolutions are 1x1, or a shortcut beside it with the same stride."""
    windows = [_Window(1, 1, 1)]
    for module in unit.modules():
        if isinstance(module, nn.Conv2d):
            windows.append(_Window(module.kernel_size[0], module.stride[0], module.dilation[0]))
        elif isinstance(module, nn.MaxPool2d):
            windows.append(_Window(_side(module.kernel_size), _side(module.stride), _side(module.dilation)))
    return max(windows)


def _side(sides: int | tuple[int, int]) -> int:
    return sides if isinstance(sides, int) else sides[0]


class _Field(NamedTuple):
    """What one position of a map sees of the picture, and how far apart two positions are, in pixels."""

    size: int
    step: int


class _Fields:
    """The fields of the maps made so far."""

    def __init__(self) -> None:
        self._of: dict[Tensor, _Field] = {}
        self.widest = _Field(1, 1)

    def follow(self, call: Call, window: _Window) -> int | None:
        """Side in pixels of what one position of `call.made` sees; None where that is the whole picture."""
        if isinstance(call.module, ImagePooling | nn.Linear):
            return None
        # A tensor that no unit made is the picture, or a concatenation that sees what its widest branch sees.
        before = self._of.get(call.given, self.widest)
        field = _Field(before.size + (window.side - 1) * window.dilation * before.step, before.step * window.stride)
        self._of[call.made] = field
        self.widest = max(self.widest, field)
        return field.size


def _row(call: Call, operator: str, fields: _Fields, madds: Counter[nn.Module]) -> LayerRow:
    unit = call.module
    window = _window(unit)
    return LayerRow(
        input=_shape(call.given),
        operator=operator,
        t=unit.expansion if isinstance(unit, Block) else None,
        c=call.made.shape[1],
        n=1,
        s=window.stride,
        dilation=window.dilation,
        receptive_field=fields.follow(call, window),
        madds=sum(madds[module] for module in unit.modules()),
        params=count_parameters(unit),
    )


def _average_pooling(given: Tensor) -> LayerRow:
    height, width, channels = _shape(given)
    return LayerRow((height, width, channels), f"avgpool {height}x{width}", None, None, 1, None, None, None, 0, 0)


def _shape(x: Tensor) -> tuple[int, int, int]:
    channels, height, width = (*x.shape[1:], 1, 1)[:3]
    return height, width, channels


def _alike(first: Sequence[LayerRow], second: Sequence[LayerRow]) -> bool:
    def kinds(rows: Sequence[LayerRow]) -> list[tuple[object, ...]]:
        return [(row.operator, row.t, row.c, row.dilation) for row in rows]

    return kinds(first) == kinds(second) and all(row.s == 1 for row in second)


def _together(first: LayerRow, second: LayerRow) -> LayerRow:
    return replace(
        first,
        n=first.n + second.n,
        receptive_field=second.receptive_field,
        madds=first.madds + second.madds,
        params=first.params + second.params,
    )
